//! The answer to a call, byte for byte, or why there was none.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

/// An answer as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in the order and the exact case of sending.
    pub headers: Vec<(String, String)>,
    /// The exact bytes of the body, transfer coding removed.
    pub body: Vec<u8>,
    /// From the first byte sent to the last byte received, connecting included.
    pub elapsed: Duration,
}

impl Reply {
    /// The header's value, its name compared with case.
    pub fn header_exact(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first header of that name in any case, with the case it was sent in.
    pub fn header(&self, name: &str) -> Option<(&str, &str)> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body as a JSON object.
    pub fn json(&self) -> Option<Map<String, Value>> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.json()?.get(name)?.as_str().map(str::to_owned)
    }

    /// The `resultCode`.
    pub fn code(&self) -> Option<String> {
        self.text("resultCode")
    }

    /// The `resultMsg`.
    pub fn message(&self) -> Option<String> {
        self.text("resultMsg")
    }

    /// The `instanceId`.
    pub fn instance_id(&self) -> Option<String> {
        self.text("instanceId")
    }

    /// The `license`.
    pub fn license(&self) -> Option<String> {
        self.text("license")
    }
}

/// Why a call got no answer that could be judged. The marketplace reads each of these as "no answer" and retries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoAnswer {
    /// The URL cannot be called.
    #[error("the URL cannot be called: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody listens, or the name does not resolve.
    #[error("no connection to {address}: {reason}")]
    Connect {
        /// Host and port.
        address: String,
        /// The system's words.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS with {host} failed: {reason}")]
    Tls {
        /// The name that was asked for.
        host: String,
        /// The library's words.
        reason: String,
    },
    /// Too slow.
    #[error("no complete answer within {} ms", after.as_millis())]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended early.
    #[error("the connection ended after {received} bytes of the answer: {reason}")]
    Closed {
        /// Bytes of the answer that had come.
        received: usize,
        /// The connection had served a call before, so the other side may simply have tidied it away.
        reused: bool,
        /// The system's words.
        reason: String,
    },
    /// Not HTTP/1.1, or larger than 1 MiB.
    #[error("the answer is not proper HTTP/1.1: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}
