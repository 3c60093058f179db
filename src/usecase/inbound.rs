//! An authenticated call from a marketplace: replay check, debug or real, and the use case it asks for.

use serde_json::json;

use crate::{
    base::{ids::OrderId, slug::Slug, time::Time},
    catalog::{Channel, ChannelKind},
    license::model::License,
    marketplace::{
        event::{Event, OrderRef, Subject},
        koogallery::{code::is_marketplace_code, debug as published},
    },
    store::{MessageRecord, OrderKind, OrderRecord, OrderStatus, Tx},
};

use super::{
    Context, Done, debug, deferred, device, order,
    outcome::{Outcome, Refusal},
    purchase, query, redemption, renewal, status, upgrade,
};

/// An authenticated call in the license's own words.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// What it asks for.
    pub event: Event,
    /// When it was signed.
    pub signed_at: Time,
    /// Whether the marketplace marked it as a debug call.
    pub debug: bool,
    /// Its nonce and until when a replay could still pass the clock window; `None` where the transport has none.
    pub nonce: Option<(String, Time)>,
    /// What of it could not be read.
    pub notes: Vec<String>,
}

/// What a call led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Handled {
    /// Its nonce was used before: refused.
    Replayed,
    /// Answered as a healthy product would, without a trace in licenses or orders.
    Debug(Outcome),
    /// Carried out.
    Real(Outcome),
}

/// Handles one call.
///
/// # Errors
/// The database's and those of signing a code.
pub fn handle(tx: &mut Tx, ctx: Context, channel: &Channel, call: &Inbound) -> Done<Handled> {
    if !use_nonce(tx, &channel.slug, call.nonce.as_ref())? {
        return Ok(Handled::Replayed);
    }
    if is_debug(tx, ctx, channel, call)? {
        return Ok(Handled::Debug(debug::answer(ctx, channel, &call.event)?));
    }
    Ok(Handled::Real(dispatch(tx, ctx, channel, &call.event, call.signed_at, &call.notes)?))
}

impl Inbound {
    /// The instance or code it is about, where it is about one.
    pub fn subject(&self) -> Option<&str> {
        subject(&self.event).map(Subject::as_str)
    }
}

/// Uses a call's nonce up; `false` when it was used before. The database is the memory, so that a replay is
/// refused by every server on it.
///
/// # Errors
/// The database's.
pub fn use_nonce(tx: &mut Tx, channel: &Slug, nonce: Option<&(String, Time)>) -> Done<bool> {
    match nonce {
        Some((nonce, until)) => Ok(tx.nonce_insert(channel, nonce, *until)?),
        None => Ok(true),
    }
}

/// Writes the call into the message log.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx, message: &MessageRecord) -> Done<()> {
    Ok(tx.message_insert(message)?)
}

/// A flagged call is debug. An unflagged purchase is real unless its order id is a published debug id; an
/// unflagged call about an instance is debug only when no real one has the id and the id is a debug one:
/// born in a debug call, published, or listed by the channel.
fn is_debug(tx: &mut Tx, ctx: Context, channel: &Channel, call: &Inbound) -> Done<bool> {
    if call.debug {
        return Ok(true);
    }
    // What follows is how KooGallery debugs.
    if channel.kind != ChannelKind::Koogallery {
        return Ok(false);
    }
    let id = match &call.event {
        Event::Purchase(purchase) => return Ok(published::is_debug_order_id(&purchase.order.order_id)),
        Event::OrderNotice(order) => return Ok(published::is_debug_order_id(&order.order_id)),
        Event::Query(ids) if ids.len() != 1 => return Ok(false),
        Event::Query(ids) => ids[0].as_str(),
        event => match subject(event) {
            Some(subject) => subject.as_str(),
            None => return Ok(false),
        },
    };
    if !ctx.installation.is_debug_instance(&channel.slug, id) && !channel.debug_ids.iter().any(|it| it == id) {
        return Ok(false);
    }
    Ok(tx.license_by_instance(&channel.slug, id)?.is_none()
        && tx.order_by_instance_waiting(&channel.slug, id)?.is_none())
}

fn subject(event: &Event) -> Option<&Subject> {
    match event {
        Event::Renewal(it) => Some(&it.subject),
        Event::Status(it) => Some(&it.subject),
        Event::Release(it) => Some(&it.subject),
        Event::Upgrade(it) => Some(&it.subject),
        Event::DeviceLicense(it) => Some(&it.subject),
        Event::Purchase(_) | Event::Query(_) | Event::OrderNotice(_) => None,
    }
}

/// Carries a real event out.
///
/// # Errors
/// The database's and those of signing a code.
pub fn dispatch(
    tx: &mut Tx,
    ctx: Context,
    channel: &Channel,
    event: &Event,
    signed_at: Time,
    notes: &[String],
) -> Done<Outcome> {
    match event {
        Event::Purchase(wanted) => return purchase::purchase(tx, ctx, channel, wanted, notes),
        Event::Query(ids) => return query::query(tx, ctx, &channel.slug, ids),
        Event::OrderNotice(order) => return order_notice(tx, ctx, channel, order),
        _ => {}
    }
    let Some(subject) = subject(event) else { return Ok(Outcome::Done) };
    let id = match subject {
        Subject::Instance(id) => id.clone(),
        Subject::MarketplaceCode(code) => redemption::instance_id(ctx, code),
    };
    let Some(license) = tx.license_by_instance(&channel.slug, &id)? else {
        return absent(tx, ctx, channel, event, (subject, &id), signed_at);
    };
    with_license(tx, ctx, channel, event, signed_at, license)
}

fn with_license(
    tx: &mut Tx,
    ctx: Context,
    channel: &Channel,
    event: &Event,
    signed_at: Time,
    license: License,
) -> Done<Outcome> {
    ctx.journal.about(license.id);
    match event {
        Event::Renewal(wanted) => renewal::renew(tx, ctx, channel, wanted, license),
        Event::Status(wanted) => status::set(tx, ctx, wanted, signed_at, license),
        Event::Release(wanted) => status::release(tx, ctx, wanted, license),
        Event::Upgrade(wanted) => upgrade::upgrade(tx, ctx, channel, wanted, license),
        Event::DeviceLicense(wanted) => device::license_device(tx, ctx, wanted, &license),
        Event::Purchase(_) | Event::Query(_) | Event::OrderNotice(_) => Ok(Outcome::Done),
    }
}

/// A call about a license that is not here: kept when the license may still come (a marketplace's code nobody
/// has redeemed, an instance whose order waits for details), refused otherwise.
fn absent(
    tx: &mut Tx,
    ctx: Context,
    channel: &Channel,
    event: &Event,
    (subject, id): (&Subject, &str),
    signed_at: Time,
) -> Done<Outcome> {
    let expected = match subject {
        Subject::MarketplaceCode(code) => is_marketplace_code(code),
        Subject::Instance(_) => tx.order_by_instance_waiting(&channel.slug, id)?.is_some(),
    };
    match event {
        Event::DeviceLicense(_) if expected => Ok(Outcome::Refused(Refusal::OutsideTerm)),
        _ if expected => deferred::keep(tx, ctx, &channel.slug, id, event, signed_at),
        _ => Ok(Outcome::Refused(Refusal::UnknownInstance(id.to_owned()))),
    }
}

/// An order changed; its details will tell how. Kept, once, for the order query.
fn order_notice(tx: &mut Tx, ctx: Context, channel: &Channel, notice: &OrderRef) -> Done<Outcome> {
    let identity = json!(["notice", notice.order_id, notice.line_id]).to_string();
    if tx.order_by_identity(&channel.slug, &identity)?.is_some() {
        return Ok(Outcome::Done);
    }
    let record = OrderRecord {
        id: OrderId::new(ctx.now, ctx.entropy),
        channel: Some(channel.slug.clone()),
        identity,
        kind: OrderKind::Notice,
        order_id: notice.order_id.clone(),
        line_id: notice.line_id.clone(),
        product_id: None,
        sku_code: None,
        instance_id: None,
        license_id: None,
        status: OrderStatus::Waiting,
        quantity: None,
        details: json!({}),
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    order::save(tx, ctx, record)?;
    Ok(Outcome::Done)
}
