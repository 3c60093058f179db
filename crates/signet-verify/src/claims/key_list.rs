//! What a key list says: a product's signing keys and where each stands.

use alloc::{string::String, vec::Vec};
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a signing key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Signs and verifies.
    Active,
    /// Signs no more; what it signed still verifies.
    VerifyOnly,
    /// Compromised: nothing it signed is believed.
    Revoked,
}

/// A text that names no [`KeyState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is active, verify_only or revoked")]
pub struct UnknownState;

impl KeyState {
    /// The stable name.
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
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        [Self::Active, Self::VerifyOnly, Self::Revoked].into_iter().find(|it| it.as_str() == text).ok_or(UnknownState)
    }
}

/// `keys+jwt`: a product's signing keys, numbered, signed by its root key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyListClaims {
    /// The service.
    pub iss: String,
    /// `<product>/keys`.
    pub aud: String,
    /// When it was made.
    pub iat: i64,
    /// Each list of a product has a higher number than the one before.
    pub number: u64,
    /// `kid` of the root that signs it.
    pub root: String,
    /// The keys; revoked ones are named too, so that software forgets them.
    pub keys: Vec<ListedKey>,
}

/// One key of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// The public key, 32 bytes in base64url.
    pub x: String,
    /// Where it stands.
    pub state: KeyState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_states_read_back_and_foreign_ones_do_not() {
        for state in [KeyState::Active, KeyState::VerifyOnly, KeyState::Revoked] {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.verifies(), state != KeyState::Revoked);
        }
        assert_eq!("verify-only".parse::<KeyState>(), Err(UnknownState));
    }
}
