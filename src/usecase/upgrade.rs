//! Upgrades: another plan or quantity on the same license.

use serde_json::json;

use crate::{
    base::ids::OrderId,
    catalog::{Channel, PlanMatch},
    license::{
        model::License,
        plan::Plan,
        state::{Event, Verdict},
    },
    marketplace::event::{OrderRef, PlanRef, Subject, Upgrade},
    store::{OrderKind, OrderRecord, OrderStatus, Tx},
};

use super::{
    Context, Done,
    alert::{self, About, AlertKind},
    change::{self, Change},
    order,
    outcome::{Outcome, Refusal},
};

/// Moves the license to the plan or quantity that was bought; without ids in the call, the order waits for
/// its details and the license stays as it is.
///
/// # Errors
/// The database's and those of signing a code.
pub fn upgrade(tx: &mut Tx, ctx: Context, channel: &Channel, upgrade: &Upgrade, license: License) -> Done<Outcome> {
    let identity = identity(upgrade, &license);
    let known = tx.order_by_identity(&channel.slug, &identity)?;
    match known.as_ref().map(|order| order.status) {
        Some(OrderStatus::Fulfilled) => return Ok(Outcome::Done),
        Some(OrderStatus::Waiting) => return Ok(Outcome::InProgress(None)),
        Some(OrderStatus::Flagged) => return Ok(released(upgrade)),
        // A refused upgrade may succeed now that the catalog knows its plan.
        Some(OrderStatus::Refused) | None => {}
    }
    let mut order = known.unwrap_or_else(|| record(ctx, channel, upgrade, &license, identity));
    let refused_before = order.status == OrderStatus::Refused;
    let named = upgrade.plan.product_id.is_some() || upgrade.plan.sku_code.is_some();
    let plan = match ctx.installation.catalog.plan_for(channel, &upgrade.plan) {
        _ if license.standing.released => None,
        PlanMatch::Found(product, plan) if product.slug == license.product => Some(plan),
        _ if !named && upgrade.quantity.is_none() => return wait(tx, ctx, order),
        _ if !named => None,
        PlanMatch::Found(product, plan) => {
            let what = format!("plan {}/{} of another product", product.slug, plan.slug);
            return refuse(tx, ctx, order, what);
        }
        PlanMatch::Unknown(what) => return refuse(tx, ctx, order, what),
    };
    let outcome = apply(tx, ctx, license, plan, upgrade.quantity, &upgrade.order.order_id)?;
    order.status = if outcome == Verdict::Gone { OrderStatus::Flagged } else { OrderStatus::Fulfilled };
    if refused_before {
        alert::settle(tx, ctx, AlertKind::UpgradeRefused, &channel.slug, &order.order_id)?;
    }
    order::save(tx, ctx, order)?;
    Ok(if outcome == Verdict::Gone { released(upgrade) } else { Outcome::Done })
}

/// Gives `license` another plan or quantity.
///
/// # Errors
/// The database's and those of signing a code.
pub fn apply(
    tx: &mut Tx,
    ctx: Context,
    license: License,
    plan: Option<&Plan>,
    quantity: Option<u32>,
    order_id: &str,
) -> Done<Verdict> {
    let change = Change { plan, quantity, ..Change::new("upgraded", Event::Upgraded).by_order(order_id) };
    Ok(change::apply(tx, ctx, license, &change)?.verdict)
}

/// Notes that a renewal also changed plan or quantity without saying to what (`RENEWAL_CHANGE` without product id): the
/// term is renewed, the change waits for the order's details.
///
/// # Errors
/// The database's.
pub fn await_details(tx: &mut Tx, ctx: Context, channel: &Channel, order: &OrderRef, license: &License) -> Done<()> {
    let upgrade = Upgrade {
        order: order.clone(),
        subject: Subject::Instance(license.instance_id.clone().unwrap_or_default()),
        plan: PlanRef::default(),
        quantity: None,
    };
    let identity = identity(&upgrade, license);
    if tx.order_by_identity(&channel.slug, &identity)?.is_none() {
        wait(tx, ctx, record(ctx, channel, &upgrade, license, identity))?;
    }
    Ok(())
}

fn identity(upgrade: &Upgrade, license: &License) -> String {
    json!(["upgrade", upgrade.order.order_id, upgrade.order.line_id, license.id]).to_string()
}

fn released(upgrade: &Upgrade) -> Outcome {
    Outcome::Refused(Refusal::ReleasedInstance(upgrade.subject.as_str().to_owned()))
}

fn wait(tx: &mut Tx, ctx: Context, mut order: OrderRecord) -> Done<Outcome> {
    order.status = OrderStatus::Waiting;
    raise(tx, ctx, AlertKind::OrderWaiting, &order, json!({}))?;
    order::save(tx, ctx, order)?;
    Ok(Outcome::InProgress(None))
}

fn refuse(tx: &mut Tx, ctx: Context, mut order: OrderRecord, what: String) -> Done<Outcome> {
    order.status = OrderStatus::Refused;
    raise(tx, ctx, AlertKind::UpgradeRefused, &order, json!({ "unknown": what }))?;
    order::save(tx, ctx, order)?;
    Ok(Outcome::Refused(Refusal::UnknownPlan(what)))
}

fn raise(tx: &mut Tx, ctx: Context, kind: AlertKind, order: &OrderRecord, detail: serde_json::Value) -> Done<()> {
    let about = About {
        channel: order.channel.as_ref(),
        license_id: order.license_id,
        order_id: Some(&order.order_id),
        detail,
    };
    alert::raise(tx, ctx, kind, &about)
}

fn record(ctx: Context, channel: &Channel, upgrade: &Upgrade, license: &License, identity: String) -> OrderRecord {
    OrderRecord {
        id: OrderId::new(ctx.now, ctx.entropy),
        channel: Some(channel.slug.clone()),
        identity,
        kind: OrderKind::Upgrade,
        order_id: upgrade.order.order_id.clone(),
        line_id: upgrade.order.line_id.clone(),
        product_id: upgrade.plan.product_id.clone(),
        sku_code: upgrade.plan.sku_code.clone(),
        instance_id: license.instance_id.clone(),
        license_id: Some(license.id),
        status: OrderStatus::Waiting,
        quantity: upgrade.quantity,
        details: json!({}),
        created_at: ctx.now,
        updated_at: ctx.now,
    }
}
