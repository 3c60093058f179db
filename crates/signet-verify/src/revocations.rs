//! What was revoked: the sum of all revocation lists that were ever seen.
//!
//! Entries only ever come in. A list that is out of date says nothing about today, but what it names stays refused.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    claims::{Revocation, RevocationsClaims},
    clock::Now,
    read::Read,
};

/// What of a document was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The whole license.
    License,
    /// Its revision, which grants more than the license has now.
    Revision,
    /// The key that signed it.
    Key,
}

impl Revoked {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::License => "license",
            Self::Revision => "revision",
            Self::Key => "key",
        }
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::License => "the license was revoked: buy a new one, or ask who sold it",
            Self::Revision => "this revision grants more than the license has now: use the newest code or lease",
            Self::Key => "the key that signed it was revoked: fetch a text signed by a newer key",
        })
    }
}

/// Why a list was not taken in. What is in the set stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// It is of another product.
    #[error("the revocation list is for {found:?}, but the ones before were for {expected:?}")]
    OtherProduct {
        /// `aud` of the lists before.
        expected: String,
        /// `aud` of this list.
        found: String,
    },
    /// It was made before one that was taken in.
    #[error(
        "the revocation list ends at number {found}, but number {seen} was already seen: an older list is not taken"
    )]
    Older {
        /// Highest number seen.
        seen: u64,
        /// Its number.
        found: u64,
    },
    /// Entries between the set and it are missing.
    #[error("the revocation list starts after number {since}, but only {seen} was seen: fetch it with since={seen}")]
    Gap {
        /// Highest number seen.
        seen: u64,
        /// Where it starts.
        since: u64,
    },
    /// It goes on from another history than the set's: the service was set back to a backup in between.
    #[error("the revocation list goes on from another number {seen} than the one seen: fetch it with since=0")]
    OtherHistory {
        /// Highest number seen.
        seen: u64,
    },
}

impl MergeError {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::OtherProduct { .. } => "wrong_product",
            Self::Older { .. } => "older_revocations",
            Self::Gap { .. } => "gap_in_revocations",
            Self::OtherHistory { .. } => "other_revocations",
        }
    }
}

/// Revoked revisions of a license; nothing: all of them.
type Revisions = Option<BTreeSet<u32>>;

/// All entries seen. Can be kept as JSON beside the lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationSet {
    audience: String,
    number: u64,
    #[serde(default)]
    head: Option<String>,
    time: i64,
    exp: Option<i64>,
    complete: bool,
    licenses: BTreeMap<String, Revisions>,
    keys: BTreeSet<String>,
}

impl RevocationSet {
    /// Takes a verified list in.
    ///
    /// A list with a lower number is an old one that somebody brings back, and refused, unless it starts from nothing
    /// and was signed later than anything seen: then the service was set back to an older state, and counts on from
    /// there.
    ///
    /// # Errors
    /// [`MergeError`]; nothing changed then.
    pub fn merge(&mut self, list: &Read<RevocationsClaims>) -> Result<(), MergeError> {
        let list = &list.claims;
        if !self.audience.is_empty() && self.audience != list.aud {
            return Err(MergeError::OtherProduct { expected: self.audience.clone(), found: list.aud.clone() });
        }
        let set_back = list.since == 0 && list.time > self.time;
        if list.number < self.number && !set_back {
            return Err(MergeError::Older { seen: self.number, found: list.number });
        }
        if list.since > self.number {
            return Err(MergeError::Gap { seen: self.number, since: list.since });
        }
        let attaches = list.since > 0 && list.since == self.number;
        if attaches && self.head.is_some() && list.after.is_some() && self.head != list.after {
            return Err(MergeError::OtherHistory { seen: self.number });
        }
        self.audience.clone_from(&list.aud);
        self.head.clone_from(&list.head);
        self.complete = list.complete || (self.complete && list.number == self.number);
        self.number = list.number;
        self.time = self.time.max(list.time);
        self.exp = self.exp.max(Some(list.exp));
        list.entries.iter().for_each(|entry| self.add(entry));
        Ok(())
    }

    fn add(&mut self, entry: &Revocation) {
        match entry {
            Revocation::Key { kid } => {
                self.keys.insert(kid.clone());
            }
            Revocation::License { sub, revs: None } => {
                self.licenses.insert(sub.clone(), None);
            }
            Revocation::License { sub, revs: Some(revs) } => {
                let known = self.licenses.entry(sub.clone()).or_insert_with(|| Some(BTreeSet::new()));
                if let Some(known) = known {
                    known.extend(revs);
                }
            }
        }
    }

    /// Whether a document of license `sub` in revision `rev`, signed by the key `kid`, no longer holds.
    pub fn refuses(&self, sub: &str, rev: u32, kid: &str) -> Option<Revoked> {
        if self.keys.contains(kid) {
            return Some(Revoked::Key);
        }
        match self.licenses.get(sub)? {
            None => Some(Revoked::License),
            Some(revs) => revs.contains(&rev).then_some(Revoked::Revision),
        }
    }

    /// The number to ask for the next list with (`since`).
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What to ask for the next list with beside the number (`head`), so that a service that was set back to a backup and has
    /// other entries under the same numbers answers the whole list. `None`: the lists before named none.
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// Whether the set says nothing about today: no list was seen, the last one is out of date, or the service had
    /// more. Fetch the next; what the set names stays refused.
    pub fn is_stale(&self, now: Now) -> bool {
        !self.complete || self.exp.is_none_or(|exp| now.seconds() >= exp)
    }
}

#[cfg(test)]
#[path = "revocations_tests.rs"]
mod tests;
