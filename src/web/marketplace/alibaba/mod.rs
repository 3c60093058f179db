//! `/marketplace/alibaba/{channel}`: the address behind which a product of Alibaba Cloud Marketplace stands.
//!
//! A call is a GET with everything in its query. What is not the marketplace's is answered 401, what cannot be carried out
//! so that it comes again: a purchase with the instance id `0`, anything else with `success` false. [`answer`] is the call and its answer in the
//! marketplace's words.

mod answer;

use std::time::Instant;

use axum::{
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use crate::{
    app::App,
    base::{limits, slug::Slug},
    catalog::ChannelKind,
    marketplace::alibaba::{self, call, reply::Reply, token},
    web::head,
};

use super::{carried, channel};
use answer::Authenticated;

const KIND: ChannelKind = ChannelKind::Alibaba;

/// Any method on `/marketplace/alibaba/{channel}`.
pub async fn receive(State(app): State<App>, named: Result<Path<Slug>, PathRejection>, request: Request) -> Response {
    let unknown =
        || refused("unknown", "This address belongs to no channel, or the channel's access key is not configured.");
    let Ok(Path(slug)) = named else { return unknown() };
    if channel::find(&app, KIND, &slug).await.is_none() {
        return unknown();
    }
    if request.method() != Method::GET {
        return written(StatusCode::METHOD_NOT_ALLOWED, Reply::Failed("Calls come by GET.".to_owned()));
    }
    if head::oversize(request.uri(), request.headers()).is_some() {
        let why = format!("The address is larger than {} bytes.", limits::REQUEST_HEAD_BYTES);
        return written(StatusCode::URI_TOO_LONG, Reply::Failed(why));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    // Carried out also when the caller hangs up.
    let handling = tokio::spawn(async move { handle(&app, &slug, &query).await }.in_current_span());
    handling.await.unwrap_or_else(|error| {
        tracing::error!("handling a call from the marketplace failed: {error}");
        written(StatusCode::OK, Reply::Failed("Something went wrong on our side; try again.".to_owned()))
    })
}

async fn handle(app: &App, slug: &Slug, query: &str) -> Response {
    let started = Instant::now();
    let parameters = alibaba::parameters(query);
    let good = || channel::known(app, KIND, slug).filter(|(_, key)| token::is_good(&parameters, key));
    // The key may have been changed by another server or a command a moment ago.
    let known = match good() {
        Some(known) => Some(known),
        None => match tokio::time::timeout(limits::REQUEST_TIMEOUT, app.catch_up()).await {
            Ok(Ok(())) => good(),
            _ => None,
        },
    };
    let Some((sold, _)) = known else {
        return refused(
            slug.as_str(),
            "The token does not fit the parameters: compare the key in the seller center with the channel's.",
        );
    };
    let call = Authenticated { channel: sold.slug, parsed: call::read(&parameters), parameters };
    written(StatusCode::OK, carried::carry_out(app, call, started).await)
}

fn refused(channel: &str, why: &str) -> Response {
    let labels = [("channel", channel.to_owned()), ("kind", "token".to_owned())];
    metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
    written(StatusCode::UNAUTHORIZED, Reply::Failed(why.to_owned()))
}

fn written(status: StatusCode, reply: Reply) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(reply.into_bytes())).into_response()
}
