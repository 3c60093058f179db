//! An answer, before it is signed: whole, because what is signed are its bytes.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;

use super::error::Fault;

/// The media type of every document here.
pub const JSON_API: &str = "application/vnd.api+json";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    kind: Option<&'static str>,
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// A document.
    pub fn document(status: StatusCode, document: &impl Serialize) -> Self {
        match serde_json::to_vec(document) {
            Ok(body) => Self { status, kind: Some(JSON_API), body, headers: Vec::new() },
            Err(error) => {
                tracing::error!("a document could not be written: {error}");
                Fault::internal().into()
            }
        }
    }

    /// Done, and there is nothing to say.
    pub fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, kind: None, body: Vec::new(), headers: Vec::new() }
    }

    /// A text that is saved as it is.
    pub fn text(text: String) -> Self {
        let kind = Some("text/plain; charset=utf-8");
        Self { status: StatusCode::OK, kind, body: text.into_bytes(), headers: Vec::new() }
    }

    /// The same with a header.
    pub fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same without a body, as HEAD is answered.
    pub fn without_body(mut self) -> Self {
        self.body.clear();
        self
    }

    /// Exactly what will be sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The answer as it is sent.
    pub fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(kind) = self.kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        headers.extend(self.headers);
        response
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        let answer = Self { status: fault.status, kind: Some(JSON_API), body: fault.body(), headers: Vec::new() };
        match fault.retry_after {
            Some(seconds) => answer.with(header::RETRY_AFTER, HeaderValue::from(seconds)),
            None => answer,
        }
    }
}
