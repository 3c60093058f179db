//! Which machine is meant: fingerprint components and how many of them must be the same.

use alloc::string::String;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::claims::Components;

/// The component that decides alone once a machine is known by one: the id that whoever runs the software gave the machine.
/// Containers and cloned images need one, because nothing else of them lasts.
pub const OPERATOR: &str = "operator";

/// Components of one fingerprint.
pub const COMPONENTS: usize = 8;
/// Characters of a component's name.
pub const NAME_CHARS: usize = 32;

/// Why components are no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentsError {
    /// None, or more than anybody compares.
    #[error("a machine has 1 to {COMPONENTS} components, this one has {found}")]
    Count {
        /// How many.
        found: usize,
    },
    /// A name that cannot be one.
    #[error("the name of component {number} is not 1 to {NAME_CHARS} characters of a-z, 0-9 and -")]
    Name {
        /// Which, in the order of names, from 1.
        number: usize,
    },
    /// A digest that is none.
    #[error("the digest of component {number} is not a SHA-256 in base64url without padding (43 characters)")]
    Digest {
        /// Which, in the order of names, from 1.
        number: usize,
    },
}

/// Whether these components can be a machine's.
///
/// # Errors
/// [`ComponentsError`] names the first that cannot.
pub fn check_components(components: &Components) -> Result<(), ComponentsError> {
    if !(1..=COMPONENTS).contains(&components.len()) {
        return Err(ComponentsError::Count { found: components.len() });
    }
    for (index, (name, digest)) in components.iter().enumerate() {
        let number = index + 1;
        if !is_name(name) {
            return Err(ComponentsError::Name { number });
        }
        digest_bytes(digest).ok_or(ComponentsError::Digest { number })?;
    }
    Ok(())
}

/// Whether a component can have this name.
fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_CHARS).contains(&name.len()) && name.bytes().all(known)
}

/// The 32 bytes of a digest.
pub(crate) fn digest_bytes(digest: &str) -> Option<[u8; 32]> {
    let fits = digest.len() == 43;
    BASE64URL_NOPAD.decode(fits.then_some(digest)?.as_bytes()).ok()?.try_into().ok()
}

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
        if let Some(operator) = known.get(OPERATOR) {
            // Also when none is presented: else one operator's id would carry its lease to every machine whose software
            // sends none, as long as the other components are theirs.
            return presented.get(OPERATOR) == Some(operator);
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

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
