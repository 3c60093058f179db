//! How instances stand: what the marketplace shows its buyer on the resource page.

use crate::{
    base::slug::Slug,
    license::{
        model::{License, State},
        plan::{Delivery, Plan},
    },
    store::Tx,
};

use super::{
    Context, Done, link,
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
                instances.push(instance(tx, ctx, &license, id.clone(), plan)?);
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

/// One instance as its buyer may see it. Without a plan (removed from the catalog) only the link is left.
///
/// # Errors
/// The database's.
pub fn instance(
    tx: &mut Tx,
    ctx: Context,
    license: &License,
    instance_id: String,
    plan: Option<&Plan>,
) -> Done<Instance> {
    let front_end_url = link::of(tx, license.id)?.url(ctx);
    let usage = usage(tx, license)?;
    Ok(Instance { instance_id, front_end_url, delivery: delivery(plan), usage })
}

/// An instance that no license stands behind: a debug call's. Its address is the page where a code is typed.
pub fn pretended(ctx: Context, instance_id: String, plan: &Plan) -> Instance {
    let front_end_url = ctx.installation.customer_page();
    Instance { instance_id, front_end_url, delivery: delivery(Some(plan)), usage: Vec::new() }
}

fn delivery(plan: Option<&Plan>) -> Delivery {
    plan.map(|plan| plan.delivery.clone()).unwrap_or_default()
}

/// The license's usage counters, as reported so far.
fn usage(tx: &mut Tx, license: &License) -> Done<Vec<Usage>> {
    let counters = tx.usage_list(license.id)?;
    Ok(counters.into_iter().map(|it| Usage { meter: it.meter, total: it.total, counted_at: it.counted_at }).collect())
}
