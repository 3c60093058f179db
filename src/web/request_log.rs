//! One log line and one set of figures for each request; a request id that the answer carries too.
//!
//! The query string is never logged: a marketplace's calls carry their signature there.

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};

use tracing::Instrument;

use crate::{
    app::App,
    base::{ids::RequestId, proxies::Proxies},
};

/// Header under which an answer names its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs the request when its answer is ready.
pub async fn log(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::new(app.now(), app.entropy());
    let client = client_address(app.trusted_proxies(), &request);
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

/// Who called: the peer, or whom a trusted proxy names.
fn client_address(proxies: &Proxies, request: &Request) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    // Proxies may append a line of their own instead of extending the client's: all lines are one list. One that cannot be
    // read stays in it, so that nothing before it is believed.
    let lines = request.headers().get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("?"));
    let forwarded_for = lines.collect::<Vec<_>>().join(",");
    Some(proxies.client(peer.ip(), Some(&forwarded_for)))
}

/// Methods are free text on the wire: only known ones become a label.
fn method_name(method: &str) -> String {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method.to_owned(),
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    /// The client of a request from 10.0.0.1 with these lines, when 10.0.0.0/8 is trusted.
    fn client(lines: &[&[u8]]) -> String {
        let proxies = Proxies::parse(&["10.0.0.0/8".to_owned()]).unwrap();
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1))));
        for line in lines {
            request.headers_mut().append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        client_address(&proxies, &request).unwrap().to_string()
    }

    #[test]
    fn several_lines_of_forwarded_for_are_one_list_read_from_its_end() {
        assert_eq!(client(&[]), "10.0.0.1");
        assert_eq!(client(&[b"1.1.1.1"]), "1.1.1.1");
        assert_eq!(client(&[b"6.6.6.6", b"1.1.1.1"]), "1.1.1.1");
        assert_eq!(client(&[b"6.6.6.6, 1.1.1.1", b"10.0.0.2"]), "1.1.1.1");
        assert_eq!(client(&[b"6.6.6.6", b"1.1.1.1, 10.0.0.3", b"10.0.0.2"]), "1.1.1.1");
        assert_eq!(client(&[b"10.0.0.3", b"10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn nothing_before_a_line_that_cannot_be_read_is_believed() {
        assert_eq!(client(&[b"6.6.6.6", b"\xff", b"10.0.0.2"]), "10.0.0.2");
        assert_eq!(client(&[b"6.6.6.6", b"", b"10.0.0.2"]), "10.0.0.2");
    }
}
