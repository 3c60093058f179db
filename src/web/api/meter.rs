//! What was used of a meter, as answers show it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    base::{decimal::Decimal, slug::Slug, text::Localized, time::Time},
    license::meter::{Meter, Reading},
};

/// A text in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Label {
    /// 简体中文
    zh: String,
    /// English
    en: String,
}

/// A meter of the license's plan, and what was used of it. Amounts are texts with at most 4 digits behind the point.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeterState {
    /// The meter.
    #[serde(flatten)]
    rule: MeterRule,
    /// What was used in the period.
    #[schema(value_type = String, example = "120.25")]
    used: Decimal,
    /// What is left of the limit; `null` without one.
    #[schema(required, value_type = Option<String>, example = "879.75")]
    left: Option<Decimal>,
    /// When counting starts anew, where the calendar says; else `null`.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    resets_at: Option<Time>,
}

/// A meter, as the catalog has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeterRule {
    /// The name by which software reports.
    #[schema(value_type = String, example = "tiles")]
    meter: Slug,
    /// What people call it.
    name: Label,
    /// What it is counted in.
    unit: Label,
    /// How much a period allows; `null`: it is only counted.
    #[schema(required, value_type = Option<String>, example = "1000")]
    limit: Option<Decimal>,
    /// When counting starts anew: `never`, each `day` or `month` (UTC), or with each `term`.
    #[schema(example = "month")]
    period: &'static str,
    /// What becomes of a report beyond the limit: `refuse` or `allow`.
    #[schema(example = "refuse")]
    over: &'static str,
}

impl From<&Localized> for Label {
    fn from(it: &Localized) -> Self {
        Self { zh: it.zh.clone(), en: it.en.clone() }
    }
}

impl From<&Meter> for MeterRule {
    fn from(it: &Meter) -> Self {
        Self {
            meter: it.slug.clone(),
            name: (&it.name).into(),
            unit: (&it.unit).into(),
            limit: it.limit,
            period: it.period.as_str(),
            over: it.over.as_str(),
        }
    }
}

impl From<&Reading> for MeterState {
    fn from(it: &Reading) -> Self {
        Self { rule: (&it.meter).into(), used: it.used, left: it.left(), resets_at: it.resets_at }
    }
}

/// All of them, in the catalog's order.
pub fn states(readings: &[Reading]) -> Vec<MeterState> {
    readings.iter().map(MeterState::from).collect()
}
