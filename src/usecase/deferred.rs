//! Calls that came too early: signed calls for a code nobody has redeemed here yet, or for an instance whose
//! order still waits for its details. They are kept and applied, in the order they were signed, once the
//! license exists.

use uuid::Uuid;

use crate::{
    base::{ids::uuid_v7, limits, slug::Slug, time::Time},
    catalog::Channel,
    marketplace::event::Event,
    store::{DeferredRecord, Tx},
};

use super::{
    Context, Done, Failure, inbound,
    outcome::{Outcome, Refusal},
};

/// Keeps `event` for `subject`.
///
/// # Errors
/// The database's.
pub fn keep(tx: &mut Tx, ctx: Context, channel: &Slug, subject: &str, event: &Event, signed_at: Time) -> Done<Outcome> {
    if tx.deferred_count(channel, subject)? >= limits::DEFERRED_EVENTS_PER_SUBJECT {
        return Ok(Outcome::Refused(Refusal::TooManyDeferred));
    }
    ctx.journal.note("kept until the license exists");
    let id: Uuid = uuid_v7(ctx.now, ctx.entropy.bytes());
    tx.deferred_insert(&DeferredRecord {
        id: id.to_string(),
        channel: channel.clone(),
        subject: subject.to_owned(),
        event: serde_json::to_value(event).map_err(|error| Failure::Missing(error.to_string()))?,
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
    for kept in tx.deferred_take(&channel.slug, subject)? {
        let event: Event = serde_json::from_value(kept.event)
            .map_err(|error| Failure::Missing(format!("kept call {} cannot be read: {error}", kept.id)))?;
        inbound::dispatch(tx, ctx, channel, &event, kept.signed_at, &[])?;
    }
    Ok(())
}
