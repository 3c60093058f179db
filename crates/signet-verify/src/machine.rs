//! Which machine is meant: fingerprint components and how many of them must be the same.

use alloc::string::String;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::claims::Components;

/// The component that decides alone where both sides have it: the id that whoever runs the software gave the machine.
/// Containers and cloned images need one, because nothing else of them lasts.
pub const OPERATOR: &str = "operator";

/// How many components must be the same for two fingerprints to mean one machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchRule {
    /// One.
    Any,
    /// Two, or all where fewer than two are known.
    Two,
    /// More than half of those known.
    #[default]
    Most,
    /// All of those known.
    All,
}

impl MatchRule {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Two => "two",
            Self::Most => "most",
            Self::All => "all",
        }
    }

    /// Whether `presented` is the machine that is `known`.
    pub fn matches(self, known: &Components, presented: &Components) -> bool {
        if let (Some(known), Some(presented)) = (known.get(OPERATOR), presented.get(OPERATOR)) {
            return known == presented;
        }
        let same = same(known, presented);
        let needed = match self {
            Self::Any => 1,
            Self::Two => known.len().clamp(1, 2),
            Self::Most => known.len() / 2 + 1,
            Self::All => known.len().max(1),
        };
        same >= needed
    }
}

/// How many components are the same.
pub fn same(known: &Components, presented: &Components) -> usize {
    known.iter().filter(|(name, digest)| presented.get(*name) == Some(*digest)).count()
}

/// The digest by which a component is compared and stored: [`sha256`] of `name:value`. What a machine is made of never
/// leaves it in clear.
pub fn digest(name: &str, value: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update(b":");
    hash.update(value.as_bytes());
    BASE64URL_NOPAD.encode(&hash.finalize())
}

/// SHA-256 of a text in base64url without padding: 43 characters.
pub fn sha256(text: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes()))
}
