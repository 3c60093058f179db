//! `saasExtendParams`: what the buyer typed into the fields the merchant defined. This is where a machine code arrives,
//! and the one place where anybody's text enters: it is data, never code, and never long.

use data_encoding::BASE64_NOPAD;
use serde_json::Value;

use crate::base::{limits, text::truncate};

use super::fields::{Fields, clean};

/// Characters of a parameter's name that are kept.
const NAME_CHARS: usize = 64;
/// Characters of the whole field: three entries with long values, in base64.
const FIELD_CHARS: usize = 16 * 1024;

/// Names and values of the extension parameters. Whatever cannot be read is left out and noted: an order that is paid
/// is not lost over it.
pub(super) fn read(fields: &mut Fields) -> Vec<(String, String)> {
    let found = fields.look("saasExtendParams", FIELD_CHARS).map(|found| found.map(entries));
    match found {
        Ok(None) => Vec::new(),
        Ok(Some(Ok((list, notes)))) => {
            fields.notes.extend(notes);
            list
        }
        Ok(Some(Err(reason))) | Err(reason) => {
            fields.notes.push(format!("the buyer's extension parameters were dropped: {reason}"));
            Vec::new()
        }
    }
}

/// The JSON inside the base64: standard or URL alphabet, padded or not, `+` read as a space on the way.
pub(super) fn decode(text: &str) -> Result<Value, String> {
    // A URL-safe `-` is `+` in the standard alphabet; a space is a `+` that was not escaped.
    let plain: String = text
        .trim_end_matches('=')
        .chars()
        .filter(|char| !matches!(char, '\r' | '\n'))
        .map(|char| match char {
            '-' | ' ' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let bytes = BASE64_NOPAD.decode(plain.as_bytes()).map_err(|_| "`saasExtendParams` is not base64".to_owned())?;
    serde_json::from_slice(&bytes).map_err(|_| "`saasExtendParams` is not base64 of JSON".to_owned())
}

type Entries = (Vec<(String, String)>, Vec<String>);

fn entries(text: &str) -> Result<Entries, String> {
    let Value::Array(items) = decode(text)? else {
        return Err("`saasExtendParams` is not a list of name and value".to_owned());
    };
    let mut notes = Vec::new();
    if items.len() > limits::EXTENSION_PARAMETERS {
        notes.push(format!(
            "`saasExtendParams` has {} entries, the first {} were taken",
            items.len(),
            limits::EXTENSION_PARAMETERS
        ));
    }
    let mut list = Vec::new();
    for item in items.iter().take(limits::EXTENSION_PARAMETERS) {
        match entry(item) {
            Some(pair) => list.push(pair),
            None => notes.push("an entry of `saasExtendParams` has no readable name and value".to_owned()),
        }
    }
    Ok((list, notes))
}

fn entry(item: &Value) -> Option<(String, String)> {
    let name = truncate(&clean(item.get("name")?.as_str()?), NAME_CHARS);
    let value = match item.get("value")? {
        Value::String(text) => clean(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => return None,
    };
    // Cut without an ellipsis: the value is compared, not shown.
    let value = value.chars().take(limits::EXTENSION_VALUE_CHARS).collect();
    (!name.is_empty()).then_some((name, value))
}
