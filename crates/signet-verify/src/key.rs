//! Ed25519 public keys and their names.

use alloc::{format, string::String};
use core::fmt;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Characters of an `x` and of a `kid`: 32 bytes in base64url without padding.
pub const CHARS: usize = 43;

/// A signature that does not fit the key and the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match: the text was changed, or another key signed it")]
pub struct BadSignature;

/// Bytes that are no usable public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key: 32 bytes (43 base64url characters) that name a strong point are needed")]
pub struct BadPublicKey;

/// An Ed25519 public key, decompressed once. Serialised as the `x` of a JWK (RFC 8037 §2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032 §5.1.5.
    ///
    /// # Errors
    /// [`BadPublicKey`] for bytes that are no point, and for points under which anybody can sign.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadPublicKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadPublicKey)?;
        if key.is_weak() { Err(BadPublicKey) } else { Ok(Self(key)) }
    }

    /// Reads `x`: 43 characters of base64url without padding.
    ///
    /// # Errors
    /// As [`Self::from_bytes`], and for text that is not canonical base64url.
    pub fn from_x(text: &str) -> Result<Self, BadPublicKey> {
        // Checked before decoding, so that a huge text costs nothing.
        if text.len() != CHARS {
            return Err(BadPublicKey);
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| BadPublicKey)?;
        Self::from_bytes(&bytes.try_into().map_err(|_| BadPublicKey)?)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// `x` of the JWK: base64url without padding.
    pub fn x(&self) -> String {
        BASE64URL_NOPAD.encode(self.as_bytes())
    }

    /// The key's name: its RFC 7638 thumbprint with SHA-256 (members as in RFC 8037 §2), base64url, 43 characters.
    pub fn kid(&self) -> String {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        BASE64URL_NOPAD.encode(&Sha256::digest(jwk.as_bytes()))
    }

    /// Checks a signature, refusing malleable and small-order forms, so that every verifier agrees.
    ///
    /// # Errors
    /// [`BadSignature`] when this key did not sign exactly `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BadSignature)
    }
}

impl From<VerifyingKey> for PublicKey {
    /// The public half of a key that was made here; one from outside goes through [`PublicKey::from_bytes`].
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.x())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.x())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_x(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037_appendix_a_3() {
        let key = PublicKey::from_x(X).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.x(), X);
        assert_eq!(format!("{key:?}"), format!("PublicKey({X})"));
    }

    #[test]
    fn weak_and_malformed_public_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(BadPublicKey));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(BadPublicKey));
        // y = 2 is on no curve point.
        let mut none = [0; 32];
        none[0] = 2;
        assert_eq!(PublicKey::from_bytes(&none), Err(BadPublicKey));
        let spare_bit_set = format!("{}p", &X[..42]);
        for text in ["", &X[1..], &format!("{X}="), &format!("{X}A"), &spare_bit_set, &"é".repeat(22)] {
            assert_eq!(PublicKey::from_x(text), Err(BadPublicKey), "{text}");
        }
    }
}
