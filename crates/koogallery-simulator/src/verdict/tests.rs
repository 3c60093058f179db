use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    cipher,
    reply::{NoAnswer, Reply},
    sign,
    testing::{answering, good, key, marketplace, with_header},
};

fn call(line: Line, activity: Activity) -> Call {
    Call::bare(line, activity).set("instanceId", "i-1").set("orderId", "CS1")
}

fn reply(header: &str, body: &str) -> Reply {
    let sign = sign::body_sign_header(&key(), body.as_bytes());
    Reply {
        status: 200,
        headers: vec![
            ("content-type".to_owned(), "application/json; charset=utf-8".to_owned()),
            (header.to_owned(), sign),
        ],
        body: body.as_bytes().to_vec(),
        elapsed: Duration::from_millis(3),
    }
}

fn judge(call: &Call, answer: Result<Reply, NoAnswer>) -> Verdict {
    let marketplace = marketplace("http://localhost/", call.line());
    let exchange = Exchange { request: marketplace.prepare(call), answer };
    marketplace.judge(call, &exchange)
}

fn body(line: Line, activity: Activity, body: &serde_json::Value) -> Verdict {
    judge(&call(line, activity), Ok(reply("Body-Sign", &body.to_string())))
}

#[track_caller]
fn fails(verdict: &Verdict, rule: Rule) -> &RuleResult {
    let failed: Vec<_> = verdict.failures().map(|failure| failure.rule).collect();
    assert_eq!(failed, [rule], "{verdict:#?}");
    let failure = verdict.failures().next().unwrap();
    assert!(!failure.expected.is_empty() && !failure.advice.is_empty(), "{failure:?}");
    failure
}

const LICENSED: &str = r#"{"resultCode":"000000","resultMsg":"success.","instanceId":"b-0001","license":"ABC-123"}"#;

fn get() -> Call {
    call(Line::License1, Activity::GetLicense)
}

#[test]
fn a_good_answer_passes_every_rule() {
    let verdict = judge(&get(), Ok(reply("Body-Sign", LICENSED)));
    assert!(verdict.passed(), "{verdict:#?}");
    assert!(verdict.rules.len() >= 12, "{verdict:#?}");
    assert!(verdict.rules.iter().all(|result| result.outcome == Outcome::Pass && result.advice.is_empty()));
}

#[test]
fn the_header_name_is_checked_for_case() {
    let verdict = judge(&get(), Ok(reply("body-sign", LICENSED)));
    assert_eq!(fails(&verdict, Rule::SignaturePresent).seen, "a header named body-sign");
    assert_eq!(
        verdict.result(Rule::SignatureValue).unwrap().outcome,
        Outcome::Pass,
        "the value is judged all the same"
    );
    let mut without = reply("Body-Sign", LICENSED);
    without.headers.pop();
    fails(&judge(&get(), Ok(without)), Rule::SignaturePresent);
}

#[test]
fn the_signature_is_checked_for_form_and_value() {
    let with = |value: &str| {
        let mut reply = reply("Body-Sign", LICENSED);
        value.clone_into(&mut reply.headers[1].1);
        judge(&get(), Ok(reply))
    };
    let value = sign::body_signature(&key(), LICENSED.as_bytes());
    for form in [
        value.clone(),
        format!("sign_type=HMAC-SHA256, signature={value}"),
        format!("sign_type=\"HMAC-SHA256\"; signature=\"{value}\""),
        format!("sign_type=\"hmac-sha256\", signature=\"{value}\""),
        format!("sign_type=\"HMAC-SHA256\", signature=\"{value}"),
    ] {
        fails(&with(&form), Rule::SignatureFormat);
    }
    let other = sign::body_sign_header(&AccessKey::new("other"), LICENSED.as_bytes());
    fails(&with(&other), Rule::SignatureValue);
    let mut longer = reply("Body-Sign", LICENSED);
    longer.body.push(b'\n');
    let verdict = judge(&get(), Ok(longer));
    assert!(fails(&verdict, Rule::SignatureValue).seen.contains("without the white space"), "{verdict:?}");
}

#[test]
fn time_status_and_content_type_are_checked() {
    let mut slow = reply("Body-Sign", LICENSED);
    slow.elapsed = Duration::from_millis(5_001);
    fails(&judge(&get(), Ok(slow)), Rule::InTime);
    let mut error = reply("Body-Sign", LICENSED);
    error.status = 500;
    fails(&judge(&get(), Ok(error)), Rule::Status);
    let mut html = reply("Body-Sign", LICENSED);
    html.headers[0].1 = "text/html".to_owned();
    fails(&judge(&get(), Ok(html)), Rule::ContentType);
    fails(&judge(&get(), Err(NoAnswer::Timeout { after: Duration::from_secs(5) })), Rule::InTime);
    let gone = NoAnswer::Connect { address: "localhost:1".to_owned(), reason: "refused".to_owned() };
    fails(&judge(&get(), Err(gone)), Rule::Answered);
}

#[test]
fn the_body_must_be_an_object_with_code_and_message() {
    for text in ["", "[]", "null", "{", "\"000000\"", "<html>\u{1b}[31m"] {
        let verdict = judge(&get(), Ok(reply("Body-Sign", text)));
        assert!(!fails(&verdict, Rule::Json).seen.contains('\u{1b}'), "control characters never reach a terminal");
    }
    let release = |value| body(Line::License1, Activity::ReleaseLicense, &value);
    assert!(release(json!({"resultCode": "000000", "resultMsg": "字".repeat(255)})).passed());
    fails(&release(json!({"resultCode": "000000", "resultMsg": "字".repeat(256)})), Rule::ResultMessage);
    fails(&release(json!({"resultCode": "000000"})), Rule::ResultMessage);
    fails(&release(json!({"resultCode": "000003", "resultMsg": "no"})), Rule::ExpectedCode);
    fails(&release(json!({"resultCode": "000004", "resultMsg": "no"})), Rule::ExpectedCode);
    for code in [json!("0"), json!("00000x"), json!(0), json!(null)] {
        let verdict = release(json!({"resultCode": code, "resultMsg": "no"}));
        assert_eq!(verdict.result(Rule::ResultCode).unwrap().outcome, Outcome::Fail, "{verdict:?}");
    }
}

#[test]
fn license_answers_need_instance_and_license() {
    let with = |instance: serde_json::Value, license: serde_json::Value| {
        let value = json!({"resultCode": "000000", "resultMsg": "", "instanceId": instance, "license": license});
        body(Line::License1, Activity::GetLicense, &value)
    };
    assert!(with(json!("i".repeat(64)), json!("L")).passed());
    for instance in [json!("i".repeat(65)), json!(""), json!(7), json!(null)] {
        fails(&with(instance, json!("L")), Rule::InstanceId);
    }
    for license in [json!(""), json!(7), json!(null)] {
        fails(&with(json!("i"), license), Rule::License);
    }
    let long = with(json!("i"), json!("L".repeat(1_025)));
    assert!(long.passed());
    assert_eq!(long.result(Rule::License).unwrap().outcome, Outcome::Note);
}

fn saas1(app_info: &serde_json::Value, encrypt_type: &str) -> Verdict {
    let value = json!({"resultCode": "000000", "resultMsg": "", "instanceId": "i", "encryptType": encrypt_type,
        "appInfo": app_info});
    body(Line::Saas1, Activity::NewInstance, &value)
}

#[test]
fn saas_1_credentials_must_decrypt_under_the_key() {
    let sealed = cipher::seal(&key(), *b"abcdefgh12345678", "admin@example.com");
    let info = |user: &str| json!({"frontEndUrl": "https://example.com/", "userName": user, "password": sealed});
    let good = saas1(&info(&sealed), "2");
    assert!(good.passed(), "{good:#?}");
    assert!(!format!("{good:?}").contains("admin@example.com"), "a verdict never shows what it decrypted");
    fails(&saas1(&info("admin"), "2"), Rule::UserName);
    let foreign = cipher::seal(&AccessKey::new("other"), *b"abcdefgh12345678", "admin@example.com");
    fails(&saas1(&info(&foreign), "2"), Rule::UserName);
    fails(&saas1(&info(&"x".repeat(129)), "2"), Rule::UserName);
    let wrong_type = saas1(&info(&sealed), "1");
    assert_eq!(wrong_type.result(Rule::Password).unwrap().outcome, Outcome::Fail);
    assert_eq!(saas1(&info(&sealed), "3").result(Rule::EncryptType).unwrap().outcome, Outcome::Fail);
}

#[test]
fn application_details_are_checked_for_length() {
    let with = |name: &str, value: serde_json::Value| {
        let mut info = json!({"frontEndUrl": "https://example.com/"});
        info[name] = value;
        saas1(&info, "2")
    };
    let url = |length: usize| json!(format!("https://{}", "a".repeat(length - 8)));
    assert!(with("frontEndUrl", url(512)).passed());
    fails(&with("frontEndUrl", url(513)), Rule::FrontEndUrl);
    fails(&with("frontEndUrl", json!("example.com")), Rule::FrontEndUrl);
    fails(&with("frontEndUrl", json!(null)), Rule::FrontEndUrl);
    fails(&with("adminUrl", url(513)), Rule::AdminUrl);
    assert!(with("memo", json!("m".repeat(1_024))).passed());
    fails(&with("memo", json!("m".repeat(1_025))), Rule::Memo);
    fails(&saas1(&json!("text"), "2"), Rule::AppInfo);
}

#[test]
fn chinese_in_a_memo_should_be_escaped() {
    let text = |memo: &str| {
        format!(
            r#"{{"resultCode":"000000","resultMsg":"","instanceId":"i","appInfo":{{"frontEndUrl":"https://e/","memo":"{memo}"}}}}"#
        )
    };
    let outcome = |memo: &str| {
        let verdict = judge(&call(Line::Saas1, Activity::NewInstance), Ok(reply("Body-Sign", &text(memo))));
        assert!(verdict.passed(), "{verdict:#?}");
        verdict.result(Rule::Memo).unwrap().outcome
    };
    assert_eq!(outcome("ok \\u4e2d"), Outcome::Pass);
    assert_eq!(outcome("ok 中文"), Outcome::Note);
}

#[test]
fn a_query_needs_a_row_for_every_instance_and_sound_usage() {
    let with = |row: serde_json::Value| {
        let value = json!({"resultCode": "000000", "resultMsg": "", "info": [row]});
        body(Line::Saas2, Activity::QueryInstance, &value)
    };
    let row = |id: &str, value: serde_json::Value, time: &str| {
        json!({"instanceId": id, "appInfo": {"frontEndUrl": "https://e/"},
            "usageInfo": [{"usageValue": value, "statisticalTime": time}]})
    };
    let time = "20240101000000000";
    assert!(with(row("i-1", json!(12_345_678.123_4), time)).passed());
    assert!(with(row("i-1", json!(0), time)).passed());
    fails(&with(row("other", json!(1), time)), Rule::Info);
    for value in [json!(123_456_789), json!(1.234_56), json!(-1), json!("many"), json!(null)] {
        fails(&with(row("i-1", value, time)), Rule::UsageInfo);
    }
    fails(&with(row("i-1", json!(1), "20240101000000")), Rule::UsageInfo);
    let value = json!({"resultCode": "000000", "resultMsg": ""});
    fails(&body(Line::Saas2, Activity::QueryInstance, &value), Rule::Info);
}

#[test]
fn a_repeat_must_be_the_same() {
    let first = reply("Body-Sign", LICENSED);
    assert!(same_answer(&first, &first).iter().all(|result| result.outcome == Outcome::Pass));
    let other = reply("Body-Sign", &LICENSED.replace("b-0001", "b-0002").replace("ABC", "ABD"));
    let failed: Vec<_> = same_answer(&first, &other).into_iter().map(|result| (result.rule, result.outcome)).collect();
    assert_eq!(failed, [(Rule::SameInstance, Outcome::Fail), (Rule::SameLicense, Outcome::Fail)]);
}

#[test]
fn unsigned_answers_pass_only_where_they_may() {
    let marketplace = marketplace("http://localhost/", Line::License1);
    let mut bare = reply("Body-Sign", r#"{"resultCode":"000001","resultMsg":"unknown channel"}"#);
    bare.headers.pop();
    let exchange = Exchange { request: marketplace.prepare(&get()), answer: Ok(bare) };
    let expectation = Expectation::codes(&[UNAUTHENTIC]);
    fails(&marketplace.judge_against(&expectation, &exchange), Rule::SignaturePresent);
    assert!(marketplace.judge_against(&expectation.unsigned(), &exchange).passed());
}

#[tokio::test]
async fn answers_over_the_wire_are_judged_the_same() {
    let over_wire = |bytes: Vec<u8>| async move {
        let marketplace = marketplace(&answering(bytes, Duration::ZERO).await, Line::License1);
        let exchange = marketplace.call(&get()).await;
        marketplace.judge(&get(), &exchange)
    };
    assert!(over_wire(good(LICENSED)).await.passed());
    fails(&over_wire(with_header("body-sign", LICENSED)).await, Rule::SignaturePresent);
    fails(&over_wire(b"HTTP/1.1 200 OK\r\n".to_vec()).await, Rule::Answered);
    let chunked = sign::body_sign_header(&key(), LICENSED.as_bytes());
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nBody-Sign: {chunked}\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{LICENSED}\r\n0\r\n\r\n",
        LICENSED.len()
    );
    assert!(over_wire(chunked.into_bytes()).await.passed());
}
