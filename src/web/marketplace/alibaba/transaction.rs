//! What one call changes, in one transaction: the use case, its answer, and the log of both.

use std::{fmt::Write as _, time::Instant};

use serde_json::json;

use crate::{
    base::{ids::MessageId, limits, slug::Slug, text::truncate},
    marketplace::alibaba::{
        call::{Action, Call, Rejected},
        reply::{AppInfo, Reply},
    },
    store::{MessageRecord, Tx},
    usecase::{
        Context, Done,
        alert::{self, About, AlertKind},
        inbound::{self, Handled, Inbound},
        outcome::{Outcome, Refusal},
    },
};

/// The interface's name in the log.
const TRANSPORT: &str = "alibaba";

/// An authentic call, owned, because a transaction may run more than once.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) channel: Slug,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) parsed: Result<Call, Rejected>,
    pub(super) started: Instant,
}

impl Authenticated {
    fn action(&self) -> Option<Action> {
        self.parsed.as_ref().map_or_else(|rejected| rejected.action, |call| Some(call.action))
    }

    /// The activity's name, for the log.
    pub(super) fn activity(&self) -> &'static str {
        self.action().map_or("rejected", Action::as_str)
    }

    /// The answer after which the call comes again.
    pub(super) fn failed(&self, why: &str) -> Reply {
        match self.action() {
            Some(Action::Create) => Reply::NotCreated(why.to_owned()),
            _ => Reply::Failed(why.to_owned()),
        }
    }

    fn message(&self, ctx: Context, reply: &Reply) -> MessageRecord {
        let call = self.parsed.as_ref().ok();
        MessageRecord {
            id: MessageId::new(ctx.now, ctx.entropy),
            channel: self.channel.clone(),
            received_at: ctx.now,
            transport: TRANSPORT.to_owned(),
            activity: self.action().map(|action| action.as_str().to_owned()),
            order_id: call.and_then(|call| call.order_id.clone()),
            instance_id: call.and_then(|call| call.instance_id.clone()),
            license_id: ctx.journal.license(),
            debug: false,
            result_code: reply.code().to_owned(),
            result_msg: reply.message().to_owned(),
            change: ctx.journal.told(),
            duration_us: i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX),
            request: shown(&self.parameters),
        }
    }
}

/// The call as the log shows it: without its token.
fn shown(parameters: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        let value = if name == "token" { "(hidden)" } else { value };
        let printable: String = value.chars().filter(|char| !char.is_control()).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}: {}", truncate(name, 64), truncate(&printable, 512));
    }
    truncate(&text, limits::MESSAGE_REQUEST_CHARS)
}

/// Carries a call out, or refuses it.
///
/// # Errors
/// Nothing was stored.
pub(super) fn run(tx: &mut Tx, ctx: Context, call: &Authenticated) -> Done<Reply> {
    let reply = match (&call.parsed, ctx.installation.catalog.channel(&call.channel)) {
        (_, None) => call.failed("The channel is gone."),
        (Err(rejected), Some(_)) => {
            let detail = json!({ "activity": call.activity(), "reason": rejected.reason });
            let about = About { channel: Some(&call.channel), detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallRejected, &about)?;
            call.failed(&rejected.reason)
        }
        (Ok(parsed), Some(channel)) => {
            let inbound = Inbound {
                event: parsed.event.clone(),
                // A call says no time: it counts from when it came.
                signed_at: ctx.now,
                debug: false,
                nonce: None,
                notes: parsed.notes.clone(),
            };
            match inbound::handle(tx, ctx, channel, &inbound)? {
                Handled::Replayed => call.failed("The call came before."),
                Handled::Debug(outcome) | Handled::Real(outcome) => answered(call, outcome),
            }
        }
    };
    inbound::record(tx, &call.message(ctx, &reply))?;
    Ok(reply)
}

fn answered(call: &Authenticated, outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Done | Outcome::Instances(_) => Reply::Done,
        Outcome::Purchased(purchased) => {
            let instance = purchased.instance;
            let app_info = AppInfo {
                front_end_url: instance.front_end_url,
                admin_url: instance.delivery.admin_url,
                user_name: instance.delivery.user_name,
                password: instance.delivery.initial_password,
            };
            Reply::Created { instance_id: instance.instance_id, app_info: Box::new(app_info) }
        }
        Outcome::InProgress(_) => call.failed("It is on its way; ask again."),
        Outcome::Refused(refusal) => call.failed(&refused(&refusal)),
    }
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UnknownInstance(id) => format!("No license here has the id {id}."),
        Refusal::ReleasedInstance(id) => format!("The license of {id} is released."),
        Refusal::UnknownPlan(what) => format!("No plan of this channel is sold as {what}."),
        Refusal::Illegal(reason) => reason.clone(),
        Refusal::QuotaExhausted { .. }
        | Refusal::OutsideTerm
        | Refusal::EndNeeded
        | Refusal::FingerprintNeeded
        | Refusal::TooManyDeferred => "It cannot be carried out.".to_owned(),
    }
}

/// Writes an authentic call that failed into the log, with an alert: nothing of the call itself was stored.
///
/// # Errors
/// The database's.
pub(super) fn record_failure(tx: &mut Tx, ctx: Context, call: &Authenticated, reply: &Reply) -> Done<()> {
    let message = call.message(ctx, reply);
    let detail = json!({ "activity": message.activity, "instance_id": message.instance_id });
    let about =
        About { channel: Some(&call.channel), order_id: message.order_id.as_deref(), detail, ..About::default() };
    alert::raise(tx, ctx, AlertKind::CallFailed, &about)?;
    inbound::record(tx, &message)
}
