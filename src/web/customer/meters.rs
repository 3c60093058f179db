//! What was used of the plan's meters, in words.

use crate::{
    license::meter::{MeterPeriod, Reading},
    web::html::Words,
};

use super::state::minute;

/// One meter.
#[derive(Debug)]
pub struct Meter {
    /// What is counted.
    pub name: String,
    /// What was used, with the limit and the unit.
    pub used: String,
    /// What is left, where there is a limit.
    pub left: Option<String>,
    /// How much of the limit is used, 0 to 100, where there is one.
    pub percent: Option<i64>,
    /// When counting starts anew.
    pub resets: Option<String>,
}

impl Meter {
    /// In words.
    pub fn of(t: Words, it: &Reading) -> Self {
        let unit = it.meter.unit.get(t.0);
        let used = match it.meter.limit {
            Some(limit) => format!("{} / {limit} {unit}", it.used),
            None => format!("{} {unit}", it.used),
        };
        let resets = match (it.meter.period, it.resets_at) {
            (MeterPeriod::Term, _) => Some(t.pick("续费后重新计数", "Starts anew with a renewal").to_owned()),
            (_, Some(at)) => Some(format!("{} {}", t.pick("重新计数时间", "Starts anew"), minute(t, at))),
            (_, None) => None,
        };
        Self {
            name: it.meter.name.get(t.0).to_owned(),
            used,
            left: it.left().map(|left| format!("{left} {unit}")),
            percent: it.meter.limit.map(|limit| percent(it.used.0, limit.0)),
            resets,
        }
    }

    /// Whether nothing is left.
    pub fn is_full(&self) -> bool {
        self.percent == Some(100)
    }
}

/// 100 only when all is used.
fn percent(used: i64, limit: i64) -> i64 {
    used.saturating_mul(100).checked_div(limit).unwrap_or(100).clamp(0, 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{
            decimal::Decimal,
            text::{Language, Localized},
        },
        license::meter::{self, OverLimit},
    };

    #[test]
    fn a_meter_is_told_in_both_languages() {
        let text = |zh: &str, en: &str| Localized { zh: zh.to_owned(), en: en.to_owned() };
        let meter = meter::Meter {
            slug: "tiles".parse().unwrap(),
            name: text("瓦片", "Tiles"),
            unit: text("张", "sheets"),
            limit: Some("10".parse().unwrap()),
            period: MeterPeriod::Month,
            over: OverLimit::Allow,
        };
        let mut reading =
            Reading { meter, used: "2.5".parse().unwrap(), resets_at: Some("2026-04-01T00:00:00Z".parse().unwrap()) };
        let told = Meter::of(Words(Language::En), &reading);
        assert_eq!((told.name.as_str(), told.used.as_str()), ("Tiles", "2.5 / 10 sheets"));
        assert_eq!((told.left.as_deref(), told.percent, told.is_full()), (Some("7.5 sheets"), Some(25), false));
        assert!(told.resets.unwrap().starts_with("Starts anew "));
        let told = Meter::of(Words(Language::Zh), &reading);
        assert_eq!((told.name.as_str(), told.used.as_str()), ("瓦片", "2.5 / 10 张"));
        reading.used = Decimal(99_999);
        assert_eq!(Meter::of(Words(Language::En), &reading).percent, Some(99), "a little is left");
        reading.used = Decimal(250_000);
        let over = Meter::of(Words(Language::En), &reading);
        assert_eq!((over.percent, over.is_full(), over.left.as_deref()), (Some(100), true, Some("0 sheets")));
        reading.meter.limit = None;
        reading.meter.period = MeterPeriod::Term;
        let free = Meter::of(Words(Language::En), &reading);
        assert_eq!((free.used.as_str(), free.left, free.percent), ("25 sheets", None, None));
        assert_eq!(free.resets.as_deref(), Some("Starts anew with a renewal"));
    }
}
