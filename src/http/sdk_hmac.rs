//! SDK-HMAC-SHA256, the signature of Huawei Cloud's API gateway ("API signing guide" and the official SDKs): of its clouds
//! and of its marketplace. Pure.
//!
//! Unlike AWS's signature the secret key is used as it is, and the canonical path always ends with a slash.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::base::{
    percent::encode,
    secret::{ExposeSecret, SecretString},
    time::Time,
};

/// The algorithm's name.
const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// The header with the time of the signature.
pub const DATE: &str = "x-sdk-date";
/// The header that stands for the body's digest where the body is not signed.
const CONTENT_DIGEST: &str = "x-sdk-content-sha256";

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// In upper case.
    pub method: &'a str,
    /// The path, percent-encoded or not.
    pub path: &'a str,
    /// Names and values, not encoded.
    pub query: &'a [(String, String)],
    /// Every header that is signed; one of them is [`DATE`]. Names with `_` are never signed.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// `X-Sdk-Date`: `YYYYMMDDTHHMMSSZ`.
pub fn date(now: Time) -> String {
    now.civil().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The value of the `Authorization` header.
pub fn authorization(access_key: &str, secret_key: &SecretString, message: Message<'_>) -> String {
    let headers = signed_headers(message.headers);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.expose_secret().as_bytes())
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(string_to_sign(message).as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={}, Signature={signature}", names.join(";"))
}

fn string_to_sign(message: Message<'_>) -> String {
    let date = message.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(DATE));
    let date = date.map(|(_, value)| value.trim()).unwrap_or_default();
    let digest = HEXLOWER.encode(&Sha256::digest(canonical_request(message)));
    format!("{ALGORITHM}\n{date}\n{digest}")
}

fn canonical_request(message: Message<'_>) -> String {
    let headers = signed_headers(message.headers);
    let given = headers.iter().find(|(name, _)| name == CONTENT_DIGEST).map(|(_, value)| value.clone());
    let digest = given.unwrap_or_else(|| HEXLOWER.encode(&Sha256::digest(message.body)));
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!(
        "{}\n{}\n{}\n{lines}\n{}\n{digest}",
        message.method,
        canonical_path(message.path),
        query_string(message.query),
        names.join(";")
    )
}

/// Lower-case names, trimmed values, sorted.
fn signed_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let headers = headers.iter().filter(|(name, _)| !name.contains('_'));
    let mut signed: Vec<_> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    signed.sort();
    signed
}

fn canonical_path(path: &str) -> String {
    // Decoded as a whole before it is split: an escaped slash becomes a separator, as at the gateway.
    let decoded = decode(path);
    let segments: Vec<String> = decoded.split(|byte| *byte == b'/').map(encode).collect();
    let mut path = segments.join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// The query as it is signed and must be sent: sorted, escaped, `name=` for an empty value.
pub fn query_string(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name.as_bytes()), encode(value.as_bytes()))).collect();
    pairs.join("&")
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        access_key: String,
        secret_key: String,
        method: String,
        path: String,
        query: Vec<(String, String)>,
        headers: Vec<(String, String)>,
        body: String,
        canonical: String,
        string_to_sign: String,
        authorization: String,
    }

    /// Made with the official SDK, and one worked example of the published signing guide.
    #[test]
    fn huawei_signatures_are_those_of_the_official_sdk() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../tests/huawei/signatures.json")).unwrap();
        assert_eq!(vectors.len(), 9);
        for vector in vectors {
            let message = Message {
                method: &vector.method,
                path: &vector.path,
                query: &vector.query,
                headers: &vector.headers,
                body: vector.body.as_bytes(),
            };
            assert_eq!(canonical_request(message), vector.canonical, "{}", vector.name);
            assert_eq!(string_to_sign(message), vector.string_to_sign, "{}", vector.name);
            let authorization = authorization(&vector.access_key, &vector.secret_key.into(), message);
            assert_eq!(authorization, vector.authorization, "{}", vector.name);
        }
    }
}
