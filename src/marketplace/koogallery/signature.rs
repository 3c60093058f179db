//! Is this call really from the marketplace?
//!
//! * **V1** (GET): `authToken` = base64(HMAC-SHA256(key ‖ timeStamp, `name=value&…`)) over every other parameter,
//!   decoded, sorted by name. The list of parameters grows over time, so none is known here by name.
//! * **V2** (POST): `signature` = hex(HMAC-SHA256(key, key ‖ nonce ‖ timestamp ‖ hex(HMAC-SHA256(key, body)))) over the
//!   bytes of the body as received. Other query parameters of a V2 call are not signed and never used.
//!
//! Whether a nonce was seen before is the caller's question: it needs the database, and only an authentic call may
//! cost a row there.

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use jiff::SignedDuration;
use subtle::ConstantTimeEq;

use crate::base::{
    limits,
    secret::{ExposeSecret, SecretString},
    text::truncate,
    time::Time,
};

use super::{
    mac::hmac_sha256,
    query::{self, Pairs, QueryError},
};

/// A request as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct RawRequest<'a> {
    /// The method, in the case it was sent.
    pub method: &'a str,
    /// The query string without `?`, not decoded.
    pub query: &'a str,
    /// The body's bytes, untouched.
    pub body: &'a [u8],
}

/// How far the time inside a call may lie from ours, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockWindows {
    /// For V1, whose tolerance the marketplace does not document: 10 minutes by default.
    pub v1: SignedDuration,
    /// For V2: 60 seconds by default.
    pub v2: SignedDuration,
}

impl Default for ClockWindows {
    fn default() -> Self {
        Self { v1: SignedDuration::from_mins(10), v2: SignedDuration::from_secs(60) }
    }
}

/// Which of the two transports a call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// GET with everything in the query string, `authToken`.
    V1,
    /// POST with a JSON body, `signature`.
    V2,
}

impl Transport {
    /// The stable name, as the message log has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// A call whose signature and clock hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    /// How it came.
    pub transport: Transport,
    /// The time inside the signature, to the millisecond.
    pub signed_at: Time,
    /// V2: unique per call; the caller refuses one it has seen inside the window.
    pub nonce: Option<String>,
    /// V1: the signed parameters, decoded, in the order sent, without `authToken`. V2: empty.
    pub params: Pairs,
}

/// Why a call is not taken for the marketplace's. Every message may be shown to the merchant: none holds the key or
/// the token that would have been right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthFailure {
    /// Neither GET nor POST.
    #[error("the marketplace calls with GET (authToken) or POST (signature), this was `{0}`")]
    Method(String),
    /// The query string cannot be decoded.
    #[error("the query string cannot be read: {0}")]
    Query(#[from] QueryError),
    /// An authentication parameter is absent or empty.
    #[error("parameter `{0}` is missing from the URL: the call is not from the marketplace, or a proxy cut its query")]
    Missing(&'static str),
    /// An authentication parameter stands in the URL more than once.
    #[error("parameter `{0}` stands in the URL more than once")]
    Repeated(&'static str),
    /// An authentication parameter has a form it never has.
    #[error("parameter `{name}` is `{seen}`, expected {expected}")]
    Malformed {
        /// Which.
        name: &'static str,
        /// What it was, shortened.
        seen: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The nonce is longer than any the marketplace makes, or holds characters it never uses.
    #[error("the nonce has {chars} characters: expected 1 to {max} visible ones", max = limits::NONCE_CHARS)]
    Nonce {
        /// Its length.
        chars: usize,
    },
    /// The signature does not fit key and content.
    #[error(
        "`{0}` does not fit: the channel's access key is not the product's key (Key值) at the marketplace, or a proxy \
         changed the call on its way"
    )]
    WrongSignature(&'static str),
    /// The token holds, but the same token would hold for other parameters: somebody may have moved the boundary between
    /// two of them.
    #[error(
        "parameter `{0}` holds another parameter inside: the token would fit several readings, so the call is refused"
    )]
    Ambiguous(String),
    /// The signature holds, but its time is too far from ours.
    #[error("{}", clock_message(*signed_at, *now, *window))]
    Clock {
        /// The time inside the call.
        signed_at: Time,
        /// Ours.
        now: Time,
        /// How far apart they may be.
        window: SignedDuration,
    },
}

impl AuthFailure {
    /// A stable name for counters.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Method(_) => "method",
            Self::Query(_) => "query",
            Self::Missing(_) => "missing",
            Self::Repeated(_) => "repeated",
            Self::Malformed { .. } => "malformed",
            Self::Nonce { .. } => "nonce",
            Self::WrongSignature(_) => "wrong_signature",
            Self::Ambiguous(_) => "ambiguous",
            Self::Clock { .. } => "clock",
        }
    }
}

/// Checks that `request` was signed with `key` at about `now`.
///
/// The clock is looked at only after the signature holds, so a stranger learns nothing about it.
///
/// # Errors
/// [`AuthFailure`]: answered as `000001`.
pub fn authenticate(
    request: &RawRequest<'_>,
    key: &SecretString,
    windows: &ClockWindows,
    now: Time,
) -> Result<Authentic, AuthFailure> {
    let params = match request.method {
        "GET" | "POST" => query::decode(request.query)?,
        other => return Err(AuthFailure::Method(shown(other))),
    };
    let (authentic, window) = if request.method == "GET" {
        (authenticate_v1(params, key)?, windows.v1)
    } else {
        (authenticate_v2(&params, request.body, key)?, windows.v2)
    };
    let signed_at = authentic.signed_at;
    if now.since(signed_at).abs() > window {
        return Err(AuthFailure::Clock { signed_at, now, window });
    }
    Ok(authentic)
}

fn authenticate_v1(mut params: Pairs, key: &SecretString) -> Result<Authentic, AuthFailure> {
    let token = single(&params, "authToken")?.to_owned();
    let stamp = single(&params, "timeStamp")?.to_owned();
    let signed_at = Time::parse_compact(&stamp).map_err(|_| AuthFailure::Malformed {
        name: "timeStamp",
        seen: shown(&stamp),
        expected: "yyyyMMddHHmmssSSS in UTC",
    })?;
    params.retain(|(name, _)| name != "authToken");
    let expected = v1_token(&params, key, &stamp);
    if !bool::from(expected.as_bytes().ct_eq(token.as_bytes())) {
        return Err(AuthFailure::WrongSignature("authToken"));
    }
    if let Some((name, _)) = params.iter().find(|(name, value)| moves_a_boundary(name, value)) {
        return Err(AuthFailure::Ambiguous(shown(name)));
    }
    Ok(Authentic { transport: Transport::V1, signed_at, nonce: None, params })
}

/// Parameters that mean something here. The token is made over `name=value` pairs joined by a bare `&`, so under one
/// token a value that holds `&name=…` could be cut into two parameters, or two parameters glued into one value.
const MEANINGFUL: &[&str] = &[
    "activity",
    "amount",
    "businessId",
    "chargingMode",
    "customerId",
    "customerName",
    "email",
    "expireTime",
    "instanceId",
    "instanceStatus",
    "mobilePhone",
    "orderAmount",
    "orderId",
    "orderLineId",
    "periodNumber",
    "periodType",
    "productId",
    "provisionType",
    "saasExtendParams",
    "skuCode",
    "status",
    "testFlag",
    "timeStamp",
    "trialFlag",
    "trialToFormal",
    "userId",
    "userName",
];

/// Whether a parameter can only have come about by moving the boundary between two others.
fn moves_a_boundary(name: &str, value: &str) -> bool {
    name.contains(['&', '='])
        || value.split('&').skip(1).any(|part| part.split_once('=').is_some_and(|(name, _)| MEANINGFUL.contains(&name)))
}

fn v1_token(params: &[(String, String)], key: &SecretString, stamp: &str) -> String {
    let mut sorted: Vec<_> = params.iter().collect();
    // Code units, as Java compares strings. The sort is stable: a repeated name keeps the order it was sent in.
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    let joined = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let signing_key = SecretString::from([key.expose_secret(), stamp].concat());
    BASE64.encode(&hmac_sha256(signing_key.expose_secret().as_bytes(), &[joined.as_bytes()]))
}

fn authenticate_v2(params: &Pairs, body: &[u8], key: &SecretString) -> Result<Authentic, AuthFailure> {
    let signature = single(params, "signature")?;
    let stamp = single(params, "timestamp")?;
    let nonce = single(params, "nonce")?;
    let signed_at = unix_millis(stamp).ok_or_else(|| AuthFailure::Malformed {
        name: "timestamp",
        seen: shown(stamp),
        expected: "UNIX milliseconds, 13 digits",
    })?;
    let chars = nonce.chars().count();
    if chars > limits::NONCE_CHARS || nonce.chars().any(|char| char.is_control() || char.is_whitespace()) {
        return Err(AuthFailure::Nonce { chars });
    }
    let given = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).ok().filter(|bytes| bytes.len() == 32);
    let given = given.ok_or_else(|| AuthFailure::Malformed {
        name: "signature",
        seen: format!("{} characters", signature.chars().count()),
        expected: "64 hexadecimal digits",
    })?;
    if !bool::from(v2_signature(key, nonce, stamp, body).ct_eq(&given)) {
        return Err(AuthFailure::WrongSignature("signature"));
    }
    Ok(Authentic { transport: Transport::V2, signed_at, nonce: Some(nonce.to_owned()), params: Vec::new() })
}

fn v2_signature(key: &SecretString, nonce: &str, stamp: &str, body: &[u8]) -> [u8; 32] {
    let key = key.expose_secret().as_bytes();
    let inner = HEXLOWER.encode(&hmac_sha256(key, &[body]));
    hmac_sha256(key, &[key, nonce.as_bytes(), stamp.as_bytes(), inner.as_bytes()])
}

/// Exactly 13 digits, the first not zero. Nonce and time are signed side by side without a mark between them: were
/// any other length or a leading zero accepted, a digit could move from one to the other and a replay would carry a
/// "new" nonce under the old signature.
fn unix_millis(stamp: &str) -> Option<Time> {
    let plain = stamp.len() == 13 && !stamp.starts_with('0') && stamp.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| stamp.parse().ok().and_then(Time::from_millis)).flatten()
}

fn single<'a>(params: &'a Pairs, wanted: &'static str) -> Result<&'a str, AuthFailure> {
    let mut values = params.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (None | Some(""), None) => Err(AuthFailure::Missing(wanted)),
        (Some(value), None) => Ok(value),
        _ => Err(AuthFailure::Repeated(wanted)),
    }
}

fn shown(text: &str) -> String {
    truncate(text, 40).escape_debug().to_string()
}

fn clock_message(signed_at: Time, now: Time, window: SignedDuration) -> String {
    let off = now.since(signed_at);
    let direction = if off.is_negative() { "behind" } else { "ahead of" };
    let apart = SignedDuration::from_secs(off.abs().as_secs());
    let mut message = format!(
        "the key is right, but this machine's clock ({now}) is {apart:#} {direction} the marketplace's ({signed_at}); \
         {window:#} are allowed. Compare this machine's clock with a time server"
    );
    let minutes = (off.abs().as_secs() + 30) / 60;
    if minutes >= 60 && minutes % 60 <= 1 {
        message.push_str("; whole hours apart: a clock may be set to local time as if it were UTC");
    }
    message
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
