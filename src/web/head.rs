//! The size of a request's head. The server reads heads that are larger than any honest one, so that the answer is
//! Signet's own: the marketplace understands no bare 431.

use std::fmt;

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::base::limits;

use super::problem::Problem;

/// What of a head is larger than [`limits::REQUEST_HEAD_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversize {
    /// The address alone.
    Address,
    /// Address and headers together.
    Head,
}

impl fmt::Display for Oversize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "The address",
            Self::Head => "The head of the request",
        })
    }
}

/// What of the request's head is too large.
pub fn oversize(uri: &Uri, headers: &HeaderMap) -> Option<Oversize> {
    let address = uri.path_and_query().map_or(0, |it| it.as_str().len());
    // Each line with `: ` and its end.
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    match address.checked_add(lines.sum()) {
        _ if address > limits::REQUEST_HEAD_BYTES => Some(Oversize::Address),
        Some(bytes) if bytes <= limits::REQUEST_HEAD_BYTES => None,
        _ => Some(Oversize::Head),
    }
}

/// Refuses requests whose head is too large.
pub async fn limit(request: Request, next: Next) -> Response {
    let Some(part) = oversize(request.uri(), request.headers()) else { return next.run(request).await };
    let detail = format!("{part} is larger than {} bytes. Nothing was changed.", limits::REQUEST_HEAD_BYTES);
    let problem = match part {
        Oversize::Address => {
            Problem::new(StatusCode::URI_TOO_LONG, "address-too-long", "The address is too long", detail)
        }
        Oversize::Head => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            Problem::new(status, "head-too-large", "The head of the request is too large", detail)
        }
    };
    problem.into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn sizes(request: &Request) -> Option<Oversize> {
        oversize(request.uri(), request.headers())
    }

    fn request(address: usize, header: usize) -> Request {
        let address = format!("/{}", "a".repeat(address - 1));
        Request::get(address).header("x-a", "b".repeat(header - "x-a: \r\n".len())).body(Body::empty()).unwrap()
    }

    #[test]
    fn address_and_headers_count_together() {
        let most = limits::REQUEST_HEAD_BYTES;
        assert_eq!(sizes(&request(most - 100, 100)), None);
        assert_eq!(sizes(&request(most - 100, 101)), Some(Oversize::Head));
        assert_eq!(sizes(&request(most, 10)), Some(Oversize::Head));
        assert_eq!(sizes(&request(most + 1, 10)), Some(Oversize::Address));
        assert_eq!(sizes(&request(100, most * 4)), Some(Oversize::Head));
    }
}
