//! What is sent, and how it is signed: the headers of the Standard Webhooks specification.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::{ids::EventId, time::Time};

/// The value of `webhook-signature`: one signature for each secret, newest first, over id, time and body.
pub fn signatures<S: AsRef<[u8]>>(id: EventId, at: Time, body: &str, secrets: &[S]) -> String {
    let signed = format!("{id}.{}.{body}", at.as_seconds());
    let signature = |secret: &S| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_ref()).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
    };
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

/// The headers of a message that is sent at `at`.
pub fn headers<S: AsRef<[u8]>>(id: EventId, at: Time, body: &str, secrets: &[S]) -> Vec<(String, String)> {
    [
        ("content-type", "application/json".to_owned()),
        ("user-agent", concat!("signet/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("webhook-id", id.to_string()),
        ("webhook-timestamp", at.as_seconds().to_string()),
        ("webhook-signature", signatures(id, at, body, secrets)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
