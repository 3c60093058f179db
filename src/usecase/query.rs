//! How instances stand: what the marketplace shows its buyer on the resource page.

use crate::{
    base::slug::Slug,
    license::{
        model::{License, State},
        plan::Plan,
    },
    store::Tx,
};

use super::{
    Context, Done,
    outcome::{Instance, Outcome, Refusal, Usage},
};

/// The instances by their ids. A released one is no longer shown, nor one whose order waits for details: those are in
/// progress when there is no other.
///
/// # Errors
/// The database's.
pub fn query(tx: &mut Tx, ctx: Context, channel: &Slug, ids: &[String]) -> Done<Outcome> {
    let mut instances = Vec::with_capacity(ids.len());
    let mut waiting = false;
    for id in ids {
        match tx.license_by_instance(channel, id)? {
            Some(license) if license.standing.state() != State::Released => {
                let plan = ctx.installation.catalog.plan(&license.product, &license.plan);
                let usage = usage(tx, &license)?;
                instances.push(instance(ctx, id.clone(), plan, usage));
            }
            Some(_) => {}
            None => waiting |= tx.order_by_instance_waiting(channel, id)?.is_some(),
        }
    }
    match ids.first() {
        Some(_) if instances.is_empty() && waiting => Ok(Outcome::InProgress(None)),
        Some(first) if instances.is_empty() => Ok(Outcome::Refused(Refusal::UnknownInstance(first.clone()))),
        _ => Ok(Outcome::Instances(instances)),
    }
}

/// One instance as its buyer may see it. Without a plan (removed from the catalog) only the address is left.
pub fn instance(ctx: Context, instance_id: String, plan: Option<&Plan>, usage: Vec<Usage>) -> Instance {
    Instance {
        instance_id,
        front_end_url: ctx.installation.customer_page(),
        delivery: plan.map(|plan| plan.delivery.clone()).unwrap_or_default(),
        usage,
    }
}

/// The license's usage counters, as reported so far.
///
/// # Errors
/// The database's.
pub fn usage(tx: &mut Tx, license: &License) -> Done<Vec<Usage>> {
    let counters = tx.usage_list(license.id)?;
    Ok(counters.into_iter().map(|it| Usage { meter: it.meter, total: it.total, counted_at: it.counted_at }).collect())
}
