//! `/marketplace/koogallery/{channel}`: the one address behind which a KooGallery product stands.
//!
//! The marketplace understands nothing but HTTP 200 with `resultCode`, `resultMsg` and a `Body-Sign` over the exact
//! bytes. So whatever happens here (a wrong method, a head or body too large, a lost database, a panic) is
//! answered like that. No rate limit stands on this path: a call may come only once.
//!
//! A call passes `received` (the request, within its limits), `sender` (channel, key, signature), `carry_out` (from the
//! authentic call to its answer, whatever fails) and in it `transaction` (use case, answer and log, all or nothing);
//! `answer` is the outcome in the marketplace's words, `log` what is kept of a call, `respond` puts it on the wire. No
//! rules of licenses, and no format of the marketplace's: those are its own room's.

mod answer;
mod carry_out;
mod log;
mod received;
mod respond;
mod sender;
mod transaction;

use std::time::Instant;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    response::Response,
};
use tracing::Instrument;

use crate::{
    app::App,
    base::{limits, secret::SecretString, slug::Slug},
    catalog::{Channel, ChannelKind},
    marketplace::koogallery::{
        inbound,
        reply::{Reply, ResultCode},
    },
};

use super::channel;
use respond::{signed, unsigned};
use transaction::{Authenticated, Carried};

/// What callers of an address without a channel are told.
const NO_CHANNEL: &str = "This address belongs to no channel, or the channel's access key is not configured.";

/// Any method on `/marketplace/koogallery/{channel}`.
pub async fn receive(State(app): State<App>, named: Result<Path<Slug>, PathRejection>, request: Request) -> Response {
    let Ok(Path(slug)) = named else { return unknown().await };
    let Some((channel, key)) = channel::find(&app, ChannelKind::Koogallery, &slug).await else {
        return unknown().await;
    };
    let known_key = key.clone();
    let handling = tokio::spawn(async move { handle(&app, channel, known_key, request).await }.in_current_span());
    match handling.await {
        Ok((reply, key)) => signed(reply, &key),
        Err(error) => {
            tracing::error!("handling a call from the marketplace failed: {error}");
            signed(Reply::of(ResultCode::InternalError), &key)
        }
    }
}

/// An address that belongs to no channel: there is no key to sign the answer with.
pub async fn unknown() -> Response {
    metrics::counter!("signet_marketplace_unknown_channel_total").increment(1);
    unsigned(Reply::new(ResultCode::AuthenticationFailed, NO_CHANNEL))
}

/// The answer, and the key to sign it with.
async fn handle(app: &App, channel: Channel, key: SecretString, request: Request) -> (Reply, SecretString) {
    let started = Instant::now();
    let slug = channel.slug.clone();
    let received = match received::read(request).await {
        Ok(received) => received,
        Err(reply) => return (reply, key),
    };
    // Of everything that follows: however much of it has to wait, the marketplace does not.
    let deadline = tokio::time::Instant::now() + limits::REQUEST_TIMEOUT;
    let (channel, key, authentic) = match sender::authenticate(app, channel, key, &received, deadline).await {
        Ok(authenticated) => authenticated,
        Err((failure, key)) => {
            let labels = [("channel", slug.to_string()), ("kind", failure.kind().to_owned())];
            metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
            let reply = Reply::new(ResultCode::AuthenticationFailed, &failure.to_string());
            let sampled = log::sample_failure(app, &slug, &received, &reply, started);
            if tokio::time::timeout_at(deadline, sampled).await.is_err() {
                tracing::warn!("a failed authentication could not be logged in time");
            }
            return (reply, key);
        }
    };
    let signing_key = key.clone();
    let parsed = inbound::parse(&received.raw(), &authentic);
    let call = Authenticated { channel, key, received, authentic, parsed, started };
    let carried = carry_out::carry_out(app, call, deadline).await;
    measure(&slug, &carried, started);
    (carried.reply, signing_key)
}

/// The figures of an authentic call.
fn measure(channel: &Slug, Carried { activity, debug, reply }: &Carried, started: Instant) {
    let labels = [
        ("channel", channel.to_string()),
        ("activity", (*activity).to_owned()),
        ("code", reply.code().as_str().to_owned()),
        ("debug", debug.to_string()),
    ];
    metrics::counter!("signet_marketplace_calls_total", &labels).increment(1);
    metrics::histogram!("signet_marketplace_call_seconds", &labels[..1]).record(started.elapsed().as_secs_f64());
}
