//! `[[product.plan.meter]]`

use crate::{
    base::{decimal::Decimal, limits, slug::Slug},
    license::meter::{Meter, MeterPeriod, OverLimit},
};

use super::{
    form,
    problem::Report,
    reader::{Entry, Placed, Section},
};

/// The meters of a plan that could be read, and where each has its name.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) slugs: Vec<Placed<Slug>>,
    pub(super) meters: Vec<Meter>,
}

pub(super) fn read(entry: &Entry<'_>, plan: &str, report: &mut Report<'_>) -> Meters {
    let sections = entry.sections(plan, "meter", report);
    let most = limits::PLAN_METERS;
    if sections.len() > most {
        entry.refuse(format!("has {} meters, at most {most} are counted", sections.len()), report);
    }
    let mut read = Meters::default();
    for section in sections {
        let (slug, meter) = one(section, report);
        read.slugs.extend(slug);
        read.meters.extend(meter);
    }
    read
}

fn one(mut section: Section<'_>, report: &mut Report<'_>) -> (Option<Placed<Slug>>, Option<Meter>) {
    let slug = section.need("slug", "software reports by it, as \"api-calls\"", report);
    let slug = slug.and_then(|entry| form::slug(&entry, report));
    let name = section.need("name", "customers read it; write { zh = \"…\", en = \"…\" }", report);
    let name = name.and_then(|entry| form::localized(&entry, report));
    let unit = section.need("unit", "customers read it; write { zh = \"次\", en = \"calls\" }", report);
    let unit = unit.and_then(|entry| form::localized(&entry, report));
    let limit = section.get("limit").map(|entry| (amount(&entry, report), entry));
    let periods = [MeterPeriod::Never, MeterPeriod::Day, MeterPeriod::Month, MeterPeriod::Term];
    let periods = periods.map(|period| (period.as_str(), period));
    let period = section.get("period").and_then(|entry| form::one_of(&entry, &periods, report));
    let overs = [OverLimit::Refuse, OverLimit::Allow].map(|over| (over.as_str(), over));
    let over_at = section.get("over");
    let over = over_at.as_ref().and_then(|entry| form::one_of(entry, &overs, report));
    if let (None, Some(entry)) = (&limit, &over_at) {
        entry.refuse("says what happens beyond a limit, but there is none: add `limit`, or leave it out", report);
    }
    section.finish(report);
    let meter = slug.as_ref().zip(name).zip(unit).map(|((slug, name), unit)| Meter {
        slug: slug.value.clone(),
        name,
        unit,
        limit: limit.and_then(|(amount, _)| amount),
        period: period.unwrap_or_default(),
        over: over.unwrap_or_default(),
    });
    (slug, meter)
}

/// `1000`, `"0.5"`. Not `0.5`: a fraction of TOML is no exact number.
fn amount(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Decimal> {
    let value = entry.value();
    let text = value.as_str().map(str::to_owned);
    let whole = value.as_integer().map(|number| {
        let decimal = i64::from_str_radix(number.as_str(), number.radix());
        decimal.map_or_else(|_| number.to_string(), |number| number.to_string())
    });
    let text = text.or(whole);
    let Some(text) = text else {
        entry.wrong_type("a whole number, or with a point a text such as \"12.5\"", report);
        return None;
    };
    match text.parse() {
        Ok(amount) => Some(amount),
        Err(error) => {
            entry.refuse(error, report);
            None
        }
    }
}
