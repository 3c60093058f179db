//! Counts what was used: as the merchant's programs say ([`add`]), and as licensed software reports (`activation::report`).
//!
//! Both draw on the same totals, which the marketplace shows for on-demand goods, and on the same periods of the plan's
//! meters. Whoever counts holds the license's row until the commit. [`ledger`] is what both have in common; [`push`] tells the
//! marketplace.

pub(super) mod ledger;
pub mod push;

use serde_json::json;

use crate::{
    base::{decimal::Decimal, ids::LicenseId, slug::Slug},
    license::{
        meter::{MeterPeriod, Reading},
        model::License,
        plan::Plan,
    },
    store::{Tx, UsageRecord},
};

use super::{Context, Done, change};

use ledger::Ledger;

/// The largest total of a counter, in ten-thousandths: a million of the largest reports. Marketplaces show fewer digits; what
/// they cannot show they are told as the most that they can, so that nothing that counts ends with it.
pub const TOTAL_MAX: i64 = 999_999_999_999_999_999;
/// Counters of one license that its plan does not name.
pub const METERS_MAX: usize = 32;

/// What came of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The license's counters now, by their names.
    Counters(Usage),
    /// There is no such license.
    NotFound,
    /// The total would pass [`TOTAL_MAX`].
    TooLarge,
    /// More would be taken back than was counted.
    TooLittle,
    /// The license has [`METERS_MAX`] other counters.
    TooManyMeters,
}

/// What a license used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Everything that was ever counted, by its name.
    pub totals: Vec<UsageRecord>,
    /// The meters of the plan, in the catalog's order.
    pub meters: Vec<Reading>,
}

/// Adds `amount` ten-thousandths to a counter, also after the release: what was used before it may be reported later. A
/// negative amount takes back what was reported wrongly, and stands in the license's history. The merchant's word is counted
/// whatever a meter's limit, and what is not in the plan as well.
///
/// # Errors
/// The database's.
pub fn add(tx: &mut Tx, ctx: Context, id: LicenseId, meter: &Slug, amount: i64) -> Done<Counted> {
    // Held until the commit, so that two reports cannot pass the limits together.
    let Some(license) = tx.license_for_update(id)? else { return Ok(Counted::NotFound) };
    let plan = plan(ctx, &license);
    let mut ledger = Ledger::open(tx, ctx, id)?;
    let planned = plan.and_then(|plan| plan.meter(meter.as_str()));
    if planned.is_none() && !ledger.knows(meter.as_str()) && ledger.counters() >= METERS_MAX {
        return Ok(Counted::TooManyMeters);
    }
    if !ledger.count(meter.as_str(), planned, amount) {
        return Ok(if amount < 0 { Counted::TooLittle } else { Counted::TooLarge });
    }
    ledger.save(tx)?;
    push::wake(tx, ctx, &license)?;
    if amount < 0 {
        let taken = Decimal(amount.saturating_neg()).to_string();
        change::record(tx, ctx, &license, "usage_corrected", json!({ "meter": meter.as_str(), "taken_back": taken }))?;
    }
    of(tx, ctx, &license).map(Counted::Counters)
}

/// What `license` used.
///
/// # Errors
/// The database's.
pub fn of(tx: &mut Tx, ctx: Context, license: &License) -> Done<Usage> {
    let meters = readings(tx, ctx, license)?;
    Ok(Usage { totals: tx.usage_list(license.id)?, meters })
}

/// What was used of each meter of the license's plan. Costs nothing where there are none.
///
/// # Errors
/// The database's.
pub fn readings(tx: &mut Tx, ctx: Context, license: &License) -> Done<Vec<Reading>> {
    match plan(ctx, license) {
        Some(plan) if !plan.meters.is_empty() => Ok(Ledger::open(tx, ctx, license.id)?.readings(plan)),
        _ => Ok(Vec::new()),
    }
}

/// A new term of `license` began: what counts by the term starts anew. So does what was counted by a plan of before.
///
/// # Errors
/// The database's.
pub(super) fn term_began(tx: &mut Tx, ctx: Context, license: &License) -> Done<()> {
    let plan = plan(ctx, license);
    let by_calendar = |name: &str| {
        let period = plan.and_then(|plan| plan.meter(name)).map(|meter| meter.period);
        matches!(period, Some(MeterPeriod::Day | MeterPeriod::Month))
    };
    for period in tx.period_list(license.id)? {
        if !by_calendar(&period.meter) {
            tx.period_forget(license.id, &period.meter)?;
        }
    }
    Ok(())
}

fn plan<'a>(ctx: Context<'a>, license: &License) -> Option<&'a Plan> {
    ctx.installation.catalog.plan(&license.product, &license.plan)
}
