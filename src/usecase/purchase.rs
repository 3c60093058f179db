//! A purchase: one order, one license, one answer, however often and however parallel it is delivered.

use serde_json::json;
use uuid::Uuid;

use crate::{
    base::{entropy::Entropy, ids::OrderId, ids::uuid_v7, slug::Slug, text::Language, time::Time},
    catalog::{Channel, PlanMatch},
    license::{
        model::License,
        plan::{Plan, Product, Term},
    },
    marketplace::event::{Charging, Purchase, PurchaseDetails},
    store::{OrderKind, OrderRecord, OrderStatus, Tx},
};

use super::{
    Context, Done, Failure,
    alert::{self, About, AlertKind},
    code, deferred,
    issue::{self, NewLicense},
    mail::contact::{self, Source},
    order,
    outcome::{Outcome, Purchased, Refusal},
    query,
    term::{self, Teller},
    usage,
};

/// Carries a purchase out, or answers what it led to the first time.
///
/// `notes` says what of the call could not be read; the merchant is told.
///
/// # Errors
/// The database's; a missing signing key.
pub fn purchase(tx: &mut Tx, ctx: Context, channel: &Channel, purchase: &Purchase, notes: &[String]) -> Done<Outcome> {
    let identity = identity(purchase);
    let known = tx.order_by_identity(&channel.slug, &identity)?;
    if let Some(order) = &known
        && let Some(outcome) = repeat(tx, ctx, order)?
    {
        ctx.journal.note("answered as before");
        return Ok(Outcome::Purchased(outcome));
    }
    let Some(details) = &purchase.details else {
        let order = known.unwrap_or_else(|| record(ctx, channel, purchase, &identity));
        return without_details(tx, ctx, channel, purchase, order);
    };
    let (product, plan) = match ctx.installation.catalog.plan_for(channel, &purchase.plan) {
        PlanMatch::Found(product, plan) => (product, plan),
        PlanMatch::Unknown(what) => return refuse(tx, ctx, channel, purchase, known, what),
    };
    let order = known.unwrap_or_else(|| record(ctx, channel, purchase, &identity));
    let terms = Terms { product, plan, details, teller: Teller::Marketplace, notes };
    issue_for(tx, ctx, channel, order, &terms, &purchase.business_id)
}

/// What a license of a purchase is made of.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The product.
    pub product: &'a Product,
    /// The plan.
    pub plan: &'a Plan,
    /// What is known of the order.
    pub details: &'a PurchaseDetails,
    /// Who told it.
    pub teller: Teller,
    /// What of the call could not be read.
    pub notes: &'a [String],
}

/// Issues the license of `order`, marks the order as fulfilled and applies the calls that came too early.
///
/// # Errors
/// The database's; a missing signing key.
pub fn issue_for(
    tx: &mut Tx,
    ctx: Context,
    channel: &Channel,
    mut order: OrderRecord,
    terms: &Terms,
    wished_instance: &str,
) -> Done<Outcome> {
    let Terms { product, plan, details, teller, notes } = *terms;
    let instance_id = match order.instance_id.take() {
        Some(given) => given,
        None => free_instance_id(tx, ctx, &channel.slug, wished_instance)?,
    };
    let end = term::first_end(plan, details, teller, ctx.now);
    let issued = issue::issue(
        tx,
        ctx,
        NewLicense {
            product,
            plan,
            channel: Some(&channel.slug),
            instance_id: Some(instance_id.clone()),
            expiry: end.expiry,
            quantity: details.quantity,
            trial: details.trial,
            device: device(plan, details),
            customer: details.customer.clone(),
            order_id: Some(&order.order_id),
        },
    )?;
    if let Some(email) = &details.email {
        // In the marketplace's own language until the customer says otherwise.
        contact::set(tx, ctx, issued.license.id, email, Language::Zh, Source::Order)?;
    }
    order.instance_id = Some(instance_id.clone());
    order.license_id = Some(issued.license.id);
    order.quantity = details.quantity;
    order.details = known_details(details);
    let before = std::mem::replace(&mut order.status, OrderStatus::Fulfilled);
    order::save(tx, ctx, order.clone())?;
    if matches!(before, OrderStatus::Refused | OrderStatus::Waiting) {
        let kind = if before == OrderStatus::Refused { AlertKind::PurchaseRefused } else { AlertKind::OrderWaiting };
        alert::settle(tx, ctx, kind, &channel.slug, &order.order_id)?;
    }
    tell(tx, ctx, &issued.license, &order, notes, end.made_up)?;
    if details.charging == Some(Charging::OnDemand) && channel.open_api.is_some() {
        usage::push::begin(tx, issued.license.id)?;
    }
    deferred::apply_all(tx, ctx, channel, &instance_id)?;
    Ok(Outcome::Purchased(Purchased {
        instance: query::instance(tx, ctx, &issued.license, instance_id, Some(plan))?,
        license_code: issued.code,
    }))
}

/// The order's identity: the order and, where there is one, its line; for on-demand goods, whose orders can
/// name several products, the order and the product.
fn identity(purchase: &Purchase) -> String {
    let on_demand = purchase.details.as_ref().is_some_and(|it| it.charging == Some(Charging::OnDemand));
    let product = if on_demand { purchase.plan.product_id.as_deref() } else { None };
    let line = if on_demand { None } else { purchase.order.line_id.as_deref() };
    json!(["purchase", purchase.order.order_id, line, product]).to_string()
}

/// The first answer again, when there was one. An order that was refused or waits may succeed now that the catalog
/// knows its plan.
fn repeat(tx: &mut Tx, ctx: Context, order: &OrderRecord) -> Done<Option<Purchased>> {
    let Some(license_id) = order.license_id else { return Ok(None) };
    let license = tx
        .license_find(license_id)?
        .ok_or_else(|| Failure::Missing(format!("order {} names a license that is not there", order.id)))?;
    ctx.journal.about(license_id);
    let license_code = code::first(tx, ctx, license_id)?;
    let plan = ctx.installation.catalog.plan(&license.product, &license.plan);
    let instance_id = license.instance_id.clone().unwrap_or_default();
    let instance = query::instance(tx, ctx, &license, instance_id, plan)?;
    Ok(Some(Purchased { instance, license_code }))
}

/// A call that carries only ids: the order waits for its details. A repeat of a waiting order is answered with the id it was
/// given first. A channel that cannot ask the marketplace for them sells its default plan, where it has one.
fn without_details(
    tx: &mut Tx,
    ctx: Context,
    channel: &Channel,
    purchase: &Purchase,
    mut order: OrderRecord,
) -> Done<Outcome> {
    if let (None, Some((product, plan))) = (&channel.open_api, ctx.installation.catalog.default_plan(channel)) {
        let details = PurchaseDetails::default();
        let terms = Terms { product, plan, details: &details, teller: Teller::Catalog, notes: &[] };
        return issue_for(tx, ctx, channel, order, &terms, &purchase.business_id);
    }
    if order.status == OrderStatus::Waiting {
        ctx.journal.note("still waits for its details");
        return Ok(Outcome::InProgress(order.instance_id));
    }
    order.status = OrderStatus::Waiting;
    order.instance_id = Some(free_instance_id(tx, ctx, &channel.slug, &purchase.business_id)?);
    let about = About { channel: Some(&channel.slug), order_id: Some(&order.order_id), ..About::default() };
    alert::raise(tx, ctx, AlertKind::OrderWaiting, &about)?;
    let outcome = Outcome::InProgress(order.instance_id.clone());
    order::save(tx, ctx, order)?;
    Ok(outcome)
}

fn refuse(
    tx: &mut Tx,
    ctx: Context,
    channel: &Channel,
    purchase: &Purchase,
    known: Option<OrderRecord>,
    what: String,
) -> Done<Outcome> {
    let mut order = known.unwrap_or_else(|| record(ctx, channel, purchase, &identity(purchase)));
    order.status = OrderStatus::Refused;
    let about = About {
        channel: Some(&channel.slug),
        order_id: Some(&order.order_id),
        detail: json!({ "unknown": what, "do": "add the id to a plan of the catalog; the marketplace retries for 3 hours" }),
        ..About::default()
    };
    alert::raise(tx, ctx, AlertKind::PurchaseRefused, &about)?;
    order::save(tx, ctx, order)?;
    Ok(Outcome::Refused(Refusal::UnknownPlan(what)))
}

fn record(ctx: Context, channel: &Channel, purchase: &Purchase, identity: &str) -> OrderRecord {
    OrderRecord {
        id: OrderId::new(ctx.now, ctx.entropy),
        channel: Some(channel.slug.clone()),
        identity: identity.to_owned(),
        kind: OrderKind::Purchase,
        order_id: purchase.order.order_id.clone(),
        line_id: purchase.order.line_id.clone(),
        product_id: purchase.plan.product_id.clone(),
        sku_code: purchase.plan.sku_code.clone(),
        instance_id: None,
        license_id: None,
        status: OrderStatus::Fulfilled,
        quantity: None,
        details: json!({}),
        created_at: ctx.now,
        updated_at: ctx.now,
    }
}

/// What the order told beyond its columns; the extension parameters are as the buyer typed them.
fn known_details(details: &PurchaseDetails) -> serde_json::Value {
    let extension: serde_json::Map<_, _> =
        details.extension.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "expires_at": details.expires_at, "period": details.period, "charging": details.charging,
        "trial": details.trial, "customer": details.customer, "extension": extension,
    })
}

fn device(plan: &Plan, details: &PurchaseDetails) -> Option<String> {
    let wanted = plan.bind_parameter.as_ref()?;
    details.extension.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
}

/// The id the marketplace recommends (the first call's businessId) when nobody has it yet and it cannot be
/// taken for a debug one; a new id otherwise.
fn free_instance_id(tx: &mut Tx, ctx: Context, channel: &Slug, wished: &str) -> Done<String> {
    let taken = wished.is_empty()
        || wished.chars().count() > 64
        || ctx.installation.is_debug_instance(channel, wished)
        || tx.license_by_instance(channel, wished)?.is_some()
        || tx.order_by_instance_waiting(channel, wished)?.is_some();
    Ok(if taken { new_instance_id(ctx.now, ctx.entropy).to_string() } else { wished.to_owned() })
}

fn new_instance_id(now: Time, entropy: &dyn Entropy) -> Uuid {
    uuid_v7(now, entropy.bytes())
}

fn tell(
    tx: &mut Tx,
    ctx: Context,
    license: &License,
    order: &OrderRecord,
    notes: &[String],
    made_up: Option<Term>,
) -> Done<()> {
    let about = About {
        channel: license.channel.as_ref(),
        license_id: Some(license.id),
        order_id: Some(&order.order_id),
        ..About::default()
    };
    if let Some(term) = made_up {
        alert::raise(tx, ctx, AlertKind::TermUnknown, &About { detail: term::made_up(term), ..about.clone() })?;
    }
    let bound = license.device.is_some();
    let binds =
        ctx.installation.catalog.plan(&license.product, &license.plan).and_then(|it| it.bind_parameter.as_ref());
    if let (Some(parameter), false) = (binds, bound) {
        let detail = json!({ "parameter": parameter, "meaning": "the license is bound to no device" });
        alert::raise(tx, ctx, AlertKind::DeviceMissing, &About { detail, ..about.clone() })?;
    }
    if !notes.is_empty() {
        alert::raise(tx, ctx, AlertKind::PurchaseIncomplete, &About { detail: json!({ "notes": notes }), ..about })?;
    }
    Ok(())
}
