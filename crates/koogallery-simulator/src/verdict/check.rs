//! Collects results, and checks a text field's presence and length.

use serde_json::{Map, Value};

use super::rule::{Outcome, Rule, RuleResult};

/// Characters of a foreign text that a report shows.
const EXCERPT: usize = 96;

#[derive(Debug, Default)]
pub(super) struct Checks(Vec<RuleResult>);

impl Checks {
    pub(super) fn done(self) -> Vec<RuleResult> {
        self.0
    }

    pub(super) fn pass(&mut self, rule: Rule, expected: &str, seen: impl Into<String>) {
        self.push(rule, Outcome::Pass, expected, seen.into(), "");
    }

    pub(super) fn note(&mut self, rule: Rule, expected: &str, seen: impl Into<String>, advice: &str) {
        self.push(rule, Outcome::Note, expected, seen.into(), advice);
    }

    pub(super) fn fail(&mut self, rule: Rule, expected: &str, seen: impl Into<String>) {
        self.push(rule, Outcome::Fail, expected, seen.into(), rule.advice());
    }

    /// Passes or fails; returns which.
    pub(super) fn that(&mut self, rule: Rule, holds: bool, expected: &str, seen: impl Into<String>) -> bool {
        if holds {
            self.pass(rule, expected, seen);
        } else {
            self.fail(rule, expected, seen);
        }
        holds
    }

    fn push(&mut self, rule: Rule, outcome: Outcome, expected: &str, seen: String, advice: &str) {
        self.0.push(RuleResult { rule, outcome, expected: expected.to_owned(), seen, advice: advice.to_owned() });
    }

    /// Checks that `name` is a string of 1 to `limit` characters, or absent where it may be. Answers the string when it
    /// holds. Only its length is told, since it may be secret.
    pub(super) fn text<'a>(&mut self, rule: Rule, field: &Field<'a>) -> Option<&'a str> {
        let Field { object, place, name, limit, required } = *field;
        let expected = format!("{place}{name}: a string of 1 to {limit} characters{}", optional(required));
        match object.get(name) {
            None | Some(Value::Null) if required => self.fail(rule, &expected, "nothing"),
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.is_empty() && !required => {}
            Some(Value::String(text)) => {
                let count = text.chars().count();
                let holds = (1..=limit).contains(&count);
                if self.that(rule, holds, &expected, counted(count)) {
                    return Some(text);
                }
            }
            Some(other) => self.fail(rule, &expected, kind(other)),
        }
        None
    }
}

/// A text field to check: where it stands, how long it may be.
pub(super) struct Field<'a> {
    pub(super) object: &'a Map<String, Value>,
    pub(super) place: &'a str,
    pub(super) name: &'static str,
    pub(super) limit: usize,
    pub(super) required: bool,
}

fn optional(required: bool) -> &'static str {
    if required { "" } else { ", or absent" }
}

pub(super) fn counted(count: usize) -> String {
    format!("{count} character{}", if count == 1 { "" } else { "s" })
}

/// What kind of JSON value stands where another was expected.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A foreign text made safe to print: escaped and cut.
pub(super) fn excerpt(text: &str) -> String {
    let mut out: String = text.chars().take(EXCERPT).flat_map(char_safe).collect();
    if text.chars().nth(EXCERPT).is_some() {
        out.push('…');
    }
    out
}

fn char_safe(c: char) -> impl Iterator<Item = char> {
    let escaped: String = if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    escaped.chars().collect::<Vec<_>>().into_iter()
}
