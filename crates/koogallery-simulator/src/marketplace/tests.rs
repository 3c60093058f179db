use super::*;
use crate::testing::key;

const INSTANT: &str = "2026-01-02T03:04:05.678Z";

fn fixed(line: Line, url: &str) -> Marketplace {
    Marketplace::builder(url, key(), line).clock(Clock::fixed(INSTANT.parse().unwrap())).build().unwrap()
}

#[test]
fn a_v1_call_is_signed_for_its_instant_with_the_urls_own_parameters() {
    let marketplace = fixed(Line::License1, "https://example.com/koo?tenant=a%20b&empty=");
    let call = Call::buy(Line::License1, "CS1").unwrap().product("P 1").extensions(&[("机器码", "a+b/c=")]).debug();
    let request = marketplace.prepare(&call);
    assert_eq!((request.method.as_str(), request.body.len()), ("GET", 0));
    assert_eq!(request.query_value("timeStamp").as_deref(), Some("20260102030405678"));
    assert_eq!(request.query_value("tenant").as_deref(), Some("a b"));
    assert_eq!(request.query_value("empty").as_deref(), Some(""));
    assert_eq!(request.query_value("testFlag").as_deref(), Some("1"));
    let token = sign::auth_token(&key(), "20260102030405678", &request.query());
    assert_eq!(request.query_value("authToken"), Some(token));
}

#[test]
fn a_v2_call_carries_text_fields_and_its_signature_in_the_url() {
    let marketplace = fixed(Line::Code2, "https://example.com/koo");
    let expires = "2027-01-02T03:04:05Z".parse().unwrap();
    let request = marketplace.prepare(&Call::renew(Line::Code2, "PL1234567890", "CS1", expires));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"activity": "refreshLicenseCode", "scene": "RENEWAL", "orderId": "CS1",
            "orderLineId": "CS1-000001", "license": "PL1234567890", "expireTime": "20270102030405"})
    );
    let nonce = request.query_value("nonce").unwrap();
    let signature = sign::signature(&key(), &nonce, "1767323045678", &request.body);
    assert_eq!(request.query_value("signature"), Some(signature));
    assert_eq!(request.query_value("timestamp").as_deref(), Some("1767323045678"));
    assert!(request.summary.contains("license=PL12…7890"), "{}", request.summary);
    assert!(!format!("{request:?}").contains(&nonce));
}

#[test]
fn every_retry_has_its_own_business_id_nonce_and_time() {
    let marketplace = fixed(Line::Saas2, "https://example.com/koo");
    let call = Call::buy(Line::Saas2, "CS1").unwrap();
    let (first, second) = (marketplace.prepare(&call), marketplace.prepare(&call));
    assert_ne!(first.body, second.body, "the businessId is new");
    assert_ne!(first.query_value("nonce"), second.query_value("nonce"));
    assert!(first.signed_at < second.signed_at);
    assert_eq!(marketplace.prepare_at(&call, first.signed_at).signed_at, first.signed_at);
    let named = call.set("businessId", "b-1");
    assert!(String::from_utf8(marketplace.prepare(&named).body).unwrap().contains(r#""businessId":"b-1""#));
}

#[test]
fn tampering_leaves_the_old_signature() {
    let marketplace = fixed(Line::License1, "https://example.com/koo");
    let request = marketplace.prepare(&Call::bare(Line::License1, crate::Activity::ReleaseLicense));
    let token = request.query_value("authToken");
    let tampered = request.with_query("orderId", "x&y=z").with_query("more", "");
    assert_eq!(tampered.query_value("orderId").as_deref(), Some("x&y=z"));
    assert_eq!(tampered.query_value("y"), None);
    assert_eq!(tampered.query_value("authToken"), token);
    assert_eq!(tampered.without_query("authToken").query_value("authToken"), None);
}
