//! Ed25519 keys: their roles, their states, and their names.

use std::{fmt, str::FromStr};

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::base::{entropy::Entropy, secret::Key32, text::truncate};

/// The name under which the installation's own keys stand: they sign answers about no known product. No product can be
/// called so.
pub const INSTALLATION: &str = "installation";

/// A text that names no role or state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {expected}")]
pub struct UnknownName {
    found: String,
    expected: &'static str,
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Only key lists. Software pins it; it may be kept offline.
    Root,
    /// License codes, and whatever else software has to verify.
    Signing,
    /// What the marketplace's debug calls get. Never published, so nothing it signs ever verifies.
    Debug,
}

impl KeyRole {
    /// The stable name, as in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Signing => "signing",
            Self::Debug => "debug",
        }
    }
}

impl FromStr for KeyRole {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Root, Self::Signing, Self::Debug]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownName { found: truncate(text, 40), expected: "root, signing, debug" })
    }
}

/// Where a key stands in its life. Rotation: the new key becomes active, the old one verify-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Signs and verifies.
    Active,
    /// Signs no more; what it signed stays true.
    VerifyOnly,
    /// Nothing it signed is true any more.
    Revoked,
}

impl KeyState {
    /// The stable name, as in the database and in key lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::VerifyOnly => "verify_only",
            Self::Revoked => "revoked",
        }
    }

    /// Whether what the key signed is to be believed.
    pub fn verifies(self) -> bool {
        !matches!(self, Self::Revoked)
    }
}

impl FromStr for KeyState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Active, Self::VerifyOnly, Self::Revoked]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownName { found: truncate(text, 40), expected: "active, verify_only, revoked" })
    }
}

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
        if text.len() != 43 {
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
        BASE64URL_NOPAD.encode(&Sha256::digest(jwk))
    }

    /// Checks a signature, refusing malleable and small-order forms, so that every verifier agrees.
    ///
    /// # Errors
    /// [`BadSignature`] when this key did not sign exactly `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BadSignature)
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

/// What anybody may know of a key, with what decides whether they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// What it may sign.
    pub role: KeyRole,
    /// Where it stands.
    pub state: KeyState,
    /// The public half.
    pub public: PublicKey,
}

/// The private half, ready to sign: expanded once, because doing that for every signature halves the rate.
///
/// Wiped when dropped; never printed.
pub struct Signer {
    key: SigningKey,
    public: PublicKey,
    kid: String,
}

impl Signer {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::from_seed(&Key32::new(entropy.bytes()))
    }

    /// The key of a seed: the 32 secret bytes of RFC 8032 §5.1.5.
    pub fn from_seed(seed: &Key32) -> Self {
        let key = SigningKey::from_bytes(seed.expose());
        let public = PublicKey(key.verifying_key());
        Self { kid: public.kid(), public, key }
    }

    /// The seed, to be sealed.
    pub fn seed(&self) -> Key32 {
        Key32::new(self.key.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The name that signed documents carry.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The Ed25519 signature of `bytes` (RFC 8032 §5.1.6): the same bytes always get the same signature.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    /// RFC 8037 appendix A.1 and A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037_appendix_a_3() {
        let key = PublicKey::from_x(X).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.x(), X);
    }

    #[test]
    fn a_seed_reads_back_to_the_same_key() {
        let signer = Signer::generate(&SeededEntropy::new(3));
        let again = Signer::from_seed(&signer.seed());
        assert_eq!(again.public(), signer.public());
        assert_eq!(again.sign(b"x"), signer.sign(b"x"));
        assert_ne!(Signer::generate(&SeededEntropy::new(4)).kid(), signer.kid());
    }

    #[test]
    fn a_signature_holds_for_its_key_and_bytes_only() {
        let signer = Signer::generate(&SeededEntropy::new(3));
        let other = Signer::generate(&SeededEntropy::new(4));
        let signature = signer.sign(b"message");
        assert!(signer.public().verify(b"message", &signature).is_ok());
        assert_eq!(signer.public().verify(b"messagf", &signature), Err(BadSignature));
        assert_eq!(other.public().verify(b"message", &signature), Err(BadSignature));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signer.public().verify(b"message", &changed), Err(BadSignature), "bit {bit}");
        }
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

    #[test]
    fn names_read_back_and_foreign_ones_do_not() {
        for role in [KeyRole::Root, KeyRole::Signing, KeyRole::Debug] {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for state in [KeyState::Active, KeyState::VerifyOnly, KeyState::Revoked] {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert!("Root".parse::<KeyRole>().is_err() && "verify-only".parse::<KeyState>().is_err());
    }

    #[test]
    fn debug_shows_the_name_only() {
        let signer = Signer::generate(&SeededEntropy::new(3));
        let seed = signer.seed();
        let shown = format!("{signer:?}");
        assert!(shown.contains(signer.kid()));
        assert!(!shown.contains(&BASE64URL_NOPAD.encode(seed.expose())));
        assert!(!shown.contains(&format!("{:?}", seed.expose())));
    }
}
