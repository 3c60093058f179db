//! The marketplace's own interfaces (开放接口): what is asked there, and what its answers say.
//!
//! * [`site`] is where the marketplace is
//! * [`order`] asks for an order's details
//! * [`upload`] hands over the license of one device
//! * [`refusal`] says why something was refused, and what that means for asking again
//!
//! Pure: a call is bytes, and so is its answer. Who sends it signs it (`SDK-HMAC-SHA256`).

pub mod order;
pub mod refusal;
pub mod site;
pub mod upload;

mod read;

#[cfg(test)]
mod tests;

pub use refusal::{Refusal, RefusalKind};
pub use site::Site;

/// Where all of these interfaces begin.
const BASE: &str = "/api/mkp-openapi-public/global";
const JSON: &str = "application/json";

/// A call, ready to be signed. All of these change nothing, or the same thing only once, so that each may be sent again when
/// its answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, each segment percent-encoded.
    pub path: String,
    /// Names and values, not encoded.
    pub query: Vec<(String, String)>,
    /// What the body is.
    pub content_type: String,
    /// The body; empty for a question.
    pub body: Vec<u8>,
}

impl Call {
    /// A question.
    fn get(path: &str, query: &[(&str, &str)]) -> Self {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { method: "GET", path: format!("{BASE}{path}"), query, content_type: JSON.to_owned(), body: Vec::new() }
    }
}
