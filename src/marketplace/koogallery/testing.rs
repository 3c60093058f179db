//! Signs calls as the marketplace does, for the tests of this folder. Written from the protocol's description, apart
//! from the code under test.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::{secret::SecretString, time::Time};

use super::signature::{Authentic, ClockWindows, RawRequest, authenticate};

pub const KEY: &str = "11111111-2222-3333-4444-555555555555";
pub const NOW_COMPACT: &str = "20240101000000000";
pub const NOW_MILLIS: &str = "1704067200000";

pub fn key() -> SecretString {
    SecretString::from(KEY.to_owned())
}

pub fn now() -> Time {
    Time::parse_compact(NOW_COMPACT).unwrap()
}

/// An owned request.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: &'static str,
    pub query: String,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn raw(&self) -> RawRequest<'_> {
        RawRequest { method: self.method, query: &self.query, body: &self.body }
    }

    pub fn authentic(&self) -> Authentic {
        authenticate(&self.raw(), &key(), &ClockWindows::default(), now()).unwrap()
    }
}

fn hmac(key: &str, message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// A V1 call at [`now`]; `authToken` and `timeStamp` are added.
pub fn v1(params: &[(&str, &str)]) -> Sent {
    let mut params = params.to_vec();
    params.push(("timeStamp", NOW_COMPACT));
    let mut sorted = params.clone();
    sorted.sort_by_key(|(name, _)| (*name).to_owned());
    let joined: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let token = BASE64.encode(&hmac(&format!("{KEY}{NOW_COMPACT}"), joined.join("&").as_bytes()));
    params.push(("authToken", &token));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    Sent { method: "GET", query, body: Vec::new() }
}

/// A V2 call at [`now`].
pub fn v2(body: &str) -> Sent {
    v2_signed(body, "RLLUammMSInlrNWb", NOW_MILLIS)
}

pub fn v2_signed(body: &str, nonce: &str, timestamp: &str) -> Sent {
    let inner = HEXLOWER.encode(&hmac(KEY, body.as_bytes()));
    let signature = HEXLOWER.encode(&hmac(KEY, format!("{KEY}{nonce}{timestamp}{inner}").as_bytes()));
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("signature", &signature)
        .append_pair("timestamp", timestamp)
        .append_pair("nonce", nonce)
        .finish();
    Sent { method: "POST", query, body: body.as_bytes().to_vec() }
}
