//! Hands over what was used of goods that are paid by use (`isv/usage-data`).

use data_encoding::{BASE64, HEXLOWER};
use serde::Serialize;

use crate::{
    base::{
        secret::{ExposeSecret, SecretString},
        time::Time,
    },
    marketplace::koogallery::{
        mac::hmac_sha256,
        reply::{self, ReplyError, UsageRow},
    },
};

use super::{Call, Repeat};

/// Records of one call.
pub const RECORDS: usize = 1_000;

/// What was used of an instance: the record that `queryInstance` answers too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which instance.
    pub instance_id: String,
    /// Used so far, cumulative, in ten-thousandths.
    pub ten_thousandths: u64,
    /// When it was counted.
    pub counted_at: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    instance_id: &'a str,
    #[serde(flatten)]
    usage: UsageRow,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    usage_infos: Vec<Row<'a>>,
}

fn row(record: &Record) -> Result<Row<'_>, ReplyError> {
    let usage = reply::Usage {
        related_instance_id: None,
        ten_thousandths: record.ten_thousandths,
        counted_at: record.counted_at,
        dashboard_url: None,
    };
    Ok(Row { instance_id: &record.instance_id, usage: reply::usage_row(usage)? })
}

/// Hands over at most [`RECORDS`] records. Beside the signature of every call this one carries another: an HMAC over time, nonce
/// and body with the channel's access key (Key值). `nonce`: 16 random bytes. A call is never sent twice, because its nonce is used up;
/// the same records may be, in another.
///
/// # Errors
/// [`ReplyError`] for records that no answer could hold either.
pub fn push(records: &[Record], key: &SecretString, now: Time, nonce: [u8; 16]) -> Result<Call, ReplyError> {
    let usage_infos = records.iter().map(row).collect::<Result<_, _>>()?;
    let body = serde_json::to_value(Body { usage_infos }).unwrap_or_default();
    let mut call = Call::post("/v1/isv/usage-data", &body, Repeat::Never);
    let (ts, nonce) = ((now.as_micros() / 1_000).to_string(), HEXLOWER.encode(&nonce));
    let signed: [&[u8]; 6] = [b"ts=", ts.as_bytes(), b"&nonce=", nonce.as_bytes(), b"&body=", &call.body];
    let signature = BASE64.encode(&hmac_sha256(key.expose_secret().as_bytes(), &signed));
    let headers = [("ts", ts), ("nonce", nonce), ("signature", signature)];
    call.headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Ok(call)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_push_is_signed_over_time_nonce_and_body() {
        let counted_at: Time = "2026-03-02T08:00:00.25Z".parse().unwrap();
        let record = Record { instance_id: "i-1".to_owned(), ten_thousandths: 123_456, counted_at };
        let key = SecretString::from("11111111-2222-3333-4444-555555555555");
        let call = push(&[record], &key, "2026-03-02T08:00:01Z".parse().unwrap(), [7; 16]).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        let expected = json!({ "instanceId": "i-1", "usageValue": 12.3456, "statisticalTime": "20260302080000250" });
        assert_eq!(body, json!({ "usageInfos": [expected] }));
        let header = |name: &str| call.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!((header("ts"), header("nonce")), (Some("1772438401000"), Some("07070707070707070707070707070707")));
        let text = String::from_utf8(call.body.clone()).unwrap();
        let text = format!("ts=1772438401000&nonce={}&body={text}", "07".repeat(16));
        let mac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.expose_secret().as_bytes());
        let expected = BASE64.encode(ring::hmac::sign(&mac, text.as_bytes()).as_ref());
        assert_eq!(header("signature"), Some(expected.as_str()));
        assert_eq!(call.repeat, Repeat::Never);
    }
}
