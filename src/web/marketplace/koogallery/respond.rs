//! The answer on the wire: HTTP 200, JSON, `Body-Sign`.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    base::secret::SecretString,
    marketplace::koogallery::reply::{Reply, body_sign},
};

/// The signature's header. The server writes names in title case, which makes it the exact `Body-Sign`.
const BODY_SIGN: HeaderName = HeaderName::from_static("body-sign");

/// An answer with its signature.
pub(super) fn signed(reply: Reply, key: &SecretString) -> Response {
    let bytes = reply.into_bytes();
    let signature = HeaderValue::from_str(&body_sign(key, &bytes));
    let mut response = json(bytes);
    if let Ok(signature) = signature {
        response.headers_mut().insert(BODY_SIGN, signature);
    }
    response
}

/// The answer of an address that has no key to sign with.
pub(super) fn unsigned(reply: Reply) -> Response {
    json(reply.into_bytes())
}

fn json(bytes: Vec<u8>) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}
