//! What is kept of a call, in the message log.

use std::time::Instant;

use crate::{
    app::App,
    base::{ids::MessageId, limits, slug::Slug},
    marketplace::koogallery::{redact::redact, reply::Reply, signature::Transport},
    store::{MessageRecord, Tx},
    usecase::{Actor, Context, Failure, inbound},
};

use super::received::Received;

/// A message as far as every call has it; the rest is for the caller to fill in.
pub(super) fn message(
    ctx: Context,
    channel: &Slug,
    received: &Received,
    transport: Transport,
    reply: &Reply,
    started: Instant,
) -> MessageRecord {
    MessageRecord {
        id: MessageId::new(ctx.now, ctx.entropy),
        channel: channel.clone(),
        received_at: ctx.now,
        transport: transport.as_str().to_owned(),
        activity: None,
        order_id: None,
        instance_id: None,
        license_id: None,
        debug: false,
        result_code: reply.code().as_str().to_owned(),
        result_msg: reply.message().to_owned(),
        change: None,
        duration_us: i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX),
        request: redact(&received.raw()),
    }
}

/// Writes one failed authentication a minute and channel into the message log; all are counted.
pub(super) async fn sample_failure(app: &App, channel: &Slug, received: &Received, reply: &Reply, started: Instant) {
    if !app.sample_authentication_failure(channel) {
        return;
    }
    let transport = if received.method == "POST" { Transport::V2 } else { Transport::V1 };
    let (slug, received, reply) = (channel.clone(), received.clone(), reply.clone());
    let job = move |tx: &mut Tx, ctx: Context| {
        inbound::record(tx, &message(ctx, &slug, &received, transport, &reply, started))
    };
    // The answer is not to wait for a database that is stuck.
    let written = app.write::<_, Failure, _>(Actor::Signet, job);
    match tokio::time::timeout(limits::REQUEST_TIMEOUT.saturating_sub(started.elapsed()), written).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => tracing::warn!("a failed authentication could not be logged: {failure}"),
        Err(_) => tracing::warn!("a failed authentication could not be logged in time"),
    }
}
