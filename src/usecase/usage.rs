//! Counts what on-demand goods were used, as the merchant's software reports it.

use crate::{
    base::{ids::LicenseId, slug::Slug},
    store::{Tx, UsageRecord},
};

use super::{Context, Done};

/// The largest total of a counter, in ten-thousandths: the marketplace's `usageValue` has at most 12 digits,
/// four of them behind the point.
pub const TOTAL_MAX: i64 = 999_999_999_999;
/// Counters of one license.
pub const METERS_MAX: usize = 32;

/// What came of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The license's counters now, by their names.
    Counters(Vec<UsageRecord>),
    /// There is no such license.
    NotFound,
    /// The total would pass [`TOTAL_MAX`].
    TooLarge,
    /// The license has [`METERS_MAX`] other counters.
    TooManyMeters,
}

/// Adds `amount` ten-thousandths (not negative) to a counter, also after the release: what was used before it
/// may be reported later.
///
/// # Errors
/// The database's.
pub fn add(tx: &mut Tx, ctx: Context, id: LicenseId, meter: &Slug, amount: i64) -> Done<Counted> {
    // Held until the commit, so that two reports cannot pass the limits together.
    if tx.license_for_update(id)?.is_none() {
        return Ok(Counted::NotFound);
    }
    let counters = tx.usage_list(id)?;
    let counter = counters.iter().find(|counter| counter.meter == meter.as_str());
    if counter.is_none() && counters.len() >= METERS_MAX {
        return Ok(Counted::TooManyMeters);
    }
    let total = counter.map_or(0, |counter| counter.total).saturating_add(amount);
    if !(0..=TOTAL_MAX).contains(&total) {
        return Ok(Counted::TooLarge);
    }
    let meter = meter.to_string();
    tx.usage_add(&UsageRecord { license_id: id, meter, total: amount, counted_at: ctx.now })?;
    Ok(Counted::Counters(tx.usage_list(id)?))
}
