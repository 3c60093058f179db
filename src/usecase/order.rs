//! Orders: their rows, and the completion of those that wait for details.

use serde_json::json;

use crate::{
    base::ids::OrderId,
    catalog::PlanName,
    license::{plan::Plan, state::Verdict},
    marketplace::{event::PurchaseDetails, koogallery::open::order as query},
    store::{OrderKind, OrderRecord, OrderStatus, Tx},
};

use super::{
    Context, Done, Failure,
    alert::{self, About, AlertKind},
    outcome::Outcome,
    purchase::{self, Terms},
    term::Teller,
    upgrade,
};

/// What an order turned out to be about.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderInfo {
    /// The plan that was bought.
    pub plan: PlanName,
    /// The rest.
    pub details: PurchaseDetails,
    /// Whose word it is.
    pub teller: Teller,
}

/// What came of completing an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// The order is fulfilled.
    Fulfilled(Box<OrderRecord>),
    /// There is no such order.
    NotFound,
    /// The order waits for nothing.
    NotWaiting,
    /// The catalog has no such plan, or it belongs to another product.
    UnknownPlan,
    /// The license of the upgrade is released.
    Released,
}

/// Writes the order's row, new or changed.
///
/// # Errors
/// The database's.
pub fn save(tx: &mut Tx, ctx: Context, order: OrderRecord) -> Done<()> {
    Ok(tx.order_save(&OrderRecord { updated_at: ctx.now, ..order })?)
}

/// Completes a waiting order with its details, from the marketplace's order query or the merchant's word.
///
/// # Errors
/// The database's and those of signing a code.
pub fn complete(tx: &mut Tx, ctx: Context, id: OrderId, info: &OrderInfo) -> Done<Completion> {
    let Some(order) = tx.order_find(id)? else { return Ok(Completion::NotFound) };
    if order.status != OrderStatus::Waiting {
        return Ok(Completion::NotWaiting);
    }
    let catalog = &ctx.installation.catalog;
    let product = catalog.product(&info.plan.product);
    let (Some(product), Some(plan)) = (product, catalog.plan(&info.plan.product, &info.plan.plan)) else {
        return Ok(Completion::UnknownPlan);
    };
    match order.kind {
        OrderKind::Purchase => {
            let channel = order.channel.as_ref().and_then(|channel| catalog.channel(channel));
            let channel = channel.ok_or_else(|| Failure::Missing(format!("the channel of order {id} is gone")))?;
            let terms = Terms { product, plan, details: &info.details, teller: info.teller, notes: &[] };
            match purchase::issue_for(tx, ctx, channel, order, &terms, "")? {
                Outcome::Purchased(_) => {}
                _ => return Ok(Completion::NotWaiting),
            }
        }
        OrderKind::Upgrade => {
            if let Some(refused) = complete_upgrade(tx, ctx, order, &info.plan, plan, info.details.quantity)? {
                return Ok(refused);
            }
        }
        _ => return Ok(Completion::NotWaiting),
    }
    let done = tx.order_find(id)?.ok_or_else(|| Failure::Missing(format!("order {id} vanished")))?;
    Ok(Completion::Fulfilled(Box::new(done)))
}

/// Writes down what the marketplace says of an order about which it sent a notice. Nothing follows from it by itself: whatever
/// changes a license comes as a call of its own. The order's row shows it.
///
/// # Errors
/// The database's.
pub fn noticed(tx: &mut Tx, ctx: Context, id: OrderId, told: &query::Order) -> Done<()> {
    let Some(mut order) = tx.order_find(id)?.filter(|it| it.status == OrderStatus::Waiting) else { return Ok(()) };
    let line = told.line(order.line_id.as_deref());
    if let Some((plan, details)) = line.and_then(|line| told.purchase(line)) {
        order.product_id = plan.product_id;
        order.sku_code = plan.sku_code;
        order.quantity = details.quantity;
    }
    order.details = json!({
        "order_type": told.kind.as_str(), "ordered_at": told.created_at,
        "expires_at": line.and_then(|line| line.expires_at), "customer": told.buyer.customer,
    });
    order.status = OrderStatus::Fulfilled;
    save(tx, ctx, order)
}

/// Tells the merchant why a waiting order still waits, with its alert.
///
/// # Errors
/// The database's.
pub fn explain(tx: &mut Tx, ctx: Context, id: OrderId, why: &str) -> Done<()> {
    let Some(order) = tx.order_find(id)?.filter(|it| it.status == OrderStatus::Waiting) else { return Ok(()) };
    let detail = json!({ "why": why });
    let about = About { channel: order.channel.as_ref(), order_id: Some(&order.order_id), detail, ..About::default() };
    alert::tell(tx, ctx, AlertKind::OrderWaiting, &about)
}

fn complete_upgrade(
    tx: &mut Tx,
    ctx: Context,
    mut order: OrderRecord,
    name: &PlanName,
    plan: &Plan,
    quantity: Option<u32>,
) -> Done<Option<Completion>> {
    let license = order.license_id.map(|id| tx.license_for_update(id)).transpose()?.flatten();
    let license = license.ok_or_else(|| Failure::Missing(format!("order {} has no license", order.id)))?;
    if license.product != name.product {
        return Ok(Some(Completion::UnknownPlan));
    }
    let verdict = upgrade::apply(tx, ctx, license, Some(plan), quantity, &order.order_id)?;
    let gone = verdict == Verdict::Gone;
    order.status = if gone { OrderStatus::Flagged } else { OrderStatus::Fulfilled };
    order.quantity = quantity;
    order.details = json!({ "plan": plan.slug });
    if let Some(channel) = &order.channel {
        alert::settle(tx, ctx, AlertKind::OrderWaiting, channel, &order.order_id)?;
    }
    save(tx, ctx, order)?;
    Ok(gone.then_some(Completion::Released))
}
