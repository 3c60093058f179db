//! What time the marketplace believes it is, and how the protocol writes it.

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

/// The marketplace's clock: the machine's, a test's, or one that runs off by a known amount.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    skew: SignedDuration,
}

impl Clock {
    /// The machine's clock.
    pub fn machine() -> Self {
        Self::from_fn(machine_now)
    }

    /// Asks `source` each time: for tests that move time themselves.
    pub fn from_fn(source: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(source), skew: SignedDuration::ZERO }
    }

    /// A clock that stands still.
    pub fn fixed(at: Timestamp) -> Self {
        Self::from_fn(move || at)
    }

    /// The same clock, ahead by `skew` (behind when negative).
    #[must_use]
    pub fn with_skew(mut self, skew: SignedDuration) -> Self {
        self.skew = skew;
        self
    }

    /// The time, skew included. Past the calendar's ends it stays at the end.
    pub fn now(&self) -> Timestamp {
        shift((self.source)(), self.skew)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::machine()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("skew", &self.skew).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this crate that asks the machine")]
fn machine_now() -> Timestamp {
    Timestamp::now()
}

/// `at` moved by `by`, held inside the calendar.
pub fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

/// `at` moved by whole days of 24 hours.
pub fn shift_days(at: Timestamp, days: i64) -> Timestamp {
    shift(at, SignedDuration::from_hours(days.saturating_mul(24)))
}

/// `at` without its fraction of a second: the protocol's dates have none.
pub fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// `yyyyMMddHHmmss` in UTC: expiry times.
pub fn seconds_text(at: Timestamp) -> String {
    at.strftime("%Y%m%d%H%M%S").to_string()
}

/// `yyyyMMddHHmmssSSS` in UTC: the `timeStamp` of a V1 call.
pub fn millis_text(at: Timestamp) -> String {
    format!("{}{:03}", at.strftime("%Y%m%d%H%M%S"), at.subsec_millisecond())
}

/// The form of `getLicenseAsync`, for example `2023-10-27 10:30:15 z`.
pub fn spaced_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let at: Timestamp = "2024-01-02T03:04:05.067Z".parse().unwrap();
        assert_eq!(seconds_text(at), "20240102030405");
        assert_eq!(millis_text(at), "20240102030405067");
        assert_eq!(spaced_text(at), "2024-01-02 03:04:05 z");
    }

    #[test]
    fn a_skewed_clock_is_off_by_exactly_that() {
        let at: Timestamp = "2024-01-02T03:04:05Z".parse().unwrap();
        let clock = Clock::fixed(at).with_skew(SignedDuration::from_secs(-61));
        assert_eq!(clock.now(), "2024-01-02T03:03:04Z".parse().unwrap());
        assert_eq!(Clock::fixed(Timestamp::MAX).with_skew(SignedDuration::from_secs(5)).now(), Timestamp::MAX);
    }
}
