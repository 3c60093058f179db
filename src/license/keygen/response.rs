//! Signs answers: a digest of the body, and a signature over it, the address and the date (draft-cavage-http-signatures-08).

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::{base::time::Time, license::keys::Signer};

/// The headers by which an answer can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `Date`, as HTTP writes it (RFC 9110 §5.6.7).
    pub date: String,
    /// `Digest: sha-256=…`.
    pub digest: String,
    /// `Keygen-Signature`.
    pub signature: String,
}

/// Signs the answer with `body` to `method target` at `host`.
pub fn sign(signer: &Signer, account: &str, method: &str, target: &str, host: &str, at: Time, body: &[u8]) -> Headers {
    let date = at.civil().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let digest = format!("sha-256={}", BASE64.encode(&Sha256::digest(body)));
    let method = method.to_ascii_lowercase();
    let text = format!("(request-target): {method} {target}\nhost: {host}\ndate: {date}\ndigest: {digest}");
    let signature = BASE64.encode(&signer.sign(text.as_bytes()));
    let signature = format!(
        "keyid=\"{account}\", algorithm=\"ed25519\", signature=\"{signature}\", headers=\"(request-target) host date digest\""
    );
    Headers { date, digest, signature }
}
