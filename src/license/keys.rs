//! What a product's keys are for, and where each stands.

use std::str::FromStr;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRole {
    /// The list of the product's keys.
    Root,
    /// License codes.
    Signing,
    /// License codes of debug calls, which no shipped software accepts.
    Debug,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Signs and verifies.
    Active,
    /// Signs no more, still verifies.
    VerifyOnly,
    /// Nothing it signed counts any more.
    Revoked,
}

/// A name that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key role or key state")]
pub struct UnknownName(String);

impl KeyRole {
    /// The stable name, as in the API and the database.
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
            .ok_or_else(|| UnknownName(text.chars().take(40).collect()))
    }
}

impl KeyState {
    /// The stable name, as in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::VerifyOnly => "verify_only",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for KeyState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Active, Self::VerifyOnly, Self::Revoked]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownName(text.chars().take(40).collect()))
    }
}
