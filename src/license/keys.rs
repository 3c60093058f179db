//! Ed25519 keys: their roles, their states, and their names.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
pub use signet_verify::{
    claims::KeyState,
    key::{BadPublicKey, BadSignature, PublicKey},
};

use crate::base::{entropy::Entropy, secret::Key32, text::truncate};

/// The name under which the installation's own keys stand: they sign answers about no known product. No product can be
/// called so.
pub const INSTALLATION: &str = "installation";

/// A text that names no role.
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
        let public = PublicKey::from(key.verifying_key());
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
    use data_encoding::BASE64URL_NOPAD;

    use super::*;
    use crate::base::entropy::SeededEntropy;

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
    fn names_read_back_and_foreign_ones_do_not() {
        for role in [KeyRole::Root, KeyRole::Signing, KeyRole::Debug] {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!("Root".parse::<KeyRole>().is_err());
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
