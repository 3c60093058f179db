//! What one call changes, in one transaction: the use case, its answer, and the log of both.

use std::time::Instant;

use crate::{
    base::{secret::SecretString, time::Time},
    catalog::Channel,
    marketplace::koogallery::{
        inbound::{Call, Rejected},
        reply::{Reply, ResultCode},
        signature::Authentic,
    },
    store::{MessageRecord, Tx},
    usecase::{
        Context, Failure,
        alert::{self, About, AlertKind},
        inbound::{self, Handled, Inbound},
        outcome::Outcome,
    },
};

use super::{
    NO_CHANNEL,
    answer::{self, Encryption},
    log,
    received::Received,
};

/// An authentic call, owned, because a transaction may run more than once.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) channel: Channel,
    pub(super) key: SecretString,
    pub(super) received: Received,
    pub(super) authentic: Authentic,
    pub(super) parsed: Result<Call, Rejected>,
    pub(super) started: Instant,
}

impl Authenticated {
    /// The activity's name, for figures and the log.
    pub(super) fn activity(&self) -> &'static str {
        self.parsed.as_ref().map_or("rejected", |call| call.activity.as_str())
    }

    /// The call's message as far as every call has it.
    pub(super) fn message(&self, ctx: Context, reply: &Reply) -> MessageRecord {
        log::message(ctx, &self.channel.slug, &self.received, self.authentic.transport, reply, self.started)
    }
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) activity: &'static str,
    pub(super) debug: bool,
    pub(super) reply: Reply,
}

/// Carries a call out, or refuses it.
///
/// # Errors
/// [`Failure`]: nothing was stored.
pub(super) fn run(tx: &mut Tx, ctx: Context, call: &Authenticated) -> Result<Carried, Failure> {
    // The catalog may have changed since the channel was looked up: its rules are those of the snapshot, and a channel
    // that is gone sells nothing more.
    let Some(channel) = ctx.installation.catalog.channel(&call.channel.slug) else {
        let reply = Reply::new(ResultCode::AuthenticationFailed, NO_CHANNEL);
        return Ok(Carried { activity: call.activity(), debug: false, reply });
    };
    let transaction = Transaction { channel, call };
    match &call.parsed {
        Ok(parsed) => transaction.handle(tx, ctx, parsed),
        Err(rejected) => transaction.reject(tx, ctx, rejected),
    }
}

/// One run of the transaction: everything it needs, nothing it may change.
#[derive(Debug, Clone, Copy)]
struct Transaction<'a> {
    channel: &'a Channel,
    call: &'a Authenticated,
}

impl Transaction<'_> {
    fn handle(self, tx: &mut Tx, ctx: Context, call: &Call) -> Result<Carried, Failure> {
        let inbound = Inbound {
            event: call.event.clone(),
            signed_at: self.call.authentic.signed_at,
            debug: call.debug,
            nonce: self.nonce(),
            notes: call.notes.clone(),
        };
        let handled = inbound::handle(tx, ctx, self.channel, &inbound)?;
        let (reply, debug) = match &handled {
            Handled::Replayed => return Ok(self.replayed()),
            Handled::Debug(outcome) => (self.reply(ctx, call, outcome)?, true),
            Handled::Real(outcome) => (self.reply(ctx, call, outcome)?, false),
        };
        let message = MessageRecord {
            activity: Some(call.activity.as_str().to_owned()),
            order_id: call.appear.order_id.clone(),
            instance_id: reply.instance_id().map(ToOwned::to_owned).or_else(|| call.appear.instance_id.clone()),
            license_id: ctx.journal.license(),
            debug,
            change: ctx.journal.told(),
            ..self.call.message(ctx, &reply)
        };
        inbound::record(tx, &message)?;
        Ok(Carried { activity: self.call.activity(), debug, reply })
    }

    /// Authentic but unreadable: refused, and kept so that the merchant can see why. A call that may come only once is
    /// also an alert.
    fn reject(self, tx: &mut Tx, ctx: Context, rejected: &Rejected) -> Result<Carried, Failure> {
        if !inbound::use_nonce(tx, &self.channel.slug, self.nonce().as_ref())? {
            return Ok(self.replayed());
        }
        let reply = Reply::new(ResultCode::IllegalParameter, &rejected.to_string());
        let message = MessageRecord { activity: rejected.activity.clone(), ..self.call.message(ctx, &reply) };
        inbound::record(tx, &message)?;
        if rejected.activity.as_deref().is_some_and(comes_once) {
            let detail = serde_json::json!({ "activity": rejected.activity, "reason": rejected.reason });
            let about = About { channel: Some(&self.channel.slug), detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallRejected, &about)?;
        }
        Ok(Carried { activity: self.call.activity(), debug: false, reply })
    }

    fn reply(self, ctx: Context, call: &Call, outcome: &Outcome) -> Result<Reply, Failure> {
        let encryption = Encryption {
            key: &self.call.key,
            kind: self.channel.encrypt_type,
            seed: ctx.installation.credential_seed(),
        };
        answer::reply(call, outcome, encryption)
            .map_err(|error| Failure::Missing(format!("the answer cannot be sent: {error}")))
    }

    /// A copy of a call: refused and counted. Whoever has one copy can send a million, so none is stored.
    fn replayed(self) -> Carried {
        let labels = [("channel", self.channel.slug.to_string()), ("kind", "replay".to_owned())];
        metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
        let message = "This nonce was used before: the call is a replay.";
        Carried {
            activity: self.call.activity(),
            debug: false,
            reply: Reply::new(ResultCode::AuthenticationFailed, message),
        }
    }

    /// The nonce, kept until no copy of the call can pass the clock window any more.
    fn nonce(self) -> Option<(String, Time)> {
        let nonce = self.call.authentic.nonce.clone()?;
        let window = self.channel.windows().v2;
        Some((nonce, self.call.authentic.signed_at.saturating_add(window).saturating_add(window)))
    }
}

/// Activities that the marketplace may call only once: a refused one is gone.
fn comes_once(activity: &str) -> bool {
    ["refresh", "expire", "release"].iter().any(|verb| activity.starts_with(verb))
}
