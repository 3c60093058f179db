use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::marketplace::koogallery::testing::{KEY, NOW_MILLIS, Sent, key, now, v1, v2, v2_signed};

const BODY: &str = r#"{"activity":"refreshLicenseCode","expireTime":"20230523201932","license":"PLTEST0001","orderId":"CS0001","orderLineId":"CS0001-000001","productId":"P1","scene":"RENEWAL","testFlag":"1"}"#;
const QUERY: &str = "activity=getLicense&businessId=b-0001&customerId=c-0001&customerName=%E5%BC%A0%E4%B8%89+a%2Bb%40c%26d%3De\
    &orderId=CS2401010000ABCDE&productId=00301-666666-0--0&testFlag=1&timeStamp=20240101000000000\
    &authToken=BUIIBt0DIV6HXq6DEY%2FPhndQ1e%2FIJ%2FCVXP0RJtdOgh4%3D";

fn check(sent: &Sent) -> Result<Authentic, AuthFailure> {
    check_at(sent, now())
}

fn check_at(sent: &Sent, now: Time) -> Result<Authentic, AuthFailure> {
    authenticate(&sent.raw(), &key(), &ClockWindows::default(), now)
}

fn get(query: &str) -> Sent {
    Sent { method: "GET", query: query.to_owned(), body: Vec::new() }
}

#[test]
fn v1_vector_holds() {
    let authentic = check(&get(QUERY)).unwrap();
    assert_eq!((authentic.transport, authentic.signed_at, authentic.nonce), (Transport::V1, now(), None));
    assert!(authentic.params.contains(&("customerName".into(), "张三 a+b@c&d=e".into())));
    assert!(authentic.params.iter().all(|(name, _)| name != "authToken"));
}

#[test]
fn v2_vector_holds_in_either_hex_case() {
    let signature = "4789ce4b33b6f4072e8745fccd46a4141fd47fff43ab2a416409d382f6459c65";
    let at = Time::from_millis(1_700_000_000_000).unwrap();
    for signature in [signature.to_owned(), signature.to_uppercase()] {
        let query = format!("signature={signature}&timestamp=1700000000000&nonce=RLLUammMSInlrNWb");
        let sent = Sent { method: "POST", query, body: BODY.into() };
        let authentic = check_at(&sent, at).unwrap();
        assert_eq!((authentic.transport, authentic.signed_at), (Transport::V2, at));
        assert_eq!(authentic.nonce.as_deref(), Some("RLLUammMSInlrNWb"));
    }
}

#[test]
fn the_order_of_parameters_and_the_case_of_escapes_do_not_matter() {
    let mut pairs: Vec<_> = QUERY.split('&').collect();
    pairs.reverse();
    assert!(check(&get(&pairs.join("&"))).is_ok());
    assert!(check(&get(&QUERY.replace("%E5%BC%A0", "%e5%bc%a0"))).is_ok());
    assert!(check(&get(&QUERY.replace('+', "%20"))).is_ok());
}

#[test]
fn unknown_and_empty_and_repeated_parameters_are_signed() {
    for params in [
        &[("activity", "getLicense"), ("brandNew", "1"), ("userName", "")][..],
        &[("a", "1"), ("a", "0"), ("B", "2")],
        &[("é", "1"), ("zz", "2"), ("", "")],
    ] {
        let sent = v1(params);
        assert!(check(&sent).is_ok(), "{params:?}");
        assert_eq!(check(&get(&format!("{}&extra=", sent.query))), Err(AuthFailure::WrongSignature("authToken")));
    }
    let sent = v1(&[("a", ""), ("b", "1")]);
    assert_eq!(check(&get(&sent.query.replace("a=&", ""))), Err(AuthFailure::WrongSignature("authToken")));
}

#[test]
fn names_sort_by_code_unit() {
    // U+FF41 sorts after U+1F600 by UTF-16 code unit (0xD83D < 0xFF41), before it by code point.
    let params = [("a".to_owned(), "1".to_owned()), ("\u{ff41}".into(), "2".into()), ("😀".into(), "3".into())];
    let joined = "a=1&😀=3&\u{ff41}=2";
    let expected = BASE64.encode(&hmac_sha256(format!("{KEY}T").as_bytes(), &[joined.as_bytes()]));
    assert_eq!(v1_token(&params, &key(), "T"), expected);
    // Upper case before lower case.
    let params = [("b".to_owned(), "1".to_owned()), ("B".into(), "2".into())];
    let expected = BASE64.encode(&hmac_sha256(format!("{KEY}T").as_bytes(), &[b"B=2&b=1"]));
    assert_eq!(v1_token(&params, &key(), "T"), expected);
}

#[rstest]
#[case("HEAD")]
#[case("get")]
#[case("PUT")]
#[case("")]
fn other_methods_are_refused(#[case] method: &'static str) {
    let sent = Sent { method, ..get(QUERY) };
    assert_eq!(check(&sent), Err(AuthFailure::Method(method.into())));
}

#[test]
fn a_v1_query_does_not_pass_as_post_nor_a_v2_query_as_get() {
    assert_eq!(check(&Sent { method: "POST", ..get(QUERY) }), Err(AuthFailure::Missing("signature")));
    assert_eq!(check(&Sent { method: "GET", ..v2("{}") }), Err(AuthFailure::Missing("authToken")));
}

#[rstest]
#[case("", "missing")]
#[case("authToken=x", "missing")]
#[case("timeStamp=20240101000000000", "missing")]
#[case("authToken=&timeStamp=20240101000000000", "missing")]
#[case("authToken=x&authToken=x&timeStamp=20240101000000000", "repeated")]
#[case("authToken=x&timeStamp=20240101000000000&timeStamp=20240101000000000", "repeated")]
#[case("authToken=x&timeStamp=2024-01-01", "malformed")]
#[case("authToken=x&timeStamp=20241301000000000", "malformed")]
#[case("authToken=x&timeStamp=20240101000000000", "wrong_signature")]
#[case("authToken=%zz&timeStamp=20240101000000000", "query")]
#[case("authToken=%ff&timeStamp=20240101000000000", "query")]
fn v1_faults(#[case] query: &str, #[case] kind: &str) {
    assert_eq!(check(&get(query)).unwrap_err().kind(), kind);
}

#[rstest]
#[case("timestamp=1704067200000&nonce=n", "missing")]
#[case("signature=00&nonce=n", "missing")]
#[case("signature=00&timestamp=1704067200000", "missing")]
#[case("signature=00&timestamp=1704067200000&nonce=", "missing")]
#[case("signature=00&timestamp=1704067200000&nonce=n", "malformed")]
#[case("signature=00&signature=00&timestamp=1704067200000&nonce=n", "repeated")]
#[case("signature=00&timestamp=1704067200&nonce=n", "malformed")]
#[case("signature=00&timestamp=-704067200000&nonce=n", "malformed")]
#[case("signature=00&timestamp=20240101000000000&nonce=n", "malformed")]
#[case("signature=00&timestamp=1704067200000&nonce=a+b", "nonce")]
#[case("signature=00&timestamp=1704067200000&nonce=a%00", "nonce")]
fn v2_faults(#[case] query: &str, #[case] kind: &str) {
    let sent = Sent { method: "POST", query: query.into(), body: b"{}".to_vec() };
    assert_eq!(check(&sent).unwrap_err().kind(), kind);
}

#[test]
fn nonces_up_to_the_limit_pass() {
    for chars in [1, 16, 32, 64, limits::NONCE_CHARS] {
        assert!(check(&v2_signed("{}", &"n".repeat(chars), NOW_MILLIS)).is_ok(), "{chars}");
    }
    let chars = limits::NONCE_CHARS + 1;
    let sent = v2_signed("{}", &"n".repeat(chars), NOW_MILLIS);
    assert_eq!(check(&sent), Err(AuthFailure::Nonce { chars }));
}

#[test]
fn a_digit_cannot_move_between_nonce_and_timestamp() {
    // Signed as nonce "abc0" + "1704067200000": the same bytes read as nonce "abc" + "01704067200000".
    let sent = v2_signed("{}", "abc0", NOW_MILLIS);
    assert!(check(&sent).is_ok());
    let moved =
        Sent { query: sent.query.replace("nonce=abc0", "nonce=abc").replace("=1704", "=01704"), ..sent.clone() };
    assert_eq!(check(&moved).unwrap_err().kind(), "malformed");
    let moved = Sent { query: sent.query.replace("nonce=abc0", "nonce=abc01").replace("=1704", "=704"), ..sent };
    assert_eq!(check(&moved).unwrap_err().kind(), "malformed");
}

#[test]
fn a_time_has_thirteen_digits_and_no_leading_zero() {
    for stamp in ["0704067200000", "704067200000", "17040672000000", "+704067200000", "１704067200"] {
        assert_eq!(unix_millis(stamp), None, "{stamp}");
    }
    assert_eq!(unix_millis(NOW_MILLIS), Some(now()));
}

#[test]
fn the_window_is_closed_on_both_sides_of_the_clock() {
    for (sent, window) in [(v1(&[]), 600_000), (v2("{}"), 60_000)] {
        for sign in [-1, 1] {
            let at = |millis: i64| now().saturating_add(SignedDuration::from_millis(sign * millis));
            assert!(check_at(&sent, at(window)).is_ok());
            let failure = check_at(&sent, at(window + 1)).unwrap_err();
            assert_eq!(failure.kind(), "clock");
            let side = if sign < 0 { "behind" } else { "ahead of" };
            assert!(failure.to_string().contains(side), "{failure}");
        }
    }
}

#[test]
fn a_clock_hours_off_is_told_so() {
    let late =
        |hours| check_at(&v1(&[]), now().saturating_add(SignedDuration::from_hours(hours))).unwrap_err().to_string();
    assert!(late(8).contains("8h") && late(8).contains("local time"), "{}", late(8));
    let odd = check_at(&v1(&[]), now().saturating_add(SignedDuration::from_mins(95))).unwrap_err().to_string();
    assert!(!odd.contains("local time"), "{odd}");
}

#[test]
fn the_clock_stays_hidden_from_whoever_has_no_key() {
    let sent = v1(&[("a", "1")]);
    let forged = Sent { query: sent.query.replace("a=1", "a=2"), ..sent };
    assert_eq!(check_at(&forged, now().plus_days(9)), Err(AuthFailure::WrongSignature("authToken")));
    let wrong = SecretString::from("another".to_owned());
    let failure = authenticate(&v2("{}").raw(), &wrong, &ClockWindows::default(), now().plus_days(9)).unwrap_err();
    assert_eq!(failure, AuthFailure::WrongSignature("signature"));
}

#[test]
fn no_message_holds_the_key_or_the_right_token() {
    let sent = v1(&[("a", "1")]);
    let right = sent.query.split("authToken=").nth(1).unwrap().to_owned();
    let forged = Sent { query: sent.query.replace("a=1", "a=2"), ..sent };
    let failure = check(&forged).unwrap_err();
    let text = format!("{failure} {failure:?}");
    assert!(!text.contains(KEY) && !text.contains(&right[..20]));
}

/// What a flipped bit may leave as it was: the case of a hexadecimal digit in an escape or in the V2 signature.
fn same_meaning(left: &str, right: &str) -> bool {
    let fold = |query: &str| {
        query::decode(query).map(|pairs| {
            let lower = |(name, value): (String, String)| {
                if name == "signature" { (name, value.to_lowercase()) } else { (name, value) }
            };
            pairs.into_iter().map(lower).collect::<Vec<_>>()
        })
    };
    fold(left).is_ok_and(|left| fold(right) == Ok(left))
}

#[test]
fn every_flipped_bit_is_noticed() {
    let post = v2_signed(BODY, "0123456789abcdef", NOW_MILLIS);
    for sent in [get(QUERY), post] {
        for index in 0..sent.query.len() * 8 {
            let mut bytes = sent.query.clone().into_bytes();
            bytes[index / 8] ^= 1 << (index % 8);
            let Ok(query) = String::from_utf8(bytes) else { continue };
            let changed = Sent { query, ..sent.clone() };
            assert!(check(&changed).is_err() || same_meaning(&changed.query, &sent.query), "{}", changed.query);
        }
        for index in 0..sent.body.len() * 8 {
            let mut changed = sent.clone();
            changed.body[index / 8] ^= 1 << (index % 8);
            assert_eq!(check(&changed), Err(AuthFailure::WrongSignature("signature")));
        }
    }
}

proptest! {
    #[test]
    fn any_parameters_signed_by_the_marketplace_pass(params in prop::collection::vec(("[a-zA-Z]{1,9}", ".{0,20}"), 0..12)) {
        let mut params = params;
        params.retain(|(name, _)| name != "authToken" && name != "timeStamp");
        params.sort();
        params.dedup_by(|left, right| left.0 == right.0);
        let borrowed: Vec<_> = params.iter().rev().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let authentic = check(&v1(&borrowed));
        prop_assert!(authentic.is_ok());
        prop_assert_eq!(authentic.unwrap().params.len(), params.len() + 1);
    }

    #[test]
    fn no_input_panics(method in "GET|POST|[A-Z]{0,5}", query in ".{0,200}", body in prop::collection::vec(any::<u8>(), 0..200)) {
        let request = RawRequest { method: &method, query: &query, body: &body };
        prop_assert!(authenticate(&request, &key(), &ClockWindows::default(), now()).is_err());
    }

    #[test]
    fn no_stamp_panics(stamp in "[0-9]{10,18}|.{0,20}", nonce in ".{0,140}") {
        let _ = check(&v2_signed("{}", &nonce, &stamp));
    }
}

/// Regression: under one captured token, parameters could be glued into a value or cut out of one, which made a new order
/// id out of a known one and hid the debug flag.
#[test]
fn boundaries_between_parameters_cannot_be_moved_under_one_token() {
    let honest = v1(&[
        ("activity", "getLicense"),
        ("orderId", "CS1"),
        ("periodNumber", "1"),
        ("skuCode", "S1"),
        ("testFlag", "1"),
    ]);
    assert!(authenticate(&honest.raw(), &key(), &ClockWindows::default(), now()).is_ok());
    for (from, to) in [
        ("orderId=CS1&periodNumber=1", "orderId=CS1%26periodNumber%3D1"),
        ("skuCode=S1&testFlag=1", "skuCode=S1%26testFlag%3D1"),
        ("orderId=CS1&periodNumber=1", "orderId%3DCS1%26periodNumber=1"),
    ] {
        let query = honest.query.replace(from, to);
        assert_ne!(query, honest.query, "{from}");
        let moved = RawRequest { query: &query, ..honest.raw() };
        let refused = authenticate(&moved, &key(), &ClockWindows::default(), now());
        assert!(matches!(refused, Err(AuthFailure::Ambiguous(_))), "{to}: {refused:?}");
    }
}
