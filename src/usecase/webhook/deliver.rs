//! Brings events to webhooks: each at least once, those of one license in their order, from whichever server, also after one
//! died.
//!
//! A delivery is claimed for a while, sent, and what came of it written down. Who dies in between leaves the claim behind, and
//! after [`CLAIM`] the same message is sent again, with the same id. Of one license only the first event that is pending is
//! ever sent, so later ones wait until it arrived or was given up.

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    base::{
        ids::{EventId, WebhookId},
        limits,
        time::Time,
    },
    store::{AttemptRecord, DeliveryRecord, DeliveryState, EventRecord, Tx, WebhookRecord},
    usecase::{
        Context, Done,
        alert::{self, About, AlertKind},
        mail::{self, Post},
    },
};

use super::{message, secrets};

/// Who sends has so long until somebody else may: several times as long as a message may take.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(60);
/// When a message is sent again, counted from when it was on its way first: over three days.
const AGAIN_AFTER: [SignedDuration; 9] = [
    SignedDuration::from_secs(10),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(28),
    SignedDuration::from_hours(48),
    SignedDuration::from_hours(72),
];
/// No sooner than so long after a try that failed.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// The longest pause that a receiver can ask for.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);
/// Events handed on in one transaction.
const BITE: u32 = 100;

/// Hands events on to the webhooks that want them, and to the post; says whether there may be more.
///
/// # Errors
/// The database's.
pub fn hand_on(tx: &mut Tx, ctx: Context, post: &Post) -> Done<bool> {
    let events = tx.events_pending(BITE)?;
    let webhooks = tx.webhook_page(None, limits::WEBHOOKS)?;
    for event in &events {
        for webhook in webhooks.iter().filter(|it| it.enabled && wants(it, event)) {
            tx.delivery_insert(&begun(ctx, webhook, event))?;
        }
        mail::begin(tx, ctx, post, event)?;
    }
    let ids: Vec<EventId> = events.iter().map(|it| it.id).collect();
    if !ids.is_empty() {
        tx.events_handed_on(&ids)?;
    }
    Ok(ids.len() >= BITE as usize)
}

fn wants(webhook: &WebhookRecord, event: &EventRecord) -> bool {
    webhook.kinds.is_empty() || webhook.kinds.contains(&event.kind)
}

/// A delivery that begins now.
pub(super) fn begun(ctx: Context, webhook: &WebhookRecord, event: &EventRecord) -> DeliveryRecord {
    DeliveryRecord {
        webhook_id: webhook.id,
        event_id: event.id,
        subject: event.subject.clone(),
        seq: event.seq,
        state: DeliveryState::Pending,
        tries: 0,
        next_at: ctx.now,
        since: ctx.now,
        ended_at: None,
        worker: None,
    }
}

/// The webhooks for which something is to be sent, and how much at least.
///
/// # Errors
/// The database's.
pub fn due(tx: &mut Tx, ctx: Context, at_most: u32) -> Done<Vec<(WebhookId, usize)>> {
    let mut due = Vec::new();
    for webhook in tx.webhook_page(None, limits::WEBHOOKS)?.iter().filter(|it| it.enabled) {
        let count = tx.deliveries_due(webhook.id, ctx.now, at_most)?.len();
        if count > 0 {
            due.push((webhook.id, count));
        }
    }
    Ok(due)
}

/// A message that is to be sent now.
#[derive(Clone)]
pub struct Outgoing {
    /// To whom.
    pub webhook: WebhookId,
    /// Its id.
    pub event: EventId,
    /// What happened.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// What is sent.
    pub body: String,
    /// The claim: 128 random bits in hexadecimal digits.
    claim: String,
    /// Which try it is.
    number: u32,
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

/// Without body and secrets.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("webhook", &self.webhook).field("event", &self.event).finish_non_exhaustive()
    }
}

impl Outgoing {
    /// The headers of the message when it is sent at `at`.
    pub fn headers(&self, at: Time) -> Vec<(String, String)> {
        message::headers(self.event, at, &self.body, &self.secrets)
    }
}

/// Claims the next message for a webhook; `None`: nothing is to be sent now.
///
/// # Errors
/// The database's; a sealed secret that does not open.
pub fn claim(tx: &mut Tx, ctx: Context, webhook: WebhookId) -> Done<Option<Outgoing>> {
    let Some(endpoint) = tx.webhook_find(webhook)?.filter(|it| it.enabled) else { return Ok(None) };
    let Some(delivery) = tx.deliveries_due(webhook, ctx.now, 1)?.into_iter().next() else { return Ok(None) };
    let Some(event) = tx.event_find(delivery.event_id)? else { return Ok(None) };
    let claim = HEXLOWER.encode(&ctx.entropy.bytes::<16>());
    let number = delivery.tries.saturating_add(1);
    let (worker, next_at) = (Some(claim.clone()), ctx.now.saturating_add(CLAIM));
    tx.delivery_update(&DeliveryRecord { tries: number, next_at, worker, ..delivery })?;
    let secrets = secrets(tx, ctx, webhook)?;
    let (kind, body, url) = (event.kind, event.payload, endpoint.url);
    Ok(Some(Outgoing { webhook, event: event.id, kind, url, body, claim, number, secrets }))
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When it was sent.
    pub at: Time,
    /// Milliseconds until the answer.
    pub millis: i64,
    /// HTTP status, or why there is none.
    pub status: Result<u16, String>,
    /// How long the receiver asks not to be told again.
    pub wait: Option<SignedDuration>,
}

/// How a delivery stands after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// It arrived.
    Delivered,
    /// It is sent again.
    Again,
    /// It was given up.
    Dead,
    /// The receiver is gone: the webhook is disabled.
    Gone,
    /// Somebody else is at it: the claim ran out.
    Lost,
}

/// Writes down what came of a message.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx, ctx: Context, sent: &Outgoing, outcome: &Outcome) -> Done<Now> {
    let Some(delivery) = tx.delivery_find(sent.webhook, sent.event)? else { return Ok(Now::Lost) };
    tx.attempt_insert(&AttemptRecord {
        webhook_id: sent.webhook,
        event_id: sent.event,
        number: sent.number,
        at: outcome.at,
        millis: outcome.millis,
        status: outcome.status.as_ref().ok().map(|status| i64::from(*status)),
        error: outcome.status.as_ref().err().cloned(),
    })?;
    if delivery.worker.as_deref() != Some(&sent.claim) {
        return Ok(Now::Lost);
    }
    let ended = DeliveryRecord { ended_at: Some(ctx.now), worker: None, ..delivery.clone() };
    match outcome.status {
        Ok(200..=299) => {
            tx.delivery_update(&DeliveryRecord { state: DeliveryState::Delivered, ..ended })?;
            Ok(Now::Delivered)
        }
        Ok(410) => {
            gone(tx, ctx, sent.webhook)?;
            Ok(Now::Gone)
        }
        _ => match again_at(ctx, delivery.since, outcome.wait) {
            Some(next_at) => {
                tx.delivery_update(&DeliveryRecord { next_at, worker: None, ..delivery })?;
                Ok(Now::Again)
            }
            None => {
                tx.delivery_update(&DeliveryRecord { state: DeliveryState::Dead, ..ended })?;
                tell_merchant(tx, ctx, sent.webhook, "it was tried for three days")?;
                Ok(Now::Dead)
            }
        },
    }
}

/// The receiver says that it does not exist any more: it is told nothing from now on.
fn gone(tx: &mut Tx, ctx: Context, id: WebhookId) -> Done<()> {
    let Some(webhook) = tx.webhook_find(id)? else { return Ok(()) };
    let because = "it answered 410 Gone";
    let disabled_because = Some(because.to_owned());
    tx.webhook_update(&WebhookRecord { enabled: false, disabled_because, updated_at: ctx.now, ..webhook })?;
    tx.deliveries_give_up(id, ctx.now)?;
    tell_merchant(tx, ctx, id, because)
}

fn tell_merchant(tx: &mut Tx, ctx: Context, webhook: WebhookId, why: &str) -> Done<()> {
    let detail = json!({ "webhook": webhook, "why": why });
    alert::tell(tx, ctx, AlertKind::WebhookUndelivered, &About { detail, ..About::default() })
}

/// When it is sent again: a little later than planned, by chance, so that what failed together does not come back together.
fn again_at(ctx: Context, since: Time, wait: Option<SignedDuration>) -> Option<Time> {
    let gone_by = ctx.now.since(since).saturating_add(SHORTEST_PAUSE);
    let planned = AGAIN_AFTER.iter().position(|after| *after >= gone_by)?;
    let before = planned.checked_sub(1).map_or(SignedDuration::ZERO, |place| AGAIN_AFTER[place]);
    let gap = AGAIN_AFTER[planned] - before;
    let chance = i64::from(u16::from_be_bytes(ctx.entropy.bytes()))
        * (i64::try_from(gap.as_millis()).unwrap_or(0) / 10)
        / i64::from(u16::MAX);
    let planned = since.saturating_add(AGAIN_AFTER[planned]).saturating_add(SignedDuration::from_millis(chance));
    let asked = ctx.now.saturating_add(wait.unwrap_or_default().clamp(SignedDuration::ZERO, LONGEST_PAUSE));
    Some(planned.max(asked))
}
