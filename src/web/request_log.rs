//! One log line and one set of figures for each request; a request id that the answer carries too.
//!
//! The query string is never logged: a marketplace's calls carry their signature there.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use tracing::Instrument;

use crate::{app::App, base::ids::RequestId};

use super::caller::Caller;

/// Header under which an answer names its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs the request when its answer is ready.
pub async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::new(app.now(), app.entropy());
    let Caller(client) = Caller::of(&app, request.extensions(), request.headers());
    let method = method_name(request.method().as_str());
    // The template, not the path: a path may hold ids, and a figure per path would grow without bound.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    // Lines that the handling itself writes carry the id through the span; the span writes none of its own.
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    tracing::info!(
        request.id = %id, client.address = client.map(tracing::field::display), http.method = method, http.route = route, http.status = status,
        duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "{method} {route} {status}",
    );
    let labels = [("method", method), ("route", route), ("status", status.to_string())];
    metrics::counter!("signet_http_requests_total", &labels).increment(1);
    metrics::histogram!("signet_http_request_seconds", &labels[1..2]).record(elapsed.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Methods are free text on the wire: only known ones become a label.
fn method_name(method: &str) -> String {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method.to_owned(),
        _ => "other".to_owned(),
    }
}
