//! [`Time`]: an instant as microseconds since the UNIX epoch.
//!
//! One integer in the database, in signed documents and in memory: both databases keep it exactly
//! (PostgreSQL would truncate nanoseconds, SQLite has no time type), and it sorts as it reads.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, in microseconds since 1970-01-01T00:00:00Z.
///
/// Serialised as RFC 3339 text. Only values that jiff can show (years −9999 to 9999) can be made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// Why a text is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time: expected {expected}")]
pub struct TimeError {
    text: String,
    expected: &'static str,
}

impl Time {
    /// The instant at `micros` microseconds since the UNIX epoch, or `None` outside years −9999 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        Timestamp::from_microsecond(micros).ok().map(|_| Self(micros))
    }

    /// The instant at `millis` milliseconds since the UNIX epoch, or `None` when it does not fit.
    pub fn from_millis(millis: i64) -> Option<Self> {
        millis.checked_mul(1000).and_then(Self::from_micros)
    }

    /// Microseconds since the UNIX epoch.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the UNIX epoch, rounded down: what JWT calls NumericDate (RFC 7519 §2).
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant `duration` later (earlier when negative), held at the ends of what can be shown.
    pub fn saturating_add(self, duration: SignedDuration) -> Self {
        let sum = i128::from(self.0).saturating_add(duration.as_micros());
        let end = |second: i64| i128::from(second) * 1_000_000;
        let held = sum.clamp(end(Timestamp::MIN.as_second()), end(Timestamp::MAX.as_second()));
        Self(i64::try_from(held).unwrap_or(self.0))
    }

    /// This instant `days` days of 24 hours later (earlier when negative).
    pub fn plus_days(self, days: i64) -> Self {
        self.saturating_add(SignedDuration::from_secs(days.saturating_mul(86_400)))
    }

    /// How long after `earlier` this instant lies (negative when it lies before).
    pub fn since(self, earlier: Self) -> SignedDuration {
        SignedDuration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The calendar's day and hour in UTC.
    pub fn civil(self) -> civil::DateTime {
        TimeZone::UTC.to_datetime(self.timestamp())
    }

    /// The instant of a calendar's day and hour in UTC; `None` outside the years that can be shown.
    pub fn from_civil(civil: civil::DateTime) -> Option<Self> {
        TimeZone::UTC.to_timestamp(civil).ok().map(Self::from)
    }

    /// Reads `yyyyMMddHHmmss` or `yyyyMMddHHmmssSSS`, in UTC: the marketplace's two date forms.
    ///
    /// # Errors
    /// [`TimeError`] for other lengths, other characters and days that no calendar has.
    pub fn parse_compact(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError { text: text.chars().take(40).collect(), expected: "yyyyMMddHHmmss in UTC" };
        if !matches!(text.len(), 14 | 17) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().map_err(|_| wrong());
        let millis = if text.len() == 17 { i32::from(number(14..17)?) } else { 0 };
        let small = |range| number(range).and_then(|value| i8::try_from(value).map_err(|_| wrong()));
        civil::DateTime::new(
            number(0..4)?,
            small(4..6)?,
            small(6..8)?,
            small(8..10)?,
            small(10..12)?,
            small(12..14)?,
            millis * 1_000_000,
        )
        .ok()
        .and_then(Self::from_civil)
        .ok_or_else(wrong)
    }

    /// Writes `yyyyMMddHHmmss` in UTC, dropping what is below a second.
    pub fn to_compact(self) -> String {
        self.civil().strftime("%Y%m%d%H%M%S").to_string()
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong =
            || TimeError { text: text.chars().take(40).collect(), expected: "RFC 3339, such as 2026-01-31T08:00:00Z" };
        text.parse::<Timestamp>().map(Self::from).map_err(|_| wrong())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_form_is_utc_with_and_without_milliseconds() {
        let time = Time::parse_compact("20240229235959").unwrap();
        assert_eq!(time.to_string(), "2024-02-29T23:59:59Z");
        assert_eq!(Time::parse_compact("20240229235959123").unwrap().as_micros() - time.as_micros(), 123_000);
        assert_eq!(time.to_compact(), "20240229235959");
    }

    #[test]
    fn compact_form_refuses_what_no_calendar_has() {
        for text in [
            "",
            "2024",
            "20230229000000",
            "20241301000000",
            "2024010100000a",
            "20240101250000",
            "２０２４０１０１００００００",
            "-0240101000000",
        ] {
            assert!(Time::parse_compact(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let far = Time::from_micros(0).unwrap().plus_days(i64::MAX);
        assert!(far.to_string().starts_with("9999"));
    }
}
