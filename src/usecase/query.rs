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
    let usage = usage(tx, license, plan)?;
    Ok(Instance { instance_id, front_end_url, delivery: delivery(plan), usage })
}

/// An instance that no license stands behind: a debug call's. Its address is the page where a code is typed.
pub fn pretended(ctx: Context, instance_id: String, plan: &Plan) -> Instance {
    let front_end_url = ctx.installation.customer_page();
    Instance { instance_id, front_end_url, delivery: delivery(Some(plan)), usage: None }
}

fn delivery(plan: Option<&Plan>) -> Delivery {
    plan.map(|plan| plan.delivery.clone()).unwrap_or_default()
}

/// What the marketplace is shown as used: the total of the plan's first meter, or where the plan has none, of the counter whose
/// name comes first. Always that one: a row stands for what a product is sold by, and must not turn into another when something
/// else is counted as well.
///
/// # Errors
/// The database's.
pub fn usage(tx: &mut Tx, license: &License, plan: Option<&Plan>) -> Done<Option<Usage>> {
    let sold_by = plan.and_then(|plan| plan.meters.first()).map(|meter| meter.slug.as_str());
    let mut counters = tx.usage_list(license.id)?.into_iter();
    let counter = counters.find(|it| sold_by.is_none_or(|name| it.meter == name));
    Ok(counter.map(|it| Usage { total: it.total, counted_at: it.counted_at }))
}
