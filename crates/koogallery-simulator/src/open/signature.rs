//! `SDK-HMAC-SHA256`, checked as the gateway does (API signing guide): the signature is computed again from what arrived.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use sha2::{Digest, Sha256};

/// How far a signature's time may lie from ours.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// What arrived.
pub(super) struct Arrived<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

impl Arrived<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The gateway's code and words where it turns the call away. `now`: none checks no time.
    pub(super) fn refused(&self, access_key: &str, secret_key: &str, now: Option<Timestamp>) -> Option<(&str, &str)> {
        let Some(rest) = self.header("authorization").and_then(|it| it.strip_prefix("SDK-HMAC-SHA256 ")) else {
            return Some(("APIG.0301", "Incorrect IAM authentication information: no signature"));
        };
        let part = |name: &str| rest.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let (Some(access), Some(names), Some(signature)) = (part("Access"), part("SignedHeaders"), part("Signature"))
        else {
            return Some(("APIG.0301", "Incorrect IAM authentication information: format"));
        };
        let names: Vec<&str> = names.split(';').collect();
        let Some(date) = self.header("x-sdk-date").filter(|_| names.contains(&"x-sdk-date") && names.contains(&"host"))
        else {
            return Some(("APIG.0301", "Incorrect IAM authentication information: host and x-sdk-date must be signed"));
        };
        let text = format!("SDK-HMAC-SHA256\n{date}\n{}", hex(self.canonical(&names).as_bytes()));
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()) else {
            return Some(("APIG.0301", "Incorrect IAM authentication information: key"));
        };
        mac.update(text.as_bytes());
        if access != access_key || HEXLOWER.encode(&mac.finalize().into_bytes()) != signature {
            return Some(("APIG.0301", "Incorrect IAM authentication information: verify aksk signature fail"));
        }
        let stale = time(date).is_none_or(|it| now.is_some_and(|now| it.duration_since(now).abs() > WINDOW));
        stale.then_some(("APIG.0301", "Incorrect IAM authentication information: signature expired"))
    }

    fn canonical(&self, names: &[&str]) -> String {
        let mut path: String = self.path.split('/').map(escaped).collect::<Vec<_>>().join("/");
        if !path.ends_with('/') {
            path.push('/');
        }
        let mut query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        query.sort();
        let headers: String =
            names.iter().map(|name| format!("{name}:{}\n", self.header(name).unwrap_or_default().trim())).collect();
        let (query, names) = (query.join("&"), names.join(";"));
        format!("{}\n{path}\n{query}\n{headers}\n{names}\n{}", self.method, hex(self.body))
    }
}

/// `x-sdk-date` as an instant.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Whether `text` is the base64 of an HMAC-SHA256 over `bytes`.
pub(super) fn is_hmac(key: &str, bytes: &[u8], text: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
    mac.update(bytes);
    BASE64.encode(&mac.finalize().into_bytes()) == text
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// RFC 3986: everything but unreserved characters.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the marketplace's guide.
    #[test]
    fn the_published_example_is_accepted_and_nothing_else() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let signature = "49fda713aa5c49e93503ae2dfe7b639a6d9c6c080003ae4984b89a248fb360e0";
        let authorization =
            format!("SDK-HMAC-SHA256 Access=AK, SignedHeaders=content-type;host;x-sdk-date, Signature={signature}");
        let headers = [
            header("content-type", "application/json"),
            header("host", "mkt.myhuaweicloud.com"),
            header("x-sdk-date", "20240317T144237Z"),
            header("authorization", &authorization),
        ];
        let arrived = |body| Arrived {
            method: "POST",
            path: "/api/mkp-openapi-public/global/v1/license/heartbeat",
            query: &[],
            headers: &headers,
            body,
        };
        let sound = arrived(br#"{"license":"PLXXXXXX"}"#.as_slice());
        assert_eq!(sound.refused("AK", "123", None), None);
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(sound.refused("AK", "123", at("2024-03-17T14:50:00Z")), None);
        assert!(sound.refused("AK", "123", at("2024-03-17T15:00:00Z")).is_some_and(|(_, why)| why.contains("expired")));
        for (access, secret) in [("AK", "124"), ("BK", "123")] {
            assert!(sound.refused(access, secret, None).is_some_and(|(_, why)| why.contains("verify")));
        }
        assert!(arrived(b"{}").refused("AK", "123", None).is_some());
        let unsigned = Arrived { headers: &headers[..3], ..sound };
        assert!(unsigned.refused("AK", "123", None).is_some_and(|(_, why)| why.contains("no signature")));
    }
}
