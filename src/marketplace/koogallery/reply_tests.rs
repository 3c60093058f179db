use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    base::entropy::SeededEntropy,
    marketplace::koogallery::{credentials::encrypt, testing::key},
};

fn text(reply: Reply) -> String {
    String::from_utf8(reply.into_bytes()).unwrap()
}

fn info(app_info: AppInfo, usage: Vec<Usage>) -> Vec<InstanceInfo> {
    vec![InstanceInfo { instance_id: "b-0001".into(), app_info, usage }]
}

fn page() -> AppInfo {
    AppInfo { front_end_url: "https://example.com/l/1".into(), ..AppInfo::default() }
}

#[test]
fn body_sign_vector_over_the_bytes_we_make() {
    let bytes = Reply::of(ResultCode::Success).license("b-0001", "ABC-123").unwrap().into_bytes();
    let body = r#"{"resultCode":"000000","resultMsg":"success.","instanceId":"b-0001","license":"ABC-123"}"#;
    assert_eq!(String::from_utf8_lossy(&bytes), body);
    let expected = r#"sign_type="HMAC-SHA256", signature="lYw8lo+FzFwwFx6RGZTFSP2VWHaUNYnIQ+jgq8e7dqc=""#;
    assert_eq!(body_sign(&key(), &bytes), expected);
}

#[test]
fn a_changed_byte_changes_the_signature() {
    let bytes = Reply::of(ResultCode::Success).into_bytes();
    let signed = body_sign(&key(), &bytes);
    assert_ne!(body_sign(&key(), &[&bytes[..], b"\n"].concat()), signed);
    assert_ne!(body_sign(&SecretString::from("another".to_owned()), &bytes), signed);
}

#[test]
fn every_code_is_six_digits_once_with_a_text() {
    let codes: std::collections::BTreeSet<_> = ResultCode::ALL.iter().map(|code| code.as_str()).collect();
    assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
    assert!(ResultCode::ALL.iter().all(|code| (1..=MESSAGE_CHARS).contains(&code.default_text().len())));
    assert_eq!((codes.len(), ResultCode::ALL.len()), (18, 18));
}

#[test]
fn messages_are_cut_and_escaped() {
    let long = "授".repeat(300);
    let value: Value = serde_json::from_str(&text(Reply::new(ResultCode::IllegalParameter, &long))).unwrap();
    assert_eq!(value["resultMsg"].as_str().unwrap().chars().count(), 255);
    let exact = "x".repeat(255);
    assert!(text(Reply::new(ResultCode::IllegalParameter, &exact)).contains(&exact));
    assert_eq!(
        text(Reply::new(ResultCode::InternalError, "\"张\"\n\u{1f600}")),
        r#"{"resultCode":"000005","resultMsg":"\"\u5f20\"\n\ud83d\ude00"}"#
    );
}

#[test]
fn ids_and_licenses_are_measured_in_characters() {
    let reply = || Reply::of(ResultCode::Success);
    assert!(reply().instance(&"x".repeat(64)).is_ok());
    let too_long = ReplyError::TooLong { field: "instanceId", chars: 65, max: 64 };
    assert_eq!(reply().instance(&"x".repeat(65)), Err(too_long));
    assert_eq!(reply().instance(""), Err(ReplyError::Empty("instanceId")));
    assert!(reply().license("b", &"x".repeat(1023)).is_ok());
    let too_long = ReplyError::TooLong { field: "license", chars: 1024, max: 1023 };
    assert_eq!(reply().license("b", &"x".repeat(1024)), Err(too_long));
    assert_eq!(reply().license("b", ""), Err(ReplyError::Empty("license")));
}

#[test]
fn saas1_answers_only_encrypted_credentials() {
    let clear = AppInfo { user_name: Some("in-the-clear".into()), password: Some("in-the-clear".into()), ..page() };
    let user = encrypt(&key(), EncryptType::Aes128, "admin", &SeededEntropy::new(1)).unwrap();
    let reply = Reply::of(ResultCode::Success);
    let body = text(reply.saas1("b-0001", EncryptType::Aes128, clear, Some(&user), None).unwrap());
    let expected = format!(
        r#"{{"resultCode":"000000","resultMsg":"success.","encryptType":"2","instanceId":"b-0001","appInfo":{{"frontEndUrl":"https://example.com/l/1","userName":"{}"}}}}"#,
        user.as_str()
    );
    assert_eq!(body, expected);
}

#[test]
fn query_rows_in_order_with_escaped_memo_and_usage() {
    let app_info = AppInfo {
        admin_url: Some("https://example.com/admin".into()),
        user_name: Some("admin".into()),
        password: Some("p".into()),
        memo: Some("备注".into()),
        ..page()
    };
    let usage = Usage {
        related_instance_id: Some("item-1".into()),
        ten_thousandths: 123_456,
        counted_at: Time::parse_compact("20240102030405006").unwrap(),
        dashboard_url: None,
    };
    let body = text(Reply::of(ResultCode::Success).info(info(app_info, vec![usage])).unwrap());
    assert_eq!(
        body,
        concat!(
            r#"{"resultCode":"000000","resultMsg":"success.","info":[{"instanceId":"b-0001","appInfo":{"#,
            r#""frontEndUrl":"https://example.com/l/1","adminUrl":"https://example.com/admin","userName":"admin","#,
            r#""password":"p","memo":"\u5907\u6ce8"},"usageInfo":[{"relatedInstanceId":"item-1","usageValue":12.3456,"#,
            r#""statisticalTime":"20240102030405006"}]}]}"#
        )
    );
}

#[test]
fn every_field_of_a_row_has_its_limit() {
    let long = |chars: usize| Some("x".repeat(chars));
    type Set = fn(&mut AppInfo, Option<String>);
    let cases: [(&str, usize, Set); 5] = [
        ("frontEndUrl", 512, |info, text| info.front_end_url = text.unwrap_or_default()),
        ("adminUrl", 512, |info, text| info.admin_url = text),
        ("userName", 128, |info, text| info.user_name = text),
        ("password", 128, |info, text| info.password = text),
        ("memo", 1024, |info, text| info.memo = text),
    ];
    for (field, max, set) in cases {
        let mut app_info = page();
        set(&mut app_info, long(max));
        assert!(Reply::of(ResultCode::Success).info(info(app_info.clone(), vec![])).is_ok(), "{field}");
        set(&mut app_info, long(max + 1));
        let failure = Reply::of(ResultCode::Success).info(info(app_info, vec![])).unwrap_err();
        assert_eq!(failure, ReplyError::TooLong { field, chars: max + 1, max });
    }
    let nowhere = AppInfo::default();
    assert_eq!(Reply::of(ResultCode::Success).info(info(nowhere, vec![])), Err(ReplyError::Empty("frontEndUrl")));
    let many = std::iter::repeat_n(info(page(), vec![]), 101).flatten().collect();
    assert_eq!(Reply::of(ResultCode::Success).info(many), Err(ReplyError::TooMany(101)));
}

#[test]
fn usage_is_exact_to_twelve_digits() {
    let shown = |ten_thousandths| serde_json::to_string(&double(ten_thousandths)).unwrap();
    assert_eq!(shown(0), "0.0");
    assert_eq!(shown(1), "0.0001");
    assert_eq!(shown(10_000), "1.0");
    assert_eq!(shown(999_999_999_999), "99999999.9999");
    assert_eq!(shown(999_999_999_999 + 1), "99999999.9999", "more than can be said");
}

proptest! {
    #[test]
    fn usage_never_loses_a_digit(ten_thousandths in 0_u64..=999_999_999_999) {
        let shown = serde_json::to_string(&double(ten_thousandths)).unwrap();
        let (whole, fraction) = shown.split_once('.').unwrap();
        let back: u64 = format!("{whole}{fraction:0<4}").parse().unwrap();
        prop_assert_eq!(back, ten_thousandths);
    }

    #[test]
    fn every_answer_is_ascii_json_that_reads_back(message in ".{1,300}", memo in ".{0,100}") {
        let app_info = AppInfo { memo: Some(memo.clone()), ..page() };
        let bytes = Reply::new(ResultCode::Success, &message).info(info(app_info, vec![])).unwrap().into_bytes();
        prop_assert!(bytes.is_ascii());
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(value["info"][0]["appInfo"]["memo"].as_str(), Some(memo.as_str()));
        prop_assert!(value["resultMsg"].as_str().unwrap().chars().count() <= 255);
    }
}
