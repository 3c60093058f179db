//! Calls that came too early: signed calls for a code nobody has redeemed here yet, or for an instance whose
//! order still waits for its details. They are kept and applied, in the order they were signed, once the
//! license exists.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    base::{ids::uuid_v7, limits, slug::Slug, time::Time},
    catalog::Channel,
    license::seal::Purpose,
    marketplace::event::Event,
    store::{DeferredRecord, Tx},
};

use super::{
    Context, Done, Failure,
    alert::{self, About, AlertKind},
    inbound,
    outcome::{Outcome, Refusal},
};

/// Keeps `event` for `subject`. The code of an unredeemed license is worth money, so neither it nor the call is stored
/// in clear: the subject as a keyed hash, the call sealed.
///
/// A release is kept however many calls are there: it is the one that must not be lost.
///
/// # Errors
/// The database's.
pub fn keep(tx: &mut Tx, ctx: Context, channel: &Slug, subject: &str, event: &Event, signed_at: Time) -> Done<Outcome> {
    let subject = hidden(ctx, subject);
    let full = tx.deferred_count(channel, &subject)? >= limits::DEFERRED_EVENTS_PER_SUBJECT;
    if full && !matches!(event, Event::Release(_)) {
        let about = About { channel: Some(channel), ..About::default() };
        alert::raise(tx, ctx, AlertKind::TooManyDeferred, &about)?;
        return Ok(Outcome::Refused(Refusal::TooManyDeferred));
    }
    ctx.journal.note("kept until the license exists");
    let id: Uuid = uuid_v7(ctx.now, ctx.entropy.bytes());
    let id = id.to_string();
    let clear = serde_json::to_vec(event).map_err(|error| Failure::Missing(error.to_string()))?;
    let sealed = ctx.installation.master.seal(Purpose::DeferredEvent, &id, &clear, ctx.entropy);
    tx.deferred_insert(&DeferredRecord {
        id,
        channel: channel.clone(),
        subject,
        event: Value::String(BASE64.encode(&sealed)),
        signed_at,
        received_at: ctx.now,
    })?;
    Ok(Outcome::Done)
}

/// Applies what was kept for `subject`, whose license now exists.
///
/// # Errors
/// The database's and those of the events' use cases.
pub fn apply_all(tx: &mut Tx, ctx: Context, channel: &Channel, subject: &str) -> Done<()> {
    for kept in tx.deferred_take(&channel.slug, &hidden(ctx, subject))? {
        let unreadable = || Failure::Missing(format!("kept call {} cannot be read", kept.id));
        let sealed = kept.event.as_str().and_then(|text| BASE64.decode(text.as_bytes()).ok()).ok_or_else(unreadable)?;
        let clear = ctx.installation.master.open(Purpose::DeferredEvent, &kept.id, &sealed)?;
        let event: Event = serde_json::from_slice(&clear).map_err(|_| unreadable())?;
        inbound::dispatch(tx, ctx, channel, &event, kept.signed_at, &[])?;
    }
    Ok(())
}

fn hidden(ctx: Context, subject: &str) -> String {
    HEXLOWER.encode(&ctx.installation.master.lookup(Purpose::DeferredEvent, subject.as_bytes()))
}
