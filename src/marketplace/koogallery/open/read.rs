//! Reading one value of an answer. Numbers count as their text: the documents' samples differ.

use serde_json::Value;

use crate::{base::time::Time, license::plan::Term};

/// The text or number called `name`; `None` when it is absent or empty.
pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    let text = match value.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The first of `names` that is there.
pub(super) fn any(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(value, name))
}

/// The objects of the list called `name`; none when it is absent.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `yyyyMMddHHmmss`, in UTC.
pub(super) fn time(value: &Value, name: &str) -> Option<Time> {
    Time::parse_compact(&text(value, name)?).ok()
}

/// `periodType` × `periodNumber`; hours and unknown types count as not told.
pub(super) fn period(value: &Value) -> Option<Term> {
    let number: u16 = text(value, "periodNumber")?.parse().ok().filter(|number| *number > 0)?;
    match text(value, "periodType")?.to_ascii_lowercase().as_str() {
        "year" => Some(Term::Years(number)),
        "month" => Some(Term::Months(number)),
        "day" => Some(Term::Days(number)),
        _ => None,
    }
}
