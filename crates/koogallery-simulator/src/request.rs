//! A signed request, ready to be sent, tampered with, or sent again.

use std::fmt;

use jiff::Timestamp;
use url::Url;

use crate::{form, line::Line};

/// Fields a summary shows; everything else may be secret, personal or noise.
const SHOWN: [&str; 14] = [
    "orderId",
    "orderLineId",
    "instanceId",
    "license",
    "productId",
    "skuCode",
    "scene",
    "status",
    "instanceStatus",
    "expireTime",
    "amount",
    "eventId",
    "trialFlag",
    "testFlag",
];

/// A request with its signature. All parts are open, so that a test can break any of them.
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedRequest {
    /// The line it was made for.
    pub line: Line,
    /// The value of `activity`, also when it is none of the protocol's.
    pub activity: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The whole URL with its query string.
    pub url: Url,
    /// Headers besides `Host` and `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET.
    pub body: Vec<u8>,
    /// The time it was signed for.
    pub signed_at: Timestamp,
    /// What a report may show of the request: no token, no key, no personal data.
    pub summary: String,
}

impl PreparedRequest {
    /// The query string's decoded pairs.
    pub fn query(&self) -> Vec<(String, String)> {
        self.url.query_pairs().into_owned().collect()
    }

    /// One decoded value of the query string.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// Sets a pair of the query string without signing again.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        let mut pairs = self.query();
        match pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => pairs.push((name.to_owned(), value.to_owned())),
        }
        self.url.set_query(Some(&form::query(&pairs)));
        self
    }

    /// Removes a pair of the query string without signing again.
    #[must_use]
    pub fn without_query(mut self, name: &str) -> Self {
        let mut pairs = self.query();
        pairs.retain(|(known, _)| known != name);
        self.url.set_query(Some(&form::query(&pairs)));
        self
    }

    /// Replaces the body without signing again.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Replaces the method.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, activity, method, summary, signed_at, .. } = self;
        write!(f, "PreparedRequest({line} {method} {activity} {summary} signed at {signed_at})")
    }
}

/// The readable part of a call's parameters, at most 200 characters a value; a license code shows its ends only.
pub(crate) fn summary(parameters: &[(String, String)]) -> String {
    let shown = parameters.iter().filter(|(name, _)| SHOWN.contains(&name.as_str()));
    shown.map(|(name, value)| format!("{name}={}", shorten(name, value))).collect::<Vec<_>>().join(" ")
}

fn shorten(name: &str, value: &str) -> String {
    let count = value.chars().count();
    if name == "license" && count > 10 {
        let head: String = value.chars().take(4).collect();
        let tail: String = value.chars().skip(count - 4).collect();
        return format!("{head}…{tail}");
    }
    let cut: String = value.chars().filter(|c| !c.is_control()).take(200).collect();
    if count > 200 { format!("{cut}…") } else { cut }
}
