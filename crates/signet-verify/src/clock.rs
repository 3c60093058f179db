//! Trusted time: the machine's clock, but never before what a signed text said.
//!
//! Only verified documents move the mark, so a clock that runs ahead, or a forged text, cannot push it into the
//! future; and a clock that is turned back gains nothing.

use crate::read::{Read, Timed};

/// How far the clock may be behind the mark before it counts as turned back: five minutes, in microseconds. Clocks of
/// honest machines drift that far.
pub const TOLERANCE_MICROS: i64 = 5 * 60 * 1_000_000;

/// The highest server time that was ever seen in a signed text. Keep it beside the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustedTime {
    highest_seen_micros: i64,
}

impl Default for TrustedTime {
    /// Nothing seen.
    fn default() -> Self {
        Self { highest_seen_micros: i64::MIN }
    }
}

/// The present time as far as it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Microseconds since 1970: the later of the clock and the mark.
    pub micros: i64,
    /// By how many microseconds the clock is behind the mark, where that is more than a clock drifts. Say so, and ask
    /// the service.
    pub turned_back_by: Option<u64>,
}

impl Now {
    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.micros.div_euclid(1_000_000)
    }
}

impl TrustedTime {
    /// The mark as it was kept.
    pub fn kept(highest_seen_micros: i64) -> Self {
        Self { highest_seen_micros }
    }

    /// The mark, in microseconds since 1970, to be kept; `i64::MIN` before anything was seen.
    pub fn highest_seen_micros(self) -> i64 {
        self.highest_seen_micros
    }

    /// Takes note of the time in a verified document.
    pub fn observe<C: Timed>(&mut self, document: &Read<C>) {
        self.highest_seen_micros = self.highest_seen_micros.max(document.claims.time());
    }

    /// The time to count by when the machine's clock says `clock_micros`.
    pub fn now(self, clock_micros: i64) -> Now {
        let behind = self.highest_seen_micros.saturating_sub(clock_micros);
        Now {
            micros: clock_micros.max(self.highest_seen_micros),
            turned_back_by: u64::try_from(behind).ok().filter(|_| behind > TOLERANCE_MICROS),
        }
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
