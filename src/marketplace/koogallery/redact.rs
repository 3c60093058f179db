//! A call as the message log shows it: one field a line, readable, bounded, without anything that could be used.
//!
//! Hidden: tokens, signatures, nonces, passwords, e-mail addresses, telephone numbers. License codes keep their first
//! and last four characters. Bodies that cannot be read are described, not shown.

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::{limits, text::truncate};

use super::{inbound, query, signature::RawRequest};

/// Characters of one value that are shown.
const VALUE_CHARS: usize = 512;
/// Parts of field names (lower case) whose values are never shown.
const HIDDEN: [&str; 13] = [
    "token",
    "signature",
    "nonce",
    "password",
    "passwd",
    "pwd",
    "secret",
    "accesskey",
    "authorization",
    "mail",
    "phone",
    "mobile",
    "telephone",
];
/// Names (lower case) that hold a license code.
const CODES: [&str; 4] = ["license", "licensecode", "license_code", "licensekey"];

/// Renders a request for the message log, at most [`limits::MESSAGE_REQUEST_CHARS`] characters.
pub fn redact(request: &RawRequest<'_>) -> String {
    let mut text = String::new();
    match query::decode(request.query) {
        Ok(pairs) => pairs.iter().for_each(|(name, value)| line(&mut text, name, &Value::String(value.clone()))),
        Err(error) => {
            let _ = writeln!(text, "(query of {} bytes: {error})", request.query.len());
        }
    }
    if !request.body.is_empty() {
        match inbound::body_pairs(request.body) {
            Some(pairs) => pairs.iter().for_each(|(name, value)| line(&mut text, name, value)),
            None => {
                let _ = writeln!(text, "(body of {} bytes, not a JSON object)", request.body.len());
            }
        }
    }
    truncate(text.trim_end(), limits::MESSAGE_REQUEST_CHARS)
}

/// A license code of which only the ends are shown; short ones are hidden whole.
pub fn mask_code(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    if chars.len() < 12 {
        return format!("({} characters)", chars.len());
    }
    let ends: (String, String) = (chars[..4].iter().collect(), chars[chars.len() - 4..].iter().collect());
    escaped(&format!("{}…{}", ends.0, ends.1))
}

/// Whether a field of this name holds a license code.
pub fn is_code(name: &str) -> bool {
    CODES.contains(&name.to_lowercase().as_str())
}

fn is_hidden(name: &str) -> bool {
    let name = name.to_lowercase();
    HIDDEN.iter().any(|part| name.contains(part))
        || ["手机", "电话", "邮箱", "密码"].iter().any(|part| name.contains(part))
}

fn line(text: &mut String, name: &str, value: &Value) {
    let name_shown = escaped(&truncate(name, 64));
    let _ = writeln!(text, "{name_shown}: {}", shown(name, value));
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        _ if is_hidden(name) => "(hidden)".to_owned(),
        Value::Null => "null".to_owned(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) if is_code(name) => mask_code(text),
        Value::String(text) if name == "saasExtendParams" => extension(text),
        Value::String(text) => plain(name, text),
        Value::Number(number) => plain(name, &number.to_string()),
        Value::Bool(flag) => flag.to_string(),
        Value::Array(items) => {
            let items = items.iter().map(|item| shown(name, item)).collect::<Vec<_>>().join(", ");
            truncate(&format!("[{items}]"), VALUE_CHARS)
        }
        Value::Object(fields) => object(fields),
    }
}

fn object(fields: &serde_json::Map<String, Value>) -> String {
    // A pair of name and value is judged by the name it carries.
    if let (Some(Value::String(name)), Some(value)) = (fields.get("name"), fields.get("value")) {
        return format!("{} = {}", escaped(&truncate(name, 64)), shown(name, value));
    }
    let inner = fields.iter().map(|(name, value)| format!("{}: {}", escaped(&truncate(name, 64)), shown(name, value)));
    truncate(&format!("{{{}}}", inner.collect::<Vec<_>>().join(", ")), VALUE_CHARS)
}

fn extension(text: &str) -> String {
    match inbound::extension_json(text) {
        Some(value) => shown("", &value),
        None => format!("({} characters that are no base64 of JSON)", text.chars().count()),
    }
}

/// People type addresses and numbers into any field: what looks like one is hidden whatever the field is named.
fn plain(name: &str, text: &str) -> String {
    let mail = text
        .split(|char: char| char.is_whitespace() || ",;<>()".contains(char))
        .any(|word| word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.')));
    if mail {
        return "(hidden: looks like an e-mail address)".to_owned();
    }
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let phone = (7..=15).contains(&digits) && text.chars().all(|char| char.is_ascii_digit() || "+- ()".contains(char));
    if phone && matches!(name, "customerName" | "userName") {
        return "(hidden: looks like a telephone number)".to_owned();
    }
    escaped(&truncate(text, VALUE_CHARS))
}

/// One line stays one line, and nothing turns the text around it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control()
            || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
