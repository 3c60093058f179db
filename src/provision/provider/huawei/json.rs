//! Reading answers: what is absent, `null` or an empty text is the same to this cloud.

use serde_json::Value;

/// The text at a path such as `/server/id`.
pub fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The same, owned; empty where there is none.
pub fn owned(value: &Value, path: &str) -> String {
    text(value, path).unwrap_or_default().to_owned()
}

/// The whole number at a path, whether it is written as a number or as a text.
pub fn number(value: &Value, path: &str) -> Option<i64> {
    match value.pointer(path)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The same as `u32`; nothing for negative ones.
pub fn small(value: &Value, path: &str) -> Option<u32> {
    number(value, path).and_then(|number| u32::try_from(number).ok())
}

/// About how many bytes of memory it takes.
pub fn weight(value: &Value) -> usize {
    let inside: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inside
}

/// The members of the list at a path.
pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
