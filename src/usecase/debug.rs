//! Debug calls: answered as a healthy product would, without reading or writing a single row.
//!
//! The marketplace replays its saved debug cases against live products twice a day, in any order, for ever; five
//! days with failures in a row stop the sales. So the answers are worked out from the call alone: the instance id
//! carries a tag by which a later call is recognised as debug, and the code is signed by a debug key that
//! stands in no published list.

use crate::{
    base::{entropy::DerivedEntropy, ids::LicenseId},
    catalog::Channel,
    license::{
        code::{Claims, code_text},
        model::{Customer, Expiry, License, Standing},
        plan::{Plan, Product},
    },
    marketplace::event::{Event, Purchase},
};

use super::{
    Context, Done, Failure,
    outcome::{Outcome, Purchased},
    query,
};

/// Answers a debug call.
///
/// # Errors
/// [`Failure::Missing`] when the channel has no plan at all.
pub fn answer(ctx: Context, channel: &Channel, event: &Event) -> Done<Outcome> {
    let (product, plan) = ctx
        .installation
        .catalog
        .debug_plan(channel)
        .ok_or_else(|| Failure::Missing(format!("channel {} sells no plan", channel.slug)))?;
    ctx.journal.note("debug: nothing changed");
    match event {
        Event::Purchase(wanted) => purchased(ctx, channel, product, plan, wanted),
        Event::Query(ids) => {
            Ok(Outcome::Instances(ids.iter().map(|id| query::pretended(ctx, id.clone(), plan)).collect()))
        }
        _ => Ok(Outcome::Done),
    }
}

fn purchased(ctx: Context, channel: &Channel, product: &Product, plan: &Plan, wanted: &Purchase) -> Done<Outcome> {
    let instance_id = ctx.installation.master.debug_instance_id(&channel.slug, &wanted.order.order_id);
    let license = pretended(ctx, product, plan, &instance_id)?;
    let signer = ctx.installation.keys.debug_signer(&product.slug)?;
    let claims = Claims::for_license(&license, plan, &ctx.installation.issuer, license.created_at);
    let license_code = code_text(&claims, signer).map_err(|error| Failure::Missing(error.to_string()))?;
    let instance = query::pretended(ctx, instance_id, plan);
    Ok(Outcome::Purchased(Purchased { instance, license_code }))
}

/// A license that exists only in this answer; the same for the same order, so that a repeat is byte for byte equal.
fn pretended(ctx: Context, product: &Product, plan: &Plan, instance_id: &str) -> Done<License> {
    let created_at = ctx.installation.keys.debug_since(&product.slug)?;
    // The id is no secret; it only has to be the same for the same order.
    let entropy = DerivedEntropy::new(&[0; 32], &[instance_id]);
    Ok(License {
        id: LicenseId::new(created_at, &entropy),
        product: product.slug.clone(),
        plan: plan.slug.clone(),
        channel: None,
        instance_id: Some(instance_id.to_owned()),
        standing: Standing::default(),
        expiry: Expiry::Never,
        machines: plan.machines,
        features: plan.features.clone(),
        quantity: None,
        trial: false,
        device: None,
        customer: Customer::default(),
        rev: 1,
        created_at,
        updated_at: created_at,
    })
}
