//! Reading one field: presence, length in characters, form. Every failure is a sentence that names the field, its rule
//! and what was seen.

use serde_json::Value;

use crate::{
    base::time::Time,
    marketplace::event::{OrderRef, PlanRef, Subject},
};

use super::{super::debug, super::redact, json::Object};

/// The sentence for `Rejected::reason`.
pub(super) type Checked<T> = Result<T, String>;

/// The longest `activity` (`M 32`).
const ACTIVITY_CHARS: usize = 32;
/// Every id of the marketplace but the customer's.
const ID_CHARS: usize = 64;
/// Characters of a value that a refusal shows.
const SHOWN_CHARS: usize = 40;

/// The fields of one call, from either transport.
#[derive(Debug)]
pub(super) struct Fields {
    pairs: Vec<(String, Field)>,
    /// A debug call: what cannot be read counts as absent, what is absent gets a published value.
    pub debug: bool,
    /// What was odd but did not hinder.
    pub notes: Vec<String>,
}

#[derive(Debug)]
enum Field {
    Text(String),
    /// A JSON array or object where a text or number belongs.
    Nested,
}

impl Fields {
    /// The decoded parameters of a V1 call.
    pub fn from_pairs(pairs: &[(String, String)]) -> Self {
        let pairs = pairs.iter().map(|(name, value)| (name.clone(), Field::Text(value.clone()))).collect();
        Self { pairs, debug: false, notes: Vec::new() }
    }

    /// The body of a V2 call. Numbers and booleans count as their text, `null` as absent.
    pub fn from_json(body: &[u8]) -> Checked<Self> {
        let field = |(name, value)| {
            let field = match value {
                Value::Null => return None,
                Value::String(text) => Field::Text(text),
                Value::Number(number) => Field::Text(number.to_string()),
                Value::Bool(flag) => Field::Text(flag.to_string()),
                Value::Array(_) | Value::Object(_) => Field::Nested,
            };
            Some((name, field))
        };
        let pairs = Object::read(body)?.0.into_iter().filter_map(field).collect();
        Ok(Self { pairs, debug: false, notes: Vec::new() })
    }

    /// `activity`.
    pub fn name(&self) -> Checked<String> {
        self.look("activity", ACTIVITY_CHARS)?.map(str::to_owned).ok_or_else(|| missing("activity"))
    }

    /// Learns from `testFlag` whether this is a debug call.
    pub fn read_test_flag(&mut self) -> Checked<()> {
        self.debug = self.look("testFlag", 2)? == Some("1");
        Ok(())
    }

    /// A text as people typed it, without control characters; `None` when absent or empty.
    pub fn text(&mut self, name: &str, max: usize) -> Checked<Option<String>> {
        let found = self.look(name, max).map(|found| found.map(clean).filter(|text| !text.is_empty()));
        self.lenient(found)
    }

    /// An id of 1 to `max` visible ASCII characters; `None` when absent or empty.
    pub fn id_up_to(&mut self, name: &str, max: usize) -> Checked<Option<String>> {
        let found = self.look(name, max).and_then(|found| found.map(|id| visible(name, id)).transpose());
        self.lenient(found)
    }

    /// An id of up to 64 characters; `None` when absent or empty.
    pub fn id(&mut self, name: &str) -> Checked<Option<String>> {
        self.id_up_to(name, ID_CHARS)
    }

    /// An id that must be there. A debug call without one is taken to mean the published debug id.
    pub fn required_id(&mut self, name: &str) -> Checked<String> {
        self.required_id_up_to(name, ID_CHARS)
    }

    /// As [`Self::required_id`], up to `max` characters.
    pub fn required_id_up_to(&mut self, name: &str, max: usize) -> Checked<String> {
        match self.id_up_to(name, max)? {
            Some(id) => Ok(id),
            None if self.debug => Ok(debug_default(name).to_owned()),
            None => Err(missing(name)),
        }
    }

    /// An instant; `None` when absent or empty.
    pub fn time(&mut self, name: &str) -> Checked<Option<Time>> {
        let found = self.look(name, 32).and_then(|found| found.map(|text| instant(name, text)).transpose());
        self.lenient(found)
    }

    /// An instant that must be there; `None` only in a debug call.
    pub fn required_time(&mut self, name: &str) -> Checked<Option<Time>> {
        match self.time(name)? {
            None if !self.debug => Err(missing(name)),
            found => Ok(found),
        }
    }

    /// A whole number from 0 to `max`; `None` when absent or empty.
    pub fn whole(&mut self, name: &str, max: u32) -> Checked<Option<u32>> {
        let read = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = if digits { text.parse().ok().filter(|number| *number <= max) } else { None };
            number
                .ok_or_else(|| format!("`{name}` is `{}`, expected a whole number from 0 to {max}", shown(name, text)))
        };
        let found = self.look(name, 20).and_then(|found| found.map(read).transpose());
        self.lenient(found)
    }

    /// One of several words, each with its meaning. `None` when absent or empty.
    pub fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Checked<Option<T>> {
        let read = |text: &str| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
            found.ok_or_else(|| {
                let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
                format!("`{name}` is `{}`, expected one of {known}", shown(name, text))
            })
        };
        let found = self.look(name, 64).and_then(|found| found.map(read).transpose());
        self.lenient(found)
    }

    /// A word that must be there; a debug call without a known one means the first.
    pub fn required_word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Checked<T> {
        match (self.word(name, words)?, words.first()) {
            (Some(meaning), _) => Ok(meaning),
            (None, Some((_, meaning))) if self.debug => Ok(*meaning),
            _ => Err(missing(name)),
        }
    }

    /// `orderId`, which must be there, and `orderLineId`, which may.
    pub fn order(&mut self) -> Checked<OrderRef> {
        Ok(OrderRef { order_id: self.required_id("orderId")?, line_id: self.id("orderLineId")? })
    }

    /// `orderId` and `orderLineId` of a call that is carried out without them too.
    pub fn optional_order(&mut self) -> Option<OrderRef> {
        let (order_id, line_id) = (self.id("orderId"), self.id("orderLineId"));
        let (order_id, line_id) = (self.aside(order_id), self.aside(line_id));
        order_id.map(|order_id| OrderRef { order_id, line_id })
    }

    /// `productId` and `skuCode`, where the call has them.
    pub fn plan(&mut self) -> Checked<PlanRef> {
        Ok(PlanRef { product_id: self.id("productId")?, sku_code: self.id("skuCode")? })
    }

    /// `instanceId`.
    pub fn instance(&mut self) -> Checked<Subject> {
        self.required_id("instanceId").map(Subject::Instance)
    }

    /// The field's text; `None` when absent or empty.
    pub fn look(&self, name: &str, max: usize) -> Checked<Option<&str>> {
        let mut found = self.pairs.iter().filter(|(known, _)| known == name).map(|(_, field)| field);
        let text = match (found.next(), found.next()) {
            (None, _) => return Ok(None),
            (Some(_), Some(_)) => return Err(format!("`{name}` stands in the call more than once")),
            (Some(Field::Nested), None) => return Err(format!("`{name}` is a list or an object, expected a text")),
            (Some(Field::Text(text)), None) => text,
        };
        let chars = text.chars().count();
        if chars > max {
            let seen = shown(name, text);
            return Err(format!("`{name}` has {chars} characters, at most {max} are allowed: `{seen}`"));
        }
        Ok(Some(text.as_str()).filter(|text| !text.is_empty()))
    }

    /// A side field of a call that may come only once: what cannot be read is noted and counts as absent, because the
    /// call's purpose does not hang on it.
    pub fn aside<T>(&mut self, found: Checked<Option<T>>) -> Option<T> {
        found.unwrap_or_else(|reason| {
            self.notes.push(reason);
            None
        })
    }

    /// In a debug call, what cannot be read is noted and counts as absent.
    pub fn lenient<T>(&mut self, found: Checked<Option<T>>) -> Checked<Option<T>> {
        match found {
            Err(reason) if self.debug => {
                self.notes.push(reason);
                Ok(None)
            }
            found => found,
        }
    }
}

/// What a debug call means that leaves out an id it must have.
fn debug_default(name: &str) -> &'static str {
    match name {
        "orderId" => debug::DEBUG_ORDER_ID,
        "orderLineId" => "CS1906666666ABCDE-000001",
        "instanceId" => debug::DEBUG_INSTANCE_IDS[0],
        "productId" => debug::DEBUG_PRODUCT_ID,
        "license" => "PLDEBUG000000",
        _ => "debug",
    }
}

fn missing(name: &str) -> String {
    format!("`{name}` is missing or empty")
}

fn visible(name: &str, id: &str) -> Checked<String> {
    // `&` and `=` part the pairs that a V1 token is made over: in an id they can only be a moved boundary.
    if id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'&' | b'=')) {
        return Ok(id.to_owned());
    }
    Err(format!("`{name}` is `{}`, expected visible ASCII characters without spaces, & and =", shown(name, id)))
}

/// `yyyyMMddHHmmss`, the same with milliseconds, or `yyyy-MM-dd HH:mm:ss z`; always UTC.
fn instant(name: &str, text: &str) -> Checked<Time> {
    let compact = dashed(text).unwrap_or_else(|| text.to_owned());
    Time::parse_compact(&compact)
        .map_err(|_| format!("`{name}` is `{}`, expected yyyyMMddHHmmss in UTC", shown(name, text)))
}

/// The digits of `2023-10-27 10:30:15 z`.
fn dashed(text: &str) -> Option<String> {
    let bare = text.strip_suffix(['z', 'Z']).unwrap_or(text).trim_end();
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    let fits = bare.len() == 19 && marks.iter().all(|(at, mark)| bare.as_bytes()[*at] == *mark);
    fits.then(|| bare.chars().filter(|char| !matches!(char, '-' | ' ' | ':')).collect())
}

/// Without control characters and without the marks that turn the direction of what follows.
pub(in crate::marketplace::koogallery) fn clean(text: &str) -> String {
    let turning = |char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|char| !char.is_control() && !turning(*char)).collect::<String>().trim().to_owned()
}

/// What was seen, for a sentence: shortened, escaped, and masked where it is a code.
pub(super) fn shown(name: &str, value: &str) -> String {
    if redact::is_code(name) {
        return redact::mask_code(value);
    }
    let cut = value.chars().count() > SHOWN_CHARS;
    let escaped: String = value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if cut { escaped + "…" } else { escaped }
}
