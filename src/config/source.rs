//! The environment as a source of settings, and the forms in which each kind of setting may be written.

use std::{ffi::OsString, fmt};

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map},
};
use serde::{
    Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// What the names of Signet's variables begin with.
const PREFIX: &str = "SIGNET_";
/// The setting whose empty text is not its default.
const MAY_BE_EMPTY: &str = "metrics_listen";

/// The settings among the environment's variables, as the texts they are. figment's own reader guesses: it takes a
/// folder named `123` for a number and `[a]` for a list. Set but empty is how Compose passes on what is not set, and must not
/// undo what the file says.
pub(super) fn environment(names: &[&str], variables: impl IntoIterator<Item = (OsString, OsString)>) -> Texts {
    let setting = |variable: OsString| {
        let name = variable.to_str()?.strip_prefix(PREFIX)?.to_ascii_lowercase();
        names.contains(&name.as_str()).then_some(name)
    };
    let mut texts = Dict::new();
    for (variable, text) in variables {
        let Some(name) = setting(variable) else { continue };
        // Not repaired: with another character in it, a folder would be another folder.
        let Ok(text) = text.into_string() else { return Texts(Err(name)) };
        if !text.is_empty() || name == MAY_BE_EMPTY {
            texts.insert(name, text.into());
        }
    }
    Texts(Ok(texts))
}

/// What is wrong with a source, in one line, without the line of the file that a TOML parser shows with a gutter before it
/// (`3 | database_url = …`): it may hold the database's password.
pub(super) fn unquoted(error: &str) -> String {
    let shown =
        |line: &&str| line.trim_start_matches(|char: char| char == ' ' || char.is_ascii_digit()).starts_with('|');
    error.lines().filter(|line| !shown(line)).map(str::trim).collect::<Vec<_>>().join(": ")
}

/// Settings as texts, or the one whose text is not UTF-8.
#[derive(Debug)]
pub(super) struct Texts(Result<Dict, String>);

impl Provider for Texts {
    fn metadata(&self) -> Metadata {
        let variable = |_: &Profile, keys: &[&str]| format!("{PREFIX}{}", keys.join("_").to_ascii_uppercase());
        Metadata::named("the environment").interpolater(variable)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let not_utf8 = |name: String| format!("{PREFIX}{} is not UTF-8", name.to_ascii_uppercase());
        self.0.clone().map(|texts| Profile::Default.collect(texts)).map_err(|name| not_utf8(name).into())
    }
}

/// A list, or its entries in one text with commas between them.
pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(List)
}

/// A number, also one written as text.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let text = from.deserialize_any(Number)?;
    text.trim().parse().map_err(|_| D::Error::custom(format!("`{text}` is no whole number from 0 to 65535")))
}

/// `true` or `false`, also written as text.
pub(super) fn switch<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    from.deserialize_any(Switch)
}

struct Switch;

impl Visitor<'_> for Switch {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        value.trim().parse().map_err(|_| E::custom(format!("`{value}` is neither true nor false")))
    }
}

/// A number as the text it is written as: one that is too large is refused in the same words as one that is none.
struct Number;

impl Visitor<'_> for Number {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts, or one text with commas between the entries")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<String>, E> {
        let entries = value.split(',').map(|entry| entry.trim().to_owned());
        Ok(if value.trim().is_empty() { Vec::new() } else { entries.collect() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<String>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(list)
    }
}
