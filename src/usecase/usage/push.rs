//! Tells the marketplace what was used of goods that are paid by use.
//!
//! Whoever counts wakes the license's push in the same transaction, so nothing counted is forgotten. A record (a total, and
//! when it was counted) is written down before it is sent and sent as it is until the marketplace has acknowledged it: each
//! record exists once, however often it has to be sent. The totals are cumulative, so one that is not made is part of the next.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    base::{ids::LicenseId, limits, slug::Slug, time::Time},
    license::model::License,
    store::{PushRecord, Tx},
    usecase::{
        Context, Done,
        alert::{self, AlertKind},
        query,
    },
};

/// How long after something was counted a record is made of it, and the least between two records of a license.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);
/// Whoever sends has so long until somebody else may.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);
/// The longest pause between two tries.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(6);
/// Tries that may fail before the merchant is told.
const QUIET_TRIES: u32 = 3;

/// A record that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The license.
    pub license: LicenseId,
    /// The channel through which it was sold.
    pub channel: Slug,
    /// The id the marketplace knows it by.
    pub instance_id: String,
    /// The total, in ten-thousandths.
    pub total: i64,
    /// When it was counted.
    pub counted_at: Time,
}

/// From now on what is used of `license` is told to the marketplace: it was sold by use, through a channel that can.
///
/// # Errors
/// The database's.
pub fn begin(tx: &mut Tx, license: LicenseId) -> Done<()> {
    if tx.push_find(license)?.is_some() {
        return Ok(());
    }
    Ok(tx.push_save(&PushRecord { license_id: license, total: None, counted_at: None, tries: 0, next_at: None })?)
}

/// Something of `license` was counted. Costs nothing where its channel tells the marketplace nothing.
pub(in crate::usecase) fn wake(tx: &mut Tx, ctx: Context, license: &License) -> Done<()> {
    let channel = license.channel.as_ref().and_then(|slug| ctx.installation.catalog.channel(slug));
    match channel.filter(|channel| channel.open_api.is_some()) {
        Some(_) => Ok(tx.push_wake(license.id, ctx.now.saturating_add(PAUSE))?),
        None => Ok(()),
    }
}

/// Makes and takes the records that are due, so that nobody else sends them for a while.
///
/// # Errors
/// The database's.
pub fn claim(tx: &mut Tx, ctx: Context) -> Done<Vec<Push>> {
    let mut claimed = Vec::new();
    for row in tx.pushes_due(ctx.now, limits::USAGE_PUSHES)? {
        let known = tx.license_find(row.license_id)?;
        let Some((license, channel, instance_id)) = known.and_then(|it| {
            let (channel, instance_id) = (it.channel.clone()?, it.instance_id.clone()?);
            Some((it, channel, instance_id))
        }) else {
            tx.push_save(&PushRecord { next_at: None, ..row })?;
            continue;
        };
        let record = match (row.tries, row.total, row.counted_at) {
            (1.., Some(total), Some(counted_at)) => Some((total, counted_at)),
            _ => {
                let plan = ctx.installation.catalog.plan(&license.product, &license.plan);
                let used = query::usage(tx, &license, plan)?;
                used.filter(|it| Some(it.total) != row.total).map(|it| (it.total, it.counted_at))
            }
        };
        let Some((total, counted_at)) = record else {
            tx.push_save(&PushRecord { next_at: None, ..row })?;
            continue;
        };
        let (tries, next_at) = (row.tries.saturating_add(1), Some(ctx.now.saturating_add(CLAIM)));
        let (total_now, counted_now) = (Some(total), Some(counted_at));
        tx.push_save(&PushRecord { total: total_now, counted_at: counted_now, tries, next_at, ..row })?;
        claimed.push(Push { license: license.id, channel, instance_id, total, counted_at });
    }
    Ok(claimed)
}

/// The marketplace has the record. What was counted since has its turn later.
///
/// # Errors
/// The database's.
pub fn pushed(tx: &mut Tx, ctx: Context, push: &Push) -> Done<()> {
    let Some(row) = current(tx, push)? else { return Ok(()) };
    tx.push_save(&PushRecord { tries: 0, next_at: Some(ctx.now.saturating_add(PAUSE)), ..row })?;
    match tx.license_for_update(push.license)? {
        Some(license) => alert::end(tx, ctx, AlertKind::UsageNotPushed, &license),
        None => Ok(()),
    }
}

/// The record was not sent after all.
///
/// # Errors
/// The database's.
pub fn put_off(tx: &mut Tx, ctx: Context, push: &Push) -> Done<()> {
    let Some(row) = current(tx, push)? else { return Ok(()) };
    // It stays the record that is sent: whether an earlier try arrived is not known.
    let next_at = Some(ctx.now.saturating_add(SignedDuration::from_mins(1)));
    Ok(tx.push_save(&PushRecord { next_at, ..row })?)
}

/// The marketplace did not take the record: `why`, in one sentence.
///
/// # Errors
/// The database's.
pub fn not_pushed(tx: &mut Tx, ctx: Context, push: &Push, why: &str) -> Done<()> {
    let Some(row) = current(tx, push)? else { return Ok(()) };
    let minutes = 1_i64.checked_shl(row.tries.saturating_sub(1).min(20)).unwrap_or(i64::MAX);
    let next_at = ctx.now.saturating_add(SignedDuration::from_mins(minutes).min(LONGEST_PAUSE));
    let tries = row.tries;
    tx.push_save(&PushRecord { next_at: Some(next_at), ..row })?;
    if tries < QUIET_TRIES {
        return Ok(());
    }
    match tx.license_for_update(push.license)? {
        Some(license) => {
            let detail = json!({ "why": why, "tried_again_at": next_at });
            alert::count(tx, ctx, AlertKind::UsageNotPushed, &license, detail)
        }
        None => Ok(()),
    }
}

/// The row of a push that is still the one under way.
fn current(tx: &mut Tx, push: &Push) -> Done<Option<PushRecord>> {
    let row = tx.push_find(push.license)?;
    Ok(row.filter(|it| it.tries > 0 && it.total == Some(push.total) && it.counted_at == Some(push.counted_at)))
}
