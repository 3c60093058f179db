//! From an authentic call to its answer, whatever fails on the way.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    app::App,
    marketplace::koogallery::reply::{Reply, ResultCode},
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        alert::{self, About, AlertKind},
        inbound,
    },
};

use super::transaction::{self, Authenticated, Carried};

/// Runs the use case, the answer and the log of the call in one transaction, and answers by `deadline`.
pub(super) async fn carry_out(app: &App, call: Authenticated, deadline: Instant) -> Carried {
    let activity = call.activity();
    let call = Arc::new(call);
    let actor = Actor::Channel(call.channel.slug.clone());
    let shared = Arc::clone(&call);
    let job = move |tx: &mut Tx, ctx: Context| transaction::run(tx, ctx, &shared);
    let reply = match tokio::time::timeout_at(deadline, app.write(actor.clone(), job)).await {
        Ok(Ok(carried)) => return carried,
        Ok(Err(failure)) => {
            let failure: Failure = failure;
            tracing::error!(channel.slug = %call.channel.slug, activity, "a marketplace's call failed: {failure}");
            Reply::of(ResultCode::InternalError)
        }
        Err(_) => {
            tracing::error!(channel.slug = %call.channel.slug, activity, "a marketplace's call took too long");
            Reply::new(ResultCode::InternalError, "It took too long; try again.")
        }
    };
    // Not awaited for the answer: the database that failed may keep it waiting.
    let (app, told) = (app.clone(), reply.clone());
    tokio::spawn(async move { record_failure(&app, actor, call, told).await }.in_current_span());
    Carried { activity, debug: false, reply }
}

/// Writes an authentic call that failed into the message log, with an alert: nothing of the call itself was stored, and
/// the marketplace may not come again.
async fn record_failure(app: &App, actor: Actor, call: Arc<Authenticated>, reply: Reply) {
    let job = move |tx: &mut Tx, ctx: Context| {
        let mut message = call.message(ctx, &reply);
        if let Ok(parsed) = &call.parsed {
            message.activity = Some(parsed.activity.as_str().to_owned());
            message.order_id.clone_from(&parsed.appear.order_id);
            message.instance_id.clone_from(&parsed.appear.instance_id);
            message.debug = parsed.debug;
        }
        if !message.debug {
            let order_id = message.order_id.as_deref();
            let detail = serde_json::json!({ "activity": message.activity, "instance_id": message.instance_id });
            let about = About { channel: Some(&call.channel.slug), order_id, detail, ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallFailed, &about)?;
        }
        inbound::record(tx, &message)
    };
    if let Err(failure) = app.write(actor, job).await {
        let failure: Failure = failure;
        tracing::error!("a failed call could not be logged: {failure}");
    }
}
