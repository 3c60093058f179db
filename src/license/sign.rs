//! Signs documents: JWS in compact form with Ed25519. Reading them is the work of `signet-verify`, whose types both
//! sides share.

use std::fmt;

use serde::Serialize;
use signet_verify::{jws, kind::Kind};

use super::keys::Signer;

/// A freshly signed document, still in the two pieces that the store keeps apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key that signed.
    pub kid: String,
    /// `header.payload`; worthless without the signature.
    pub signing_input: String,
    /// The signature; kept sealed.
    pub signature: [u8; 64],
}

impl Signed {
    /// The document as it is handed out.
    pub fn text(&self) -> String {
        jws::assemble(&self.signing_input, &self.signature)
    }
}

/// Leaves the signature out: with it a log would hold a usable license.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A document that would be longer than its kind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signed text would have {length} characters, but at most {limit} are allowed: shorten the plan's features or the issuer"
)]
pub struct TooLong {
    /// Characters it would have.
    pub length: usize,
    /// Characters it may have.
    pub limit: usize,
}

/// Signs `claims` as a document of `kind`.
///
/// # Errors
/// [`TooLong`] when no reader would accept the result.
pub fn sign(kind: Kind, claims: &impl Serialize, signer: &Signer) -> Result<String, TooLong> {
    let payload = serde_json::to_vec(claims).expect("claims are strings, numbers and maps with string keys");
    sign_payload(kind, &payload, signer).map(|signed| signed.text())
}

/// Signs `payload` (JSON bytes) as a document of `kind`.
///
/// # Errors
/// [`TooLong`] when no reader would accept the result; nothing is signed then.
pub fn sign_payload(kind: Kind, payload: &[u8], signer: &Signer) -> Result<Signed, TooLong> {
    let (length, limit) = (jws::length(kind, payload.len()), kind.max_chars());
    if length > limit {
        return Err(TooLong { length, limit });
    }
    let signing_input = jws::signing_input(kind, signer.kid(), payload);
    let signature = signer.sign(signing_input.as_bytes());
    Ok(Signed { kid: signer.kid().to_owned(), signing_input, signature })
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    use super::*;
    use crate::base::{entropy::SeededEntropy, limits, secret::Key32};

    fn signer() -> Signer {
        Signer::generate(&SeededEntropy::new(7))
    }

    #[test]
    fn rfc_8037_appendix_a_signs_the_same() {
        let seed = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let signer = Signer::from_seed(&Key32::new(seed.try_into().unwrap()));
        let signature = signer.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(BASE64URL_NOPAD.encode(&signature), expected);
    }

    #[test]
    fn a_document_longer_than_its_kind_is_not_signed() {
        let kind = Kind::LicenseCode;
        assert_eq!(kind.max_chars(), limits::LICENSE_CODE_CHARS);
        let fits = (0..2_000).rev().find(|bytes| jws::length(kind, *bytes) <= limits::LICENSE_CODE_CHARS).unwrap();
        let text = sign_payload(kind, &vec![b'x'; fits], &signer()).unwrap().text();
        assert!(jws::parse(&text, kind).is_ok());
        let refused = sign_payload(kind, &vec![b'x'; fits + 1], &signer());
        assert!(matches!(refused, Err(TooLong { limit: limits::LICENSE_CODE_CHARS, .. })));
    }

    #[test]
    fn debug_leaves_the_signature_out() {
        let signed = sign_payload(Kind::Lease, b"{}", &signer()).unwrap();
        assert_eq!(format!("{signed:?}"), format!("Signed {{ kid: {:?}, .. }}", signer().kid()));
    }

    proptest! {
        #[test]
        fn what_was_signed_reads_back(payload in prop::collection::vec(any::<u8>(), 0..500), seed in any::<u64>()) {
            let signer = Signer::generate(&SeededEntropy::new(seed));
            let text = sign_payload(Kind::LicenseCode, &payload, &signer).unwrap().text();
            prop_assert_eq!(text.len(), jws::length(Kind::LicenseCode, payload.len()));
            let parsed = jws::parse(&text, Kind::LicenseCode).unwrap();
            prop_assert_eq!((&parsed.payload, parsed.kid.as_str()), (&payload, signer.kid()));
            prop_assert!(parsed.verify(signer.public()).is_ok());
        }
    }
}
