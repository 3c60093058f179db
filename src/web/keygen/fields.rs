//! Reads what was sent, and says by JSON pointer (RFC 6901) what of it cannot be read.

use serde_json::{Map, Value};

use super::error::Fault;

/// A body.
#[derive(Debug)]
pub struct Fields(Value);

impl Fields {
    /// Takes a body over; an empty one says nothing.
    ///
    /// # Errors
    /// 400.
    pub fn read(body: &[u8]) -> Result<Self, Fault> {
        if body.is_empty() {
            return Ok(Self(Value::Null));
        }
        let Ok(text) = std::str::from_utf8(body) else {
            return Err(Fault::bad("ENCODING_INVALID", "The body is not UTF-8: send it as UTF-8."));
        };
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(_) => Err(Fault::pointer("", "The body must be a JSON object.")),
            Err(error) => Err(Fault::bad("JSON_INVALID", format!("The body is not JSON: {error}."))),
        }
    }

    /// What is there; `None` also for null.
    pub fn value(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer).filter(|it| !it.is_null())
    }

    /// Whether anything is there, null included.
    pub fn has(&self, pointer: &str) -> bool {
        self.0.pointer(pointer).is_some()
    }

    /// A text of 1 to `most` characters.
    ///
    /// # Errors
    /// 400.
    pub fn text(&self, pointer: &str, most: usize) -> Result<Option<String>, Fault> {
        self.value(pointer).map(|value| text(value, pointer, most)).transpose()
    }

    /// A list of at most `count` texts; null is an empty one.
    ///
    /// # Errors
    /// 400.
    pub fn texts(&self, pointer: &str, count: usize, most: usize) -> Result<Option<Vec<String>>, Fault> {
        match self.0.pointer(pointer) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Vec::new())),
            Some(Value::Array(items)) if items.len() <= count => {
                let each =
                    items.iter().enumerate().map(|(index, item)| text(item, &format!("{pointer}/{index}"), most));
                each.collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(Fault::pointer(pointer, format!("must be a list of at most {count} texts"))),
        }
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// 400.
    pub fn number(&self, pointer: &str) -> Result<Option<i64>, Fault> {
        let whole = |value: &Value| value.as_i64().filter(|it| *it >= 0);
        let wrong = || Fault::pointer(pointer, "must be a whole number that is not negative");
        self.value(pointer).map(|value| whole(value).ok_or_else(wrong)).transpose()
    }

    /// An object of at most `keys` members and `bytes` bytes as JSON.
    ///
    /// # Errors
    /// 400.
    pub fn object(&self, pointer: &str, keys: usize, bytes: usize) -> Result<Option<Map<String, Value>>, Fault> {
        let Some(value) = self.value(pointer) else { return Ok(None) };
        match value {
            Value::Object(map) if map.len() <= keys && value.to_string().len() <= bytes => Ok(Some(map.clone())),
            _ => Err(Fault::pointer(
                pointer,
                format!("must be an object of at most {keys} members that has at most {bytes} bytes as JSON"),
            )),
        }
    }
}

fn text(value: &Value, pointer: &str, most: usize) -> Result<String, Fault> {
    match value {
        // Neither database keeps a text with a NUL.
        Value::String(text) if (1..=most).contains(&text.chars().count()) && !text.contains('\0') => Ok(text.clone()),
        _ => Err(Fault::pointer(pointer, format!("must be a text of 1 to {most} characters"))),
    }
}
