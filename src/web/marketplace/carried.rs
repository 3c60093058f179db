//! From an authentic call to its answer, for doors whose answers are simple: the use case, the answer and the log of both in one
//! transaction, and an alert where that failed.

use std::{sync::Arc, time::Instant};

use serde_json::json;
use tracing::Instrument;

use crate::{
    app::App,
    base::{ids::MessageId, limits, slug::Slug},
    store::{MessageRecord, Tx},
    usecase::{
        Actor, Context, Done, Failure,
        alert::{self, About, AlertKind},
        inbound::{self, Handled, Inbound},
        outcome::{Outcome, Refusal},
    },
};

/// What is kept of a call in the message log, beside what every call has.
#[derive(Debug, Clone, Default)]
pub(super) struct Appears {
    /// The interface's name.
    pub(super) transport: &'static str,
    /// What it asked for, where that could be read.
    pub(super) activity: Option<String>,
    pub(super) order_id: Option<String>,
    pub(super) instance_id: Option<String>,
    /// The request, without its secrets.
    pub(super) request: String,
}

/// An authentic call, owned, because a transaction may run more than once.
pub(super) trait Call: Send + Sync + 'static {
    /// Its answer.
    type Reply: Clone + Send + Sync + 'static;

    /// The channel.
    fn channel(&self) -> &Slug;
    /// What the log shows of it.
    fn appears(&self) -> Appears;
    /// What it asks for; an error says what of it cannot be read. `ctx`: for calls that say no time.
    fn inbound(&self, ctx: Context) -> Result<Inbound, String>;
    /// The answer to what came of it.
    ///
    /// # Errors
    /// The database's.
    fn answered(&self, tx: &mut Tx, ctx: Context, outcome: Outcome) -> Done<Self::Reply>;
    /// The answer to a call of which nothing came: why, in a sentence.
    fn refused(&self, why: &str) -> Self::Reply;
    /// The answer after which the call comes again.
    fn failed(&self) -> Self::Reply;
    /// Code and message of an answer, for the log.
    fn logged(reply: &Self::Reply) -> (String, String);
}

/// Carries a call out, whatever fails.
pub(super) async fn carry_out<C: Call>(app: &App, call: C, started: Instant) -> C::Reply {
    let call = Arc::new(call);
    let actor = Actor::Channel(call.channel().clone());
    let shared = Arc::clone(&call);
    let job = move |tx: &mut Tx, ctx: Context| run(tx, ctx, &*shared, started);
    let carried = tokio::time::timeout(limits::REQUEST_TIMEOUT, app.write::<_, Failure, _>(actor.clone(), job)).await;
    let failure = match carried {
        Ok(Ok(reply)) => return reply,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::error!(channel.slug = %call.channel(), "a call failed: {failure}");
    let reply = call.failed();
    let (app, told) = (app.clone(), reply.clone());
    // Not awaited for the answer: the database that failed may keep it waiting.
    let logged = async move {
        let job = move |tx: &mut Tx, ctx: Context| record_failure(tx, ctx, &*call, &told, started);
        if let Err(failure) = app.write::<_, Failure, _>(actor, job).await {
            tracing::error!("a failed call could not be logged: {failure}");
        }
    };
    tokio::spawn(logged.in_current_span());
    reply
}

fn run<C: Call>(tx: &mut Tx, ctx: Context, call: &C, started: Instant) -> Done<C::Reply> {
    let reply = match (call.inbound(ctx), ctx.installation.catalog.channel(call.channel())) {
        (_, None) => call.refused("The channel is gone."),
        (Err(reason), Some(_)) => {
            let detail = json!({ "activity": call.appears().activity, "reason": reason });
            let about = About { channel: Some(call.channel()), detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallRejected, &about)?;
            call.refused(&reason)
        }
        (Ok(inbound), Some(channel)) => match inbound::handle(tx, ctx, channel, &inbound)? {
            Handled::Replayed => call.refused("The call came before."),
            Handled::Debug(outcome) | Handled::Real(outcome) => call.answered(tx, ctx, outcome)?,
        },
    };
    inbound::record(tx, &message(ctx, call, &reply, started))?;
    Ok(reply)
}

/// Writes a call that failed into the log, with an alert: nothing of the call itself was stored.
fn record_failure<C: Call>(tx: &mut Tx, ctx: Context, call: &C, reply: &C::Reply, started: Instant) -> Done<()> {
    let message = message(ctx, call, reply, started);
    let detail = json!({ "activity": message.activity, "instance_id": message.instance_id });
    let about =
        About { channel: Some(call.channel()), order_id: message.order_id.as_deref(), detail, ..About::default() };
    alert::raise(tx, ctx, AlertKind::CallFailed, &about)?;
    inbound::record(tx, &message)
}

fn message<C: Call>(ctx: Context, call: &C, reply: &C::Reply, started: Instant) -> MessageRecord {
    let Appears { transport, activity, order_id, instance_id, request } = call.appears();
    let (result_code, result_msg) = C::logged(reply);
    MessageRecord {
        id: MessageId::new(ctx.now, ctx.entropy),
        channel: call.channel().clone(),
        received_at: ctx.now,
        transport: transport.to_owned(),
        activity,
        order_id,
        instance_id,
        license_id: ctx.journal.license(),
        debug: false,
        result_code,
        result_msg,
        change: ctx.journal.told(),
        duration_us: i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX),
        request,
    }
}

/// Why a call is refused, in a sentence.
pub(super) fn in_words(refusal: &Refusal) -> String {
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
