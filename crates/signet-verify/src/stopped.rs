//! Why licensed software stops.

use core::fmt;

use crate::revocations::Revoked;

/// Why the software may not run by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was revoked.
    Revoked(Revoked),
    /// It is for another machine.
    OtherMachine {
        /// Components that are the same.
        same: usize,
        /// Components that are known.
        known: usize,
    },
    /// Its time is over.
    Ended {
        /// Since when, in seconds since 1970.
        at: i64,
    },
}

impl Stopped {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked(_) => "revoked",
            Self::OtherMachine { .. } => "machine_mismatch",
            Self::Ended { .. } => "lease_ended",
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked(revoked) => write!(f, "{revoked}"),
            Self::OtherMachine { same, known } => {
                write!(
                    f,
                    "it is for another machine ({same} of {known} components are the same): activate this machine"
                )
            }
            Self::Ended { at } => {
                write!(f, "its time ended at {at} seconds since 1970: connect to the service, or fetch a newer file")
            }
        }
    }
}
