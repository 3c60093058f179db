use data_encoding::BASE64;
use proptest::prelude::*;

use super::*;
use crate::marketplace::koogallery::testing::{v1, v2};

#[test]
fn a_v1_call_reads_as_lines_without_token_mail_and_phone() {
    let extension =
        BASE64.encode(r#"[{"name":"machine","value":"AA-BB"},{"name":"手机号","value":"13800000000"}]"#.as_bytes());
    let sent = v1(&[
        ("activity", "getLicense"),
        ("customerName", "张三"),
        ("email", "secretmail"),
        ("mobilePhone", "secretphone"),
        ("userName", "a@example.com"),
        ("saasExtendParams", &extension),
    ]);
    let text = redact(&sent.raw());
    let token = sent.query.split("authToken=").nth(1).unwrap();
    assert!(text.starts_with("activity: getLicense\ncustomerName: 张三\n"), "{text}");
    assert!(text.contains("machine = AA-BB") && text.contains("timeStamp: 20240101000000000"), "{text}");
    for secret in [&token[..12], "secretmail", "secretphone", "a@example.com", "13800000000"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn a_v2_call_hides_signature_nonce_and_the_middle_of_the_code() {
    let body = r#"{"activity":"releaseLicenseCode","license":"PLTEST0001SECRET9999","n":3,"appInfo":{"password":"hunter2"},"licenseCode":["PLOTHERSECRET0001"]}"#;
    let sent = v2(body);
    let text = redact(&sent.raw());
    assert!(text.contains("license: PLTE…9999") && text.contains("n: 3"), "{text}");
    for secret in ["RLLUammMSInlrNWb", "0001SECRET", "hunter2", "OTHERSECRET"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let signature = sent.query.split('&').next().unwrap().trim_start_matches("signature=").to_owned();
    assert!(!text.contains(&signature));
}

#[test]
fn codes_too_short_to_mask_are_hidden_whole() {
    assert_eq!(mask_code("PLSECRET"), "(8 characters)");
    assert_eq!(mask_code("PLTEST000001"), "PLTE…0001");
    assert_eq!(mask_code(""), "(0 characters)");
}

#[test]
fn what_cannot_be_read_is_described_not_shown() {
    let request = RawRequest { method: "POST", query: "a=%zz&authToken=secret", body: b"password=secret" };
    let text = redact(&request);
    assert!(
        text.contains("query of 22 bytes") && text.contains("body of 15 bytes") && !text.contains("secret"),
        "{text}"
    );
    let extension = RawRequest { method: "GET", query: "saasExtendParams=not*base64", body: b"" };
    assert!(redact(&extension).contains("no base64"));
}

#[test]
fn one_field_stays_one_line() {
    let text = redact(&RawRequest { method: "GET", query: "a=1%0Aactivity:+fake&b%0Ac=%E2%80%AE", body: b"" });
    assert_eq!(text, "a: 1\\u{a}activity: fake\nb\\u{a}c: \\u{202e}");
}

#[test]
fn long_values_and_many_fields_are_bounded() {
    let body = format!(r#"{{"a":"{}","b":"end"}}"#, "x".repeat(60_000));
    let text = redact(&v2(&body).raw());
    assert!(text.contains("b: end") && text.chars().count() < 1_000);
    let many: String = (0..3_000).map(|index| format!("k{index}=value&")).collect();
    let text = redact(&RawRequest { method: "GET", query: &many, body: b"" });
    assert_eq!(text.chars().count(), limits::MESSAGE_REQUEST_CHARS);
}

proptest! {
    #[test]
    fn no_input_panics_and_nothing_exceeds_the_bound(query in ".{0,400}", body in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = redact(&RawRequest { method: "POST", query: &query, body: &body });
        prop_assert!(text.chars().count() <= limits::MESSAGE_REQUEST_CHARS);
    }

    #[test]
    fn no_secret_survives(secret in "[A-Z]{16}Q[0-9]{8}", name in "authToken|signature|nonce|password|userPassword|mobilePhone|Email|license") {
        let body = serde_json::json!({ "outer": { &name: secret, "list": [{ "name": name, "value": secret }] }, &name: secret });
        let body = serde_json::to_string(&body).unwrap();
        let query = format!("{name}={secret}");
        let text = redact(&RawRequest { method: "POST", query: &query, body: body.as_bytes() });
        prop_assert!(!text.contains(&secret[4..20]), "{}", text);
    }
}
