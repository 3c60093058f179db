//! Meters: what a plan lets software count, up to how much, and when counting starts anew.

use jiff::{SignedDuration, ToSpan, civil};
use serde::{Deserialize, Serialize};

use crate::base::{decimal::Decimal, slug::Slug, text::Localized, time::Time};

/// Something that software counts and reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// The name by which software reports.
    pub slug: Slug,
    /// The name people read.
    pub name: Localized,
    /// The unit people read, such as `GB`.
    pub unit: Localized,
    /// How much a period allows; `None`: it is only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Decimal>,
    /// When counting starts anew.
    #[serde(default)]
    pub period: MeterPeriod,
    /// What becomes of a report beyond the limit.
    #[serde(default)]
    pub over: OverLimit,
}

/// When a meter's counting starts anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeterPeriod {
    /// Never: the limit is for the license's whole life, and for all that was ever counted.
    #[default]
    Never,
    /// At midnight, UTC.
    Day,
    /// With each month of the calendar, UTC.
    Month,
    /// With each term of the license that is bought, from the moment it comes.
    Term,
}

/// What becomes of a report beyond the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    /// It is refused, and nothing of it is counted.
    #[default]
    Refuse,
    /// It is counted all the same.
    Allow,
}

/// How far behind the clock of another server may be that opened a period.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

impl MeterPeriod {
    /// The one with this stable name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Never, Self::Day, Self::Month, Self::Term].into_iter().find(|it| it.as_str() == name)
    }

    /// When the period began that holds `now`, where the calendar says.
    fn calendar_start(self, now: Time) -> Option<Time> {
        let today = now.civil().date();
        match self {
            Self::Never | Self::Term => None,
            Self::Day => midnight(today),
            Self::Month => midnight(today.first_of_month()),
        }
    }

    /// Whether a period that began at `start` by this rule still lasts at `now`.
    fn lasts(self, start: Time, now: Time) -> bool {
        self.calendar_start(now).is_none_or(|first| start >= first && start <= now.saturating_add(SKEW))
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Day => "day",
            Self::Month => "month",
            Self::Term => "term",
        }
    }
}

impl OverLimit {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }
}

/// A period of counting, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// When it began.
    pub start: Time,
    /// What was used since.
    pub used: Decimal,
    /// By which rule it began; `None`: it is not known.
    pub rule: Option<MeterPeriod>,
}

/// What was used of a meter in its period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The meter.
    pub meter: Meter,
    /// What was used.
    pub used: Decimal,
    /// When counting starts anew, where the calendar says; a renewal's day is not known before.
    pub resets_at: Option<Time>,
}

impl Reading {
    /// What is left: nothing beyond the limit, and `None` without one.
    pub fn left(&self) -> Option<Decimal> {
        self.meter.limit.map(|limit| Decimal(limit.0.saturating_sub(self.used.0).max(0)))
    }
}

impl Meter {
    /// The period that counts at `now`: the stored one while it lasts, by the rule it began by and by the meter's own, else a
    /// new one, of which nothing is used. A clock that is a little behind another server's brings no older period back, and
    /// one that once ran far ahead leaves none behind. A period that a renewal ends is no longer stored.
    pub fn period_at(&self, stored: Option<Period>, now: Time) -> Period {
        let lasts = |it: &Period| {
            let by_its_own = it.rule.is_none_or(|rule| rule.lasts(it.start, now));
            by_its_own && self.period.lasts(it.start, now)
        };
        let start = self.period.calendar_start(now).unwrap_or(now);
        let (start, used) = stored.filter(lasts).map_or((start, Decimal(0)), |it| (it.start, it.used));
        Period { start, used, rule: Some(self.period) }
    }

    /// When the period ends that began at `start`; `None` where the calendar does not say.
    pub fn period_end(&self, start: Time) -> Option<Time> {
        let first = start.civil().date();
        match self.period {
            MeterPeriod::Never | MeterPeriod::Term => None,
            MeterPeriod::Day => first.checked_add(1.day()).ok().and_then(midnight),
            MeterPeriod::Month => first.first_of_month().checked_add(1.month()).ok().and_then(midnight),
        }
    }

    /// Whether `amount` more may be counted after `used`. Nothing more always may, also when a limit was lowered.
    pub fn takes(&self, used: Decimal, amount: Decimal) -> bool {
        let fits = self.limit.is_none_or(|limit| used.0.saturating_add(amount.0) <= limit.0);
        fits || amount.0 == 0 || self.over == OverLimit::Allow
    }
}

fn midnight(day: civil::Date) -> Option<Time> {
    Time::from_civil(day.to_datetime(civil::Time::midnight()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(limit: Option<&str>, period: MeterPeriod, over: OverLimit) -> Meter {
        let text = Localized { zh: "次".to_owned(), en: "calls".to_owned() };
        let limit = limit.map(|text| text.parse().unwrap());
        Meter { slug: "calls".parse().unwrap(), name: text.clone(), unit: text, limit, period, over }
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_and_end_by_the_calendar_in_utc() {
        use MeterPeriod::{Day, Month, Never, Term};
        for (period, now, start, end) in [
            (Day, "2028-02-29T23:59:59.999999Z", "2028-02-29T00:00:00Z", Some("2028-03-01T00:00:00Z")),
            (Day, "2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z", Some("2028-03-02T00:00:00Z")),
            (Month, "2028-02-29T23:59:59.999999Z", "2028-02-01T00:00:00Z", Some("2028-03-01T00:00:00Z")),
            (Month, "2027-12-31T23:59:59.999999Z", "2027-12-01T00:00:00Z", Some("2028-01-01T00:00:00Z")),
            (Month, "2028-01-01T00:00:00Z", "2028-01-01T00:00:00Z", Some("2028-02-01T00:00:00Z")),
            (Term, "2028-01-01T10:30:00Z", "2028-01-01T10:30:00Z", None),
            (Never, "2028-01-01T10:30:00Z", "2028-01-01T10:30:00Z", None),
        ] {
            let meter = meter(None, period, OverLimit::Refuse);
            let began = meter.period_at(None, time(now));
            assert_eq!((began.start, began.used), (time(start), Decimal(0)), "{period:?} {now}");
            assert_eq!(meter.period_end(began.start), end.map(time), "{period:?} {now}");
        }
    }

    #[test]
    fn a_period_lasts_to_its_end_and_never_comes_back() {
        use MeterPeriod::{Day, Month, Term};
        let start = time("2028-02-29T00:00:00Z");
        for (period, now, lasts) in [
            (Day, "2028-02-29T23:59:59.999999Z", true),
            (Day, "2028-03-01T00:00:00Z", false),
            (Day, "2028-02-28T23:59:59.999999Z", true),
            (Month, "2028-02-29T23:59:59.999999Z", true),
            (Month, "2028-03-01T00:00:00Z", false),
            (Term, "2038-01-01T00:00:00Z", true),
        ] {
            let stored = Period { start, used: Decimal(7), rule: Some(period) };
            let at = meter(None, period, OverLimit::Refuse).period_at(Some(stored), time(now));
            assert_eq!((at == stored, at.used.0 == 0), (lasts, !lasts), "{period:?} {now}");
        }
    }

    #[test]
    fn regression_a_plan_that_counts_otherwise_takes_over_only_what_is_not_over() {
        use MeterPeriod::{Day, Month, Never, Term};
        for (before, began, after, goes_on) in [
            (Day, "2028-03-15T00:00:00Z", Term, true),
            (Day, "2028-03-14T00:00:00Z", Term, false),
            (Day, "2028-03-14T00:00:00Z", Month, false),
            (Day, "2028-03-15T00:00:00Z", Month, true),
            (Month, "2028-03-01T00:00:00Z", Day, false),
            (Month, "2028-03-01T00:00:00Z", Term, true),
            (Month, "2028-02-01T00:00:00Z", Term, false),
            (Term, "2028-02-01T10:00:00Z", Term, true),
            (Term, "2028-02-01T10:00:00Z", Month, false),
            (Term, "2028-03-15T01:00:00Z", Day, true),
            (Never, "2028-03-15T01:00:00Z", Day, true),
        ] {
            let stored = Period { start: time(began), used: Decimal(7), rule: Some(before) };
            let at = meter(None, after, OverLimit::Refuse).period_at(Some(stored), time("2028-03-15T10:00:00Z"));
            assert_eq!((at.used.0 == 7, at.rule), (goes_on, Some(after)), "{before:?} since {began} to {after:?}");
        }
    }

    #[test]
    fn regression_a_clock_that_once_ran_ahead_leaves_no_period_behind() {
        for period in [MeterPeriod::Day, MeterPeriod::Month] {
            for (began, kept) in [("2028-03-02T00:00:00Z", true), ("2031-03-01T00:00:00Z", false)] {
                let stored = Period { start: time(began), used: Decimal(7), rule: Some(period) };
                let at = meter(None, period, OverLimit::Refuse).period_at(Some(stored), time("2028-03-01T23:00:00Z"));
                assert_eq!(at.used.0 == 7, kept, "{period:?} {began}");
            }
        }
    }

    /// The start of one kind of period is kept when the plan changes to another kind.
    #[test]
    fn a_period_that_began_within_a_day_ends_with_it() {
        let began = time("2028-02-29T10:30:00Z");
        let ends = |period| meter(None, period, OverLimit::Refuse).period_end(began);
        assert_eq!(ends(MeterPeriod::Day), Some(time("2028-03-01T00:00:00Z")));
        assert_eq!(ends(MeterPeriod::Month), Some(time("2028-03-01T00:00:00Z")));
    }

    #[test]
    fn the_limit_itself_is_still_allowed_and_a_ten_thousandth_more_is_not() {
        let strict = meter(Some("1.5"), MeterPeriod::Never, OverLimit::Refuse);
        assert!(strict.takes(Decimal(14_999), Decimal(1)) && !strict.takes(Decimal(15_000), Decimal(1)));
        assert!(!strict.takes(Decimal(1), Decimal(i64::MAX)));
        assert!(strict.takes(Decimal(20_000), Decimal(0)), "nothing more, after the limit was lowered");
        assert!(meter(Some("1.5"), MeterPeriod::Never, OverLimit::Allow).takes(Decimal(15_000), Decimal(1)));
        assert!(meter(None, MeterPeriod::Never, OverLimit::Refuse).takes(Decimal(i64::MAX), Decimal(1)));
    }

    #[test]
    fn what_is_left_is_never_less_than_nothing() {
        let left = |limit, used| {
            let meter = meter(limit, MeterPeriod::Day, OverLimit::Allow);
            Reading { meter, used: Decimal(used), resets_at: None }.left()
        };
        assert_eq!(left(Some("2"), 5_000), Some(Decimal(15_000)));
        assert_eq!((left(Some("2"), 20_001), left(None, 1)), (Some(Decimal(0)), None));
    }
}
