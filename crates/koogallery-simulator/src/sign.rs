//! What proves that a call comes from the marketplace and an answer from the merchant: HMAC-SHA256 three times.
//!
//! Source: the marketplace's access guide, pages on `authToken`, request signature and `Body-Sign`.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A product's access key ("Key值" in the seller centre). Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey(String);

impl AccessKey {
    /// Takes the key as the seller centre shows it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The text an `authToken` is made over: every parameter but `authToken` itself, decoded, sorted by the UTF-16
/// code units of its name (the marketplace sorts Java strings), joined with `&`.
pub fn joined_parameters(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().filter(|(name, _)| name != "authToken").collect();
    sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    sorted.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The `authToken` of a V1 call: base64 of the HMAC under key and `timeStamp` together.
pub fn auth_token(key: &AccessKey, time_stamp: &str, parameters: &[(String, String)]) -> String {
    let secret = format!("{}{time_stamp}", key.0);
    BASE64.encode(&hmac(secret.as_bytes(), joined_parameters(parameters).as_bytes()))
}

/// The `signature` of a V2 call over the exact bytes of its body.
pub fn signature(key: &AccessKey, nonce: &str, timestamp: &str, body: &[u8]) -> String {
    let inner = HEXLOWER.encode(&hmac(key.0.as_bytes(), body));
    let canonical = format!("{}{nonce}{timestamp}{inner}", key.0);
    HEXLOWER.encode(&hmac(key.0.as_bytes(), canonical.as_bytes()))
}

/// The value inside `Body-Sign`: base64 of the HMAC over the exact bytes of the answer's body.
pub fn body_signature(key: &AccessKey, body: &[u8]) -> String {
    BASE64.encode(&hmac(key.0.as_bytes(), body))
}

/// The whole `Body-Sign` header as a merchant must send it, quotes included.
pub fn body_sign_header(key: &AccessKey, body: &[u8]) -> String {
    format!("sign_type=\"HMAC-SHA256\", signature=\"{}\"", body_signature(key, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AccessKey {
        AccessKey::new("11111111-2222-3333-4444-555555555555")
    }

    #[test]
    fn the_published_token_comes_out_and_parameter_order_does_not_matter() {
        let parameters: Vec<(String, String)> = [
            ("timeStamp", "20240101000000000"),
            ("authToken", "is not part of itself"),
            ("testFlag", "1"),
            ("productId", "00301-666666-0--0"),
            ("orderId", "CS2401010000ABCDE"),
            ("customerName", "张三 a+b@c&d=e"),
            ("customerId", "c-0001"),
            ("businessId", "b-0001"),
            ("activity", "getLicense"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        assert_eq!(
            auth_token(&key(), "20240101000000000", &parameters),
            "BUIIBt0DIV6HXq6DEY/PhndQ1e/IJ/CVXP0RJtdOgh4="
        );
    }

    #[test]
    fn names_sort_by_code_unit_capitals_first_and_empty_values_stay() {
        let parameters = [("b", "1"), ("B", ""), ("a", "2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(joined_parameters(&parameters), "B=&a=2&b=1");
    }

    #[test]
    fn the_published_signature_comes_out_and_every_part_matters() {
        let body = br#"{"activity":"refreshLicenseCode","expireTime":"20230523201932","license":"PLTEST0001","orderId":"CS0001","orderLineId":"CS0001-000001","productId":"P1","scene":"RENEWAL","testFlag":"1"}"#;
        let signed = signature(&key(), "RLLUammMSInlrNWb", "1700000000000", body);
        assert_eq!(signed, "4789ce4b33b6f4072e8745fccd46a4141fd47fff43ab2a416409d382f6459c65");
        assert_ne!(signed, signature(&key(), "RLLUammMSInlrNWc", "1700000000000", body));
        assert_ne!(signed, signature(&key(), "RLLUammMSInlrNWb", "1700000000001", body));
        assert_ne!(signed, signature(&key(), "RLLUammMSInlrNWb", "1700000000000", b"{}"));
        assert_ne!(signed, signature(&AccessKey::new("other"), "RLLUammMSInlrNWb", "1700000000000", body));
    }

    #[test]
    fn the_published_body_signature_comes_out() {
        let body = br#"{"resultCode":"000000","resultMsg":"success.","instanceId":"b-0001","license":"ABC-123"}"#;
        assert_eq!(
            body_sign_header(&key(), body),
            "sign_type=\"HMAC-SHA256\", signature=\"lYw8lo+FzFwwFx6RGZTFSP2VWHaUNYnIQ+jgq8e7dqc=\""
        );
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", key()), "AccessKey(…)");
    }
}
