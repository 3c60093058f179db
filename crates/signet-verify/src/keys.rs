//! Whom to believe: the pinned root, and the keys that it names in the numbered key list.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
};

use crate::{
    claims::KeyListClaims,
    jws,
    key::{BadPublicKey, PublicKey},
    kind::Kind,
    read::{self, Read, ReadError},
};

/// A product's root key. Compile it in; never read it from where a customer can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    key: PublicKey,
    kid: String,
}

impl Root {
    /// The root `key`.
    pub fn new(key: PublicKey) -> Self {
        Self { kid: key.kid(), key }
    }

    /// Reads `x`, as `signet key root` prints it.
    ///
    /// # Errors
    /// [`BadPublicKey`].
    pub fn from_x(x: &str) -> Result<Self, BadPublicKey> {
        PublicKey::from_x(x).map(Self::new)
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// Why a key list is refused. The caller keeps the list it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    /// Not a key list of this product that this root signed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Signed by another key than the pinned root.
    #[error(
        "the key list is signed by the root {found}, but {pinned} is pinned: it is not this product's, or not genuine"
    )]
    OtherRoot {
        /// `kid` of the pinned root.
        pinned: String,
        /// `kid` the list names.
        found: String,
    },
    /// Older than a list that was already seen.
    #[error("the key list has number {found}, but number {seen} was already seen: an older list is never taken")]
    Older {
        /// Highest number seen.
        seen: u64,
        /// Number of this list.
        found: u64,
    },
}

impl KeyListError {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Read(error) => error.as_str(),
            Self::OtherRoot { .. } => "other_root",
            Self::Older { .. } => "older_key_list",
        }
    }
}

/// Reads a key list of `product` that `root` signed and whose number is not below `seen`, the highest number seen
/// before (`None` at first).
///
/// # Errors
/// [`KeyListError`] names the rule that the list breaks.
pub fn read_key_list(text: &str, root: &Root, product: &str, seen: Option<u64>) -> Result<KeyListClaims, KeyListError> {
    // Said before the signature is checked: "another root" explains more than "does not match".
    if let Ok(parsed) = jws::parse(text, Kind::KeyList) {
        check_root(root, parsed.kid)?;
    }
    let Read { claims, .. } = read::open::<KeyListClaims>(text, product, |_| Ok(&root.key))?;
    check_root(root, claims.root.clone())?;
    match seen {
        Some(seen) if claims.number < seen => Err(KeyListError::Older { seen, found: claims.number }),
        _ => Ok(claims),
    }
}

fn check_root(root: &Root, found: String) -> Result<(), KeyListError> {
    if root.kid == found { Ok(()) } else { Err(KeyListError::OtherRoot { pinned: root.kid.clone(), found }) }
}

/// Why no key is found for a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key has it.
    #[error("no key is named {kid}")]
    Unknown {
        /// The name.
        kid: String,
    },
    /// A compromised key has it.
    #[error("the key {kid} was revoked")]
    Revoked {
        /// The name.
        kid: String,
    },
}

/// The keys that verify, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRing {
    number: u64,
    keys: BTreeMap<String, PublicKey>,
    revoked: BTreeSet<String>,
}

impl KeyRing {
    /// The keys of a verified list; see [`read_key_list`].
    ///
    /// # Errors
    /// As [`read_key_list`].
    pub fn from_list(text: &str, root: &Root, product: &str, seen: Option<u64>) -> Result<Self, KeyListError> {
        read_key_list(text, root, product, seen).map(|claims| Self::from_claims(&claims))
    }

    fn from_claims(claims: &KeyListClaims) -> Self {
        let mut ring = Self { number: claims.number, ..Self::default() };
        for listed in &claims.keys {
            match PublicKey::from_x(&listed.x) {
                Ok(key) if listed.state.verifies() => ring.trust(key),
                _ => {
                    ring.revoked.insert(listed.kid.clone());
                }
            }
        }
        ring
    }

    /// Adds a key that the caller trusts for another reason than a key list, such as a set that it published itself.
    pub fn trust(&mut self, key: PublicKey) {
        self.keys.insert(key.kid(), key);
    }

    /// The list's number: remember the highest.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The key named `kid`.
    ///
    /// # Errors
    /// [`KeyError`] tells an unknown key from a revoked one.
    pub fn find(&self, kid: &str) -> Result<&PublicKey, KeyError> {
        match self.keys.get(kid) {
            Some(key) => Ok(key),
            None if self.revoked.contains(kid) => Err(KeyError::Revoked { kid: kid.into() }),
            None => Err(KeyError::Unknown { kid: kid.into() }),
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
