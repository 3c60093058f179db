//! The rules of the single activities: required fields and their lengths.

use serde_json::{Map, Value};

use super::{
    SUCCESS,
    check::{Checks, Field, counted, excerpt, kind},
    rule::Rule,
};
use crate::{
    cipher::{self, EncryptType},
    line::{Activity, Line},
    reply::Reply,
    sign::AccessKey,
};

/// Characters of a license that the marketplace is known to carry.
const LICENSE_CHARS: usize = 1_024;

/// The answer in question.
pub(super) struct Subject<'a> {
    pub(super) line: Line,
    pub(super) activity: Activity,
    pub(super) key: &'a AccessKey,
    pub(super) reply: &'a Reply,
    pub(super) object: &'a Map<String, Value>,
    pub(super) code: &'a str,
}

/// Checks what the activity of a successful answer must carry.
pub(super) fn check(checks: &mut Checks, subject: &Subject<'_>, asked: &[String]) {
    let object = subject.object;
    match subject.activity {
        Activity::GetLicense => {
            instance_id(checks, object);
            license(checks, object);
        }
        Activity::NewInstance => {
            instance_id(checks, object);
            if subject.line == Line::Saas1 && subject.code == SUCCESS {
                let kind = encrypt_type(checks, object);
                app_info(checks, subject, object.get("appInfo"), "", kind);
            }
        }
        Activity::QueryInstance if subject.code == SUCCESS => info(checks, subject, asked),
        _ => {}
    }
}

fn instance_id(checks: &mut Checks, object: &Map<String, Value>) {
    checks.text(Rule::InstanceId, &Field { object, place: "", name: "instanceId", limit: 64, required: true });
}

fn license(checks: &mut Checks, object: &Map<String, Value>) {
    const EXPECTED: &str = "license: a string that is not empty";
    match object.get("license") {
        Some(Value::String(license)) if !license.is_empty() => {
            let count = license.chars().count();
            if count <= LICENSE_CHARS {
                checks.pass(Rule::License, EXPECTED, counted(count));
            } else {
                let advice = "No maximum is published; the default form stays within 1,024 characters. Try it in the \
                              seller centre before selling.";
                checks.note(Rule::License, EXPECTED, counted(count), advice);
            }
        }
        Some(Value::String(_)) => checks.fail(Rule::License, EXPECTED, "an empty string"),
        other => checks.fail(Rule::License, EXPECTED, other.map_or("nothing", kind)),
    }
}

fn encrypt_type(checks: &mut Checks, object: &Map<String, Value>) -> Option<EncryptType> {
    let expected = "encryptType: \"1\" or \"2\"";
    let seen = match object.get("encryptType") {
        None | Some(Value::Null) => return None,
        Some(Value::String(code)) => code.clone(),
        Some(other) => other.to_string(),
    };
    let found = EncryptType::from_code(&seen);
    checks.that(Rule::EncryptType, found.is_some(), expected, excerpt(&seen));
    found
}

fn app_info(
    checks: &mut Checks,
    subject: &Subject<'_>,
    value: Option<&Value>,
    place: &str,
    encryption: Option<EncryptType>,
) {
    let expected = format!("{place}appInfo: an object");
    let object = match value {
        Some(Value::Object(object)) => object,
        other => {
            checks.fail(Rule::AppInfo, &expected, other.map_or("nothing", kind));
            return;
        }
    };
    checks.pass(Rule::AppInfo, &expected, "an object");
    let place = format!("{place}appInfo.");
    let field = |name, limit, required| Field { object, place: &place, name, limit, required };
    address(checks, Rule::FrontEndUrl, &field("frontEndUrl", 512, true));
    address(checks, Rule::AdminUrl, &field("adminUrl", 512, false));
    for (rule, name) in [(Rule::UserName, "userName"), (Rule::Password, "password")] {
        if let Some(text) = checks.text(rule, &field(name, 128, false))
            && subject.line == Line::Saas1
        {
            credential(checks, subject.key, rule, text, encryption);
        }
    }
    if let Some(memo) = checks.text(Rule::Memo, &field("memo", 1_024, false)) {
        memo_escapes(checks, subject.reply, memo);
    }
}

fn address(checks: &mut Checks, rule: Rule, field: &Field<'_>) {
    if let Some(url) = checks.text(rule, field)
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        checks.fail(rule, "an address that starts with https:// or http://", excerpt(url));
    }
}

fn credential(checks: &mut Checks, key: &AccessKey, rule: Rule, text: &str, encryption: Option<EncryptType>) {
    let expected = "16 characters of vector and base64 that decrypts under the access key";
    let Some(kind) = encryption else {
        let seen = "a value, but no usable encryptType";
        checks.fail(Rule::EncryptType, "encryptType \"1\" or \"2\" beside userName or password", seen);
        return;
    };
    match cipher::open(key, kind, text) {
        Ok(plain) => checks.pass(rule, expected, format!("decrypts to {}", counted(plain.chars().count()))),
        Err(error) => checks.fail(rule, expected, error.to_string()),
    }
}

/// Chinese must be escaped in the bytes; a parsed value no longer shows how it was written.
fn memo_escapes(checks: &mut Checks, reply: &Reply, memo: &str) {
    let run: String = memo.chars().skip_while(char::is_ascii).take_while(|c| !c.is_ascii()).collect();
    let raw = !run.is_empty() && reply.body.windows(run.len()).any(|window| window == run.as_bytes());
    if raw {
        let advice = "Write every character outside ASCII as \\uXXXX; the guide asks for it.";
        checks.note(Rule::Memo, "memo: Chinese as \\uXXXX", "characters outside ASCII, not escaped", advice);
    }
}

fn info(checks: &mut Checks, subject: &Subject<'_>, asked: &[String]) {
    let expected = "info: an array with a row for every instance that was asked for";
    let rows = match subject.object.get("info") {
        Some(Value::Array(rows)) => rows,
        other => {
            checks.fail(Rule::Info, expected, other.map_or("nothing", kind));
            return;
        }
    };
    let of_row = |row: &Value| row.get("instanceId").and_then(Value::as_str).map(str::to_owned);
    let present: Vec<_> = rows.iter().filter_map(of_row).collect();
    let missing: Vec<_> = asked.iter().filter(|id| !present.contains(id)).map(String::as_str).collect();
    let seen = if missing.is_empty() {
        format!("{} of {} rows", present.len(), asked.len())
    } else {
        format!("no row for {}", excerpt(&missing.join(", ")))
    };
    checks.that(Rule::Info, missing.is_empty(), expected, seen);
    let encryption = encrypt_type(checks, subject.object);
    for (index, row) in rows.iter().enumerate() {
        let place = format!("info[{index}].");
        let Value::Object(object) = row else {
            checks.fail(Rule::Info, &format!("{place}: an object"), kind(row));
            continue;
        };
        checks.text(Rule::InstanceId, &Field { object, place: &place, name: "instanceId", limit: 64, required: true });
        app_info(checks, subject, object.get("appInfo"), &place, encryption);
        match object.get("usageInfo") {
            None | Some(Value::Null) => {}
            Some(Value::Array(rows)) => {
                for (index, row) in rows.iter().enumerate() {
                    usage(checks, row, &format!("{place}usageInfo[{index}]."));
                }
            }
            Some(other) => checks.fail(Rule::UsageInfo, &format!("{place}usageInfo: an array"), kind(other)),
        }
    }
}

fn usage(checks: &mut Checks, row: &Value, place: &str) {
    let Value::Object(object) = row else {
        checks.fail(Rule::UsageInfo, &format!("{place}: an object"), kind(row));
        return;
    };
    let field = |name, limit, required| Field { object, place, name, limit, required };
    checks.text(Rule::UsageInfo, &field("relatedInstanceId", 64, false));
    checks.text(Rule::UsageInfo, &field("dashboardUrl", 512, false));
    let expected = format!("{place}usageValue: a number of at most 8 digits and 4 decimals");
    let value = match object.get("usageValue") {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        other => other.map_or("nothing", kind).to_owned(),
    };
    checks.that(Rule::UsageInfo, is_double_12_4(&value), &expected, excerpt(&value));
    let expected = format!("{place}statisticalTime: 17 digits, yyyyMMddHHmmssSSS in UTC");
    let time = object.get("statisticalTime").and_then(Value::as_str).unwrap_or_default();
    let holds = time.len() == 17 && time.bytes().all(|byte| byte.is_ascii_digit());
    checks.that(Rule::UsageInfo, holds, &expected, excerpt(time));
}

/// At most 12 digits, 4 of them after the point.
fn is_double_12_4(text: &str) -> bool {
    let digits = |part: &str, limit: usize| part.len() <= limit && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    !whole.is_empty() && !decimals.is_empty() && digits(whole, 8) && digits(decimals, 4)
}
