//! `/marketplace/shop/{channel}`: where a merchant's own shop says what it sold.
//!
//! A call is a POST of JSON, signed as a webhook. Answers are JSON, with the status that fits; refusals are problems (RFC 9457).
//! [`answer`] is the call and its answer.

mod answer;

use std::time::Instant;

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tracing::Instrument;

use crate::{
    app::App,
    base::{limits, slug::Slug},
    catalog::ChannelKind,
    marketplace::shop::{
        call,
        signature::{self, NotBelieved, Shown},
    },
    web::{head, problem::Problem},
};

use super::{carried, channel};
use answer::{Authenticated, Reply};

const KIND: ChannelKind = ChannelKind::Shop;

/// Any method on `/marketplace/shop/{channel}`.
pub async fn receive(State(app): State<App>, named: Result<Path<Slug>, PathRejection>, request: Request) -> Response {
    let unknown =
        || Problem::not_found("There is no shop's channel at this address, or its access key is not configured.");
    let Ok(Path(slug)) = named else { return unknown().into_response() };
    if channel::find(&app, KIND, &slug).await.is_none() {
        return unknown().into_response();
    }
    match body(request).await {
        // Carried out also when the caller hangs up.
        Ok((headers, body)) => {
            let handling = tokio::spawn(async move { handle(&app, &slug, &headers, body).await }.in_current_span());
            handling.await.unwrap_or_else(|error| {
                tracing::error!("handling a shop's call failed: {error}");
                Problem::internal().into_response()
            })
        }
        Err(problem) => problem.into_response(),
    }
}

/// The call within its limits of size and time.
async fn body(request: Request) -> Result<(HeaderMap, Vec<u8>), Problem> {
    let status = |status, name: &str, title, detail: String| Problem::new(status, name, title, detail);
    if request.method() != Method::POST {
        let detail = "Calls come by POST.".to_owned();
        return Err(status(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail));
    }
    if head::oversize(request.uri(), request.headers()).is_some() {
        let detail = format!("The head is larger than {} bytes.", limits::REQUEST_HEAD_BYTES);
        return Err(status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-large", "Too large", detail));
    }
    let (parts, body) = request.into_parts();
    let limited = Limited::new(body, limits::REQUEST_BODY_BYTES).collect();
    match tokio::time::timeout(limits::REQUEST_BODY_TIMEOUT, limited).await {
        Ok(Ok(collected)) => Ok((parts.headers, collected.to_bytes().to_vec())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("The body is larger than {} bytes.", limits::REQUEST_BODY_BYTES);
            Err(status(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail))
        }
        Ok(Err(_)) => Err(Problem::malformed("The body did not arrive whole.")),
        Err(_) => {
            let detail = "The body came too slowly.".to_owned();
            Err(status(StatusCode::REQUEST_TIMEOUT, "too-slow", "Too slow", detail))
        }
    }
}

async fn handle(app: &App, slug: &Slug, headers: &HeaderMap, body: Vec<u8>) -> Response {
    let started = Instant::now();
    let check = || {
        let (sold, key) = channel::known(app, KIND, slug).ok_or(NotBelieved::NoSecret)?;
        let shown = shown(headers).ok_or(NotBelieved::Incomplete)?;
        Ok((sold.slug, signature::check(shown, &body, &key, app.now())?))
    };
    let checked = match check() {
        // The key may have been changed by another server or a command a moment ago.
        Err(NotBelieved::WrongSignature | NotBelieved::NoSecret)
            if matches!(tokio::time::timeout(limits::REQUEST_TIMEOUT, app.catch_up()).await, Ok(Ok(()))) =>
        {
            check()
        }
        checked => checked,
    };
    let (channel, signed_at) = match checked {
        Ok(believed) => believed,
        Err(why) => {
            let labels = [("channel", slug.to_string()), ("kind", "signature".to_owned())];
            metrics::counter!("signet_marketplace_authentication_failures_total", &labels).increment(1);
            let title = "The call is not the shop's";
            return Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title, format!("{why}.")).into_response();
        }
    };
    let call = Authenticated { channel, signed_at, parsed: call::read(&body) };
    let Reply { status, body } = carried::carry_out(app, call, started).await;
    answer::written(status, &body)
}

/// The three headers, where each is there once.
fn shown(headers: &HeaderMap) -> Option<Shown<'_>> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    Some(Shown { id: one("webhook-id")?, timestamp: one("webhook-timestamp")?, signature: one("webhook-signature")? })
}
