//! Signs the documents that `signet-verify` reads: leases, validations, license files, revocation lists.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use signet_verify::kind::Kind;

use super::{
    jws::{self, TooLong},
    keys::Signer,
};

/// Signs `claims` as a document of `kind`.
///
/// # Errors
/// [`TooLong`] when no reader would accept the result.
pub fn sign(kind: Kind, claims: &impl Serialize, signer: &Signer) -> Result<String, TooLong> {
    let header = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"{}"}}"#, signer.kid(), kind.typ());
    let payload = serde_json::to_vec(claims).expect("claims are strings, numbers and maps with string keys");
    let mut text = BASE64URL_NOPAD.encode(header.as_bytes());
    text.push('.');
    BASE64URL_NOPAD.encode_append(&payload, &mut text);
    let signature = signer.sign(text.as_bytes());
    let text = jws::assemble(&text, &signature);
    let (length, limit) = (text.len(), kind.max_chars());
    if length > limit { Err(TooLong { length, limit }) } else { Ok(text) }
}
