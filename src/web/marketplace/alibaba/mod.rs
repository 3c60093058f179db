//! `/marketplace/alibaba/{channel}`: the address behind which a product of Alibaba Cloud Marketplace stands.
//!
//! A call is a GET with everything in its query. What is not the marketplace's is answered 401, what cannot be carried out
//! so that it comes again: a purchase with the instance id `0`, anything else with `success` false. [`transaction`] is the use case, its answer
//! and the log, all or nothing.

mod transaction;

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
    store::Tx,
    usecase::{Actor, Context, Failure},
    web::head,
};

use super::channel;
use transaction::Authenticated;

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
        return answer(StatusCode::METHOD_NOT_ALLOWED, Reply::Failed("Calls come by GET.".to_owned()));
    }
    if head::oversize(request.uri(), request.headers()).is_some() {
        let why = format!("The address is larger than {} bytes.", limits::REQUEST_HEAD_BYTES);
        return answer(StatusCode::URI_TOO_LONG, Reply::Failed(why));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    // Carried out also when the caller hangs up.
    let handling = tokio::spawn(async move { handle(&app, &slug, &query).await }.in_current_span());
    handling.await.unwrap_or_else(|error| {
        tracing::error!("handling a call from the marketplace failed: {error}");
        answer(StatusCode::OK, Reply::Failed("Something went wrong on our side; try again.".to_owned()))
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
    let parsed = call::read(&parameters);
    let call = Authenticated { channel: sold.slug.clone(), parameters, parsed, started };
    let actor = Actor::Channel(sold.slug);
    let shared = std::sync::Arc::new(call);
    let of_job = std::sync::Arc::clone(&shared);
    let job = move |tx: &mut Tx, ctx: Context| transaction::run(tx, ctx, &of_job);
    let carried = tokio::time::timeout(limits::REQUEST_TIMEOUT, app.write::<_, Failure, _>(actor.clone(), job)).await;
    let failure = match carried {
        Ok(Ok(reply)) => return answer(StatusCode::OK, reply),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::error!(channel.slug = %shared.channel, activity = shared.activity(), "a marketplace's call failed: {failure}");
    let reply = shared.failed("Something went wrong on our side; try again.");
    let (app, told) = (app.clone(), reply.clone());
    // Not awaited for the answer: the database that failed may keep it waiting.
    tokio::spawn(
        async move {
            let job = move |tx: &mut Tx, ctx: Context| transaction::record_failure(tx, ctx, &shared, &told);
            if let Err(failure) = app.write::<_, Failure, _>(actor, job).await {
                tracing::error!("a failed call could not be logged: {failure}");
            }
        }
        .in_current_span(),
    );
    answer(StatusCode::OK, reply)
}

fn refused(channel: &str, why: &str) -> Response {
    let labels = [("channel", channel.to_owned()), ("kind", "token".to_owned())];
    metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
    answer(StatusCode::UNAUTHORIZED, Reply::Failed(why.to_owned()))
}

fn answer(status: StatusCode, reply: Reply) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(reply.into_bytes())).into_response()
}
