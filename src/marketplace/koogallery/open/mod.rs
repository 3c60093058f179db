//! The marketplace's own interfaces (开放接口): what is asked there, and what its answers say.
//!
//! * [`site`] is where the marketplace is
//! * [`order`] asks for an order's details
//! * [`license`] activates a code that the marketplace made, and asks how it stands
//! * [`usage`] hands over what was used of goods that are paid by use
//! * [`upload`] hands over the license of one device
//! * [`refusal`] says why something was refused, and what that means for asking again
//!
//! Pure: a call is bytes, and so is its answer. Who sends it signs it (`SDK-HMAC-SHA256`).

pub mod license;
pub mod order;
pub mod refusal;
pub mod site;
pub mod upload;
pub mod usage;

mod read;

#[cfg(test)]
mod tests;

pub use refusal::{Refusal, RefusalKind};
pub use site::Site;

/// Where all of these interfaces begin.
const BASE: &str = "/api/mkp-openapi-public/global";
const JSON: &str = "application/json";

/// A call, ready to be signed.
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
    /// Whether it may be sent again when its answer was lost.
    pub repeat: Repeat,
    /// Headers beside those that every call has; not signed with it.
    pub headers: Vec<(String, String)>,
}

/// Whether a call may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing, or the same thing only once.
    Harmless,
    /// A second time means something else: somebody has to look first what became of it.
    Never,
}

impl Call {
    /// A question.
    fn get(path: &str, query: &[(&str, &str)]) -> Self {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (path, content_type) = (format!("{BASE}{path}"), JSON.to_owned());
        let (body, headers) = (Vec::new(), Vec::new());
        Self { method: "GET", path, query, content_type, body, repeat: Repeat::Harmless, headers }
    }

    /// Something that is handed over.
    fn post(path: &str, body: &serde_json::Value, repeat: Repeat) -> Self {
        let (path, content_type) = (format!("{BASE}{path}"), JSON.to_owned());
        let (body, headers) = (body.to_string().into_bytes(), Vec::new());
        Self { method: "POST", path, query: Vec::new(), content_type, body, repeat, headers }
    }
}
