//! What is refused, what is forgiven, and what never panics.

use super::*;

/// Fields without which a real call is not carried out.
const MANDATORY: &[(Transport, &str, &[&str])] = &[
    (V1, "getLicense", &["customerId", "businessId", "orderId", "productId"]),
    (V1, "refreshLicense", &["orderId", "instanceId", "expireTime"]),
    (V1, "expireLicense", &["instanceId"]),
    (V1, "releaseLicense", &["instanceId"]),
    (V1, "newInstance", &["customerId", "businessId", "orderId", "productId"]),
    (V1, "refreshInstance", &["orderId", "instanceId", "expireTime"]),
    (V1, "expireInstance", &["instanceId"]),
    (V1, "instanceStatus", &["instanceId", "instanceStatus"]),
    (V1, "releaseInstance", &["instanceId"]),
    (V1, "queryInstance", &["instanceId"]),
    (V1, "upgrade", &["instanceId", "orderId"]),
    (V2, "refreshLicenseCode", &["scene", "orderId", "orderLineId", "license", "expireTime"]),
    (V2, "updateLicenseCodeStatus", &["license", "status"]),
    (V2, "releaseLicenseCode", &["license"]),
    (V2, "newInstance", &["orderId", "orderLineId", "businessId"]),
    (V2, "refreshInstance", &["scene", "orderId", "instanceId", "expireTime"]),
    (V2, "updateInstanceStatus", &["instanceId", "status"]),
    (V2, "releaseInstance", &["instanceId"]),
    (V2, "queryInstance", &["instanceId"]),
    (V2, "upgradeInstance", &["instanceId", "orderId"]),
    (V2, "orderNotify", &["orderId"]),
    (V2, "getLicenseAsync", &["instanceId", "effectiveTime", "eventId"]),
];

#[test]
fn mandatory_fields_are_missed_and_the_others_are_not() {
    assert_eq!(MANDATORY.len(), SAMPLES.len());
    for (by, activity, mandatory) in MANDATORY {
        for (field, _) in sample(*by, activity).iter().skip(1) {
            for result in [without(*by, activity, field), changed(*by, activity, &[(field, "")])] {
                if mandatory.contains(&field.as_str()) {
                    assert_eq!(result.unwrap_err().reason, format!("`{field}` is missing or empty"), "{activity}");
                } else {
                    assert!(result.is_ok(), "{activity} {field}: {result:?}");
                }
            }
            assert!(changed(*by, activity, &[(field, ""), ("testFlag", "1")]).is_ok(), "debug {activity} {field}");
        }
    }
}

/// Regression: a renewal or release that comes only once was refused for a field its purpose does not hang on.
fn is_aside(activity: &str, field: &str) -> bool {
    match field {
        "orderId" | "orderLineId" => {
            ["expire", "release", "update"].iter().any(|verb| activity.starts_with(verb))
                || activity == "instanceStatus"
        }
        "productId" | "skuCode" | "periodType" | "periodNumber" => activity.starts_with("refresh"),
        _ => false,
    }
}

#[test]
fn one_fault_per_field_is_refused_by_name_but_not_in_a_debug_call() {
    let long = "x".repeat(20_000);
    for (by, activity, _) in SAMPLES {
        for (field, _) in sample(*by, activity).iter().skip(1) {
            if HARMLESS.contains(&field.as_str()) {
                assert!(changed(*by, activity, &[(field, &long)]).is_ok(), "{activity} {field}");
                continue;
            }
            if is_aside(activity, field) {
                let call = changed(*by, activity, &[(field, &long)]).unwrap();
                assert!(call.notes[0].starts_with(&format!("`{field}` ")), "{activity} {field}: {:?}", call.notes);
                continue;
            }
            let rejected = changed(*by, activity, &[(field, &long)]).unwrap_err();
            assert!(rejected.reason.starts_with(&format!("`{field}` ")), "{activity} {field}: {rejected}");
            assert!(rejected.reason.chars().count() < 255, "{rejected}");
            let debug = changed(*by, activity, &[(field, &long), ("testFlag", "1")]).unwrap();
            assert!(debug.debug && !debug.notes.is_empty(), "{activity} {field}");
        }
    }
}

#[rstest]
#[case(V1, "getLicense", "customerId", 100)]
#[case(V1, "getLicense", "customerName", 64)]
#[case(V1, "getLicense", "businessId", 64)]
#[case(V1, "getLicense", "orderId", 64)]
#[case(V1, "getLicense", "skuCode", 64)]
#[case(V1, "getLicense", "productId", 64)]
#[case(V1, "getLicense", "periodType", 10)]
#[case(V1, "refreshLicense", "instanceId", 64)]
#[case(V1, "queryInstance", "instanceId", 64)]
#[case(V2, "refreshLicenseCode", "license", 64)]
#[case(V2, "refreshLicenseCode", "orderLineId", 64)]
#[case(V2, "getLicenseAsync", "eventId", 64)]
#[case(V2, "getLicenseAsync", "deviceFingerprint", 5120)]
#[case(V2, "orderNotify", "testFlag", 2)]
fn limits_are_exact(#[case] by: Transport, #[case] activity: &str, #[case] field: &str, #[case] max: usize) {
    assert!(changed(by, activity, &[(field, &"x".repeat(max))]).is_ok());
    assert!(changed(by, activity, &[(field, &"x".repeat(max + 1))]).is_err());
}

#[test]
fn texts_are_measured_in_characters_and_fingerprints_in_bytes() {
    assert!(changed(V1, "getLicense", &[("customerName", &"张".repeat(64))]).is_ok());
    let rejected = changed(V1, "getLicense", &[("customerName", &"张".repeat(65))]).unwrap_err();
    assert!(rejected.reason.contains("65 characters, at most 64"), "{rejected}");
    assert!(changed(V2, "getLicenseAsync", &[("deviceFingerprint", &"张".repeat(1_707))]).is_err());
}

#[rstest]
#[case(V1, "getLicense", "orderId", "CS 1")]
#[case(V1, "getLicense", "orderId", "CS1\0")]
#[case(V1, "getLicense", "orderId", "订单")]
#[case(V1, "getLicense", "expireTime", "2025-01-01")]
#[case(V1, "getLicense", "expireTime", "20250230000000")]
#[case(V1, "getLicense", "periodNumber", "-1")]
#[case(V1, "getLicense", "periodNumber", "65536")]
#[case(V1, "getLicense", "amount", "1.5")]
#[case(V1, "getLicense", "amount", "4294967296")]
#[case(V1, "refreshInstance", "orderAmount", "much")]
#[case(V1, "refreshInstance", "orderAmount", "-")]
#[case(V1, "getLicense", "orderId", "CS1&periodNumber=1")]
#[case(V1, "instanceStatus", "instanceStatus", "freeze")]
#[case(V1, "queryInstance", "instanceId", "a,b c")]
#[case(V1, "queryInstance", "instanceId", ",")]
#[case(V2, "refreshLicenseCode", "scene", "RENEWAL_CHANGE")]
#[case(V2, "refreshInstance", "scene", "renewal")]
#[case(V2, "updateInstanceStatus", "status", "NORMAL")]
#[case(V2, "getLicenseAsync", "effectiveTime", "2023-10-27T10:30:15 z")]
#[case(V2, "getLicenseAsync", "effectiveTime", "2023-10-27 10:30:15 +08")]
#[case(V2, "getLicenseAsync", "deviceFingerprint", "a\nb")]
fn forms_are_checked(#[case] by: Transport, #[case] activity: &str, #[case] field: &str, #[case] value: &str) {
    let rejected = changed(by, activity, &[(field, value)]).unwrap_err();
    assert!(rejected.reason.starts_with(&format!("`{field}` ")), "{rejected}");
    assert!(!rejected.reason.chars().any(char::is_control), "{rejected}");
    assert!(changed(by, activity, &[(field, value), ("testFlag", "1")]).is_ok());
}

#[test]
fn a_refused_code_is_masked_and_so_is_a_logged_one() {
    let rejected = changed(V2, "releaseLicenseCode", &[("license", "PLTEST 0001SECRET9999")]).unwrap_err();
    assert!(rejected.reason.contains("PLTE…9999") && !rejected.reason.contains("SECRET"), "{rejected}");
    let call = changed(V2, "releaseLicenseCode", &[("license", "PLTEST0001SECRET9999")]).unwrap();
    assert_eq!(call.appear.instance_id.as_deref(), Some("PLTE…9999"));
}

#[test]
fn only_test_flag_1_is_a_debug_call() {
    for (flag, debug) in [("1", true), ("0", false), ("", false), ("2", false), ("01", false)] {
        assert_eq!(changed(V1, "getLicense", &[("testFlag", flag)]).unwrap().debug, debug, "{flag}");
    }
    assert!(body(r#"{"activity":"orderNotify","orderId":"CS1","testFlag":1}"#).unwrap().debug);
    assert!(!body(r#"{"activity":"orderNotify","orderId":"CS1","testFlag":null}"#).unwrap().debug);
}

#[test]
fn a_debug_call_of_nothing_but_its_name_means_the_published_ids() {
    for (by, activity, _) in SAMPLES {
        let fields = [("activity".to_owned(), (*activity).to_owned()), ("testFlag".into(), "1".into())];
        let call = send(*by, &fields).unwrap_or_else(|error| panic!("{activity}: {error}"));
        assert!(call.appear.order_id.as_deref().is_none_or(debug::is_debug_order_id), "{activity}");
        let code = call.line == Line::Code2;
        assert!(code || call.appear.instance_id.as_deref().is_none_or(debug::is_debug_instance_id), "{activity}");
    }
}

#[test]
fn an_upgrade_must_say_to_what() {
    let bare = [("skuCode", ""), ("productId", ""), ("amount", "")];
    assert!(changed(V1, "upgrade", &bare).unwrap_err().reason.contains("skuCode"));
    assert!(changed(V1, "upgrade", &[bare[0], bare[1]]).is_ok(), "a quantity alone is an upgrade too");
}

fn details(changes: &[(&str, &str)]) -> (PurchaseDetails, Vec<String>) {
    let call = changed(V1, "getLicense", changes).unwrap();
    let Event::Purchase(purchase) = call.event else { panic!("no purchase") };
    (purchase.details.unwrap(), call.notes)
}

#[test]
fn charging_modes_and_periods_that_are_not_documented_are_noted() {
    let modes =
        [("0", Charging::OnDemand), ("1", Charging::Period), ("3", Charging::OneTime), ("5", Charging::Package)];
    for (mode, charging) in modes {
        assert_eq!(details(&[("chargingMode", mode)]).0.charging, Some(charging));
    }
    let (odd, notes) = details(&[("chargingMode", "9")]);
    assert_eq!((odd.charging, notes.len()), (None, 1));
    for (kind, term) in [("year", Term::Years(2)), ("month", Term::Months(2)), ("day", Term::Days(2))] {
        assert_eq!(details(&[("periodType", kind), ("periodNumber", "2")]).0.period, Some(term));
    }
    let (odd, notes) = details(&[("periodType", "hour")]);
    assert_eq!((odd.period, notes.len()), (None, 1));
    assert_eq!(details(&[("periodNumber", "0")]).0.period, None);
    assert!(details(&[("trialFlag", "1")]).0.trial);
    assert_eq!(details(&[("customerName", "a\u{0}b\u{202e}c")]).0.customer.name.as_deref(), Some("abc"));
}

fn extension(text: &str) -> (Vec<(String, String)>, usize) {
    let (details, notes) = details(&[("saasExtendParams", text)]);
    (details.extension, notes.len())
}

#[test]
fn extension_parameters_come_in_every_base64() {
    // Chosen so that the base64 holds `+`, `/` and padding.
    let list = r#"[{"name":"machine","value":"<<???>>~~~机器"}]"#;
    let expected = vec![("machine".to_owned(), "<<???>>~~~机器".to_owned())];
    let padded = BASE64.encode(list.as_bytes());
    let url = data_encoding::BASE64URL_NOPAD.encode(list.as_bytes());
    assert!(padded.contains('+') || padded.contains('/'), "{padded}");
    for text in [padded.as_str(), padded.trim_end_matches('='), url.as_str(), &padded.replace('+', " ")] {
        assert_eq!(extension(text), (expected.clone(), 0), "{text}");
    }
}

#[test]
fn a_broken_extension_loses_no_order_and_a_hostile_one_is_only_data() {
    let encode = |value: serde_json::Value| BASE64.encode(serde_json::to_string(&value).unwrap().as_bytes());
    for text in ["%%%", "W10", "bm90IGpzb24=", &encode(json!({"a": 1})), &encode(json!([1, {"name": 2, "value": 3}]))] {
        let (list, notes) = extension(text);
        assert!(list.is_empty() && (notes > 0 || text == "W10"), "{text}");
    }
    let entry = |value: serde_json::Value| json!({"name": "n", "value": value});
    let many = encode(json!([entry(json!(1)), entry(json!(true)), entry(json!(null)), entry(json!("four"))]));
    let expected = ["1", "true", ""].map(|value| ("n".to_owned(), value.to_owned())).to_vec();
    assert_eq!(extension(&many), (expected, 1));
    let hostile = "__import__('os').system('id')\u{0}\u{1b}[31m\u{202e}";
    let expected = vec![("n".to_owned(), "__import__('os').system('id')[31m".to_owned())];
    assert_eq!(extension(&encode(json!([entry(json!(hostile))]))), (expected, 0));
    let (long, _) = extension(&encode(json!([entry(json!("机".repeat(2_000)))])));
    assert_eq!(long[0].1, "机".repeat(limits::EXTENSION_VALUE_CHARS));
}

#[test]
fn a_query_takes_up_to_100_ids() {
    let list = |count: usize| (0..count).map(|n| format!("{n:064}")).collect::<Vec<_>>().join(",");
    let query = |text: &str| changed(V2, "queryInstance", &[("instanceId", text)]);
    assert_eq!(query(&list(100)).unwrap().event, Event::Query(list(100).split(',').map(Into::into).collect()));
    assert!(query(&list(101)).unwrap_err().reason.starts_with("`instanceId` "));
    assert_eq!(query("a, b,").unwrap().event, Event::Query(vec!["a".into(), "b".into()]));
}

#[test]
fn bodies_are_read_whole_or_refused() {
    let full = r#"{"activity":"upgradeInstance","orderId":7,"instanceId":"b","unknown":{"deep":[1]},"unknown":2}"#;
    assert_eq!(body(full).unwrap().appear.order_id.as_deref(), Some("7"));
    for (text, reason) in [
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("\"license secret\"", "not a JSON object"),
        (r#"{"activity":"orderNotify""#, "not a JSON object"),
        (r#"{"activity":"orderNotify","orderId":"a","orderId":"b"}"#, "`orderId` stands in the call more than once"),
        (r#"{"activity":"orderNotify","activity":"newInstance"}"#, "`activity` stands in the call more than once"),
        (r#"{"activity":"orderNotify","orderId":["a"]}"#, "`orderId` is a list or an object"),
        (r#"{"activity":["orderNotify"]}"#, "`activity` is a list or an object"),
    ] {
        let rejected = body(text).unwrap_err();
        assert!(rejected.reason.contains(reason) && !rejected.reason.contains("secret"), "{rejected}");
    }
    let deep = format!("{}{}", r#"{"activity":"#, "[".repeat(10_000));
    assert!(body(&deep).is_err());
    let twice =
        [("activity", "expireLicense"), ("instanceId", "a"), ("instanceId", "b")].map(|(n, v)| (n.into(), v.into()));
    assert!(send(V1, &twice).unwrap_err().reason.contains("more than once"));
}

#[test]
fn a_refund_that_also_claims_to_be_formal_takes_away() {
    let both = [("trialToFormal", "1"), ("orderAmount", "-1")];
    let Event::Renewal(renewal) = changed(V1, "refreshInstance", &both).unwrap().event else { panic!("no renewal") };
    assert_eq!(renewal.cause, RenewalCause::RefundOfRenewal);
}

proptest! {
    #[test]
    fn no_fields_panic_and_debug_calls_always_pass(
        index in 0..SAMPLES.len(),
        values in prop::collection::vec(prop_oneof![".{0,80}", "[0-9]{0,20}", "[A-Za-z0-9+/=]{0,80}"], 20),
    ) {
        let (by, activity, _) = SAMPLES[index];
        let mut fields = sample(by, activity);
        for ((_, value), odd) in fields.iter_mut().skip(1).zip(&values) {
            value.clone_from(odd);
        }
        if let Err(rejected) = send(by, &fields) {
            prop_assert!(rejected.reason.starts_with('`') && !rejected.reason.chars().any(char::is_control));
        }
        fields.push(("testFlag".into(), "1".into()));
        let call = send(by, &fields);
        prop_assert!(call.is_ok(), "{:?}", call);
        prop_assert!(call.unwrap().debug);
    }

    #[test]
    fn no_body_panics(text in ".{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = body(&text);
        let authentic = testing::v2("{}").authentic();
        let _ = parse(&RawRequest { method: "POST", query: "", body: &bytes }, &authentic);
    }
}
