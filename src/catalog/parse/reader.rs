//! Reads TOML tables key by key: types, bounds, missing and unknown keys are told with their place.

use std::ops::RangeInclusive;

use similar::get_close_matches;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Report, Span};

/// How alike two names must be (0 to 1) before one is suggested for the other.
const ALIKE: f32 = 0.6;
/// How far apart the lengths of two names may be, in bytes, before they are not compared.
const LENGTHS_APART: usize = 8;
/// How many names are compared for one suggestion.
const COMPARED: usize = 64;

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) at: usize,
    pub(super) path: String,
}

/// One table. Whoever reads it asks for every key it may have, then calls [`Section::finish`].
#[derive(Debug)]
pub(super) struct Section<'t> {
    table: &'t DeTable<'t>,
    /// Where the table begins.
    pub(super) at: usize,
    /// How problems name it.
    pub(super) path: String,
    known: Vec<&'static str>,
}

/// One value of a table or list.
#[derive(Debug, Clone)]
pub(super) struct Entry<'t> {
    value: &'t DeValue<'t>,
    /// Where the value begins.
    pub(super) at: usize,
    /// How problems name it.
    pub(super) path: String,
}

impl<'t> Section<'t> {
    pub(super) fn new(table: &'t DeTable<'t>, span: &Span, path: String) -> Self {
        Self { table, at: span.start, path, known: Vec::new() }
    }

    /// The value of `key`, when the table has it.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Entry<'t>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key).map(|value| Entry::new(value, self.path_of(key)))
    }

    /// The value of `key`; its absence is a problem, told with `why` it is needed.
    pub(super) fn need(&mut self, key: &'static str, why: &str, report: &mut Report<'_>) -> Option<Entry<'t>> {
        let entry = self.get(key);
        if entry.is_none() {
            report.add(self.at, &self.path_of(key), format!("is missing: {why}"));
        }
        entry
    }

    /// Every key with its value, for tables whose keys the merchant chooses.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'t str, Entry<'t>)> {
        self.table.iter().map(|(key, value)| {
            let mut entry = Entry::new(value, self.path_of(key.get_ref()));
            entry.at = key.span().start;
            (key.get_ref().as_ref(), entry)
        })
    }

    /// Tells the keys nobody asked for.
    pub(super) fn finish(self, report: &mut Report<'_>) {
        for key in self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let known = self.known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let hint = match nearest(key.get_ref(), &self.known) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("possible here: {known}"),
            };
            report.add(key.span().start, &self.path_of(key.get_ref()), format!("is no key of this table; {hint}"));
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{} › {key}", self.path) }
    }
}

impl<'t> Entry<'t> {
    fn new(value: &'t Spanned<DeValue<'t>>, path: String) -> Self {
        Self { value: value.get_ref(), at: value.span().start, path }
    }

    /// Notes what is wrong with this value.
    pub(super) fn refuse(&self, message: impl Into<String>, report: &mut Report<'_>) {
        report.add(self.at, &self.path, message);
    }

    /// What stands there, as the file spells it.
    pub(super) fn value(&self) -> &'t DeValue<'t> {
        self.value
    }

    /// Whether a list without anything in it stands there.
    pub(super) fn is_empty_list(&self) -> bool {
        self.value.as_array().is_some_and(|items| items.is_empty())
    }

    pub(super) fn place<T>(&self, value: T) -> Placed<T> {
        Placed { value, at: self.at, path: self.path.clone() }
    }

    /// Any text.
    pub(super) fn string(&self, report: &mut Report<'_>) -> Option<&'t str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("a text in quotes", report);
        }
        text
    }

    /// One line of 1 to `max` characters that is not blank.
    pub(super) fn line(&self, max: usize, report: &mut Report<'_>) -> Option<String> {
        let text = self.string(report)?;
        if text.contains(char::is_control) {
            self.refuse("must be one line without control characters", report);
            return None;
        }
        self.bounded(text, max, report)
    }

    /// Lines of 1 to `max` characters together that are not blank. Line ends become `\n`, the last ones are dropped:
    /// an editor on Windows writes `\r\n`, and the closing `"""` usually stands on a line of its own.
    pub(super) fn lines(&self, max: usize, report: &mut Report<'_>) -> Option<String> {
        let unix = self.string(report)?.replace("\r\n", "\n");
        let text = match unix.trim_end_matches('\n') {
            "" => unix.as_str(),
            text => text,
        };
        if text.contains(|char: char| char.is_control() && char != '\n') {
            self.refuse("must not contain control characters other than line ends", report);
            return None;
        }
        self.bounded(text, max, report)
    }

    fn bounded(&self, text: &str, max: usize, report: &mut Report<'_>) -> Option<String> {
        let chars = text.chars().count();
        if text.trim().is_empty() {
            self.refuse("is empty: write a text, or leave the key out where it may be left out", report);
        } else if text.trim() != text {
            self.refuse("begins or ends with a space: remove it", report);
        } else if chars > max {
            self.refuse(format!("has {chars} characters, at most {max} fit: shorten it"), report);
        } else {
            return Some(text.to_owned());
        }
        None
    }

    /// A web address of at most 512 characters, what the marketplace takes.
    pub(super) fn web_address(&self, report: &mut Report<'_>) -> Option<String> {
        let text = self.line(512, report)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let fits = rest.is_some_and(|rest| {
            !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']) && !rest.contains([' ', '"', '<', '>', '\\'])
        });
        if fits {
            return Some(text);
        }
        self.refuse("is no web address: write it in full, such as \"https://example.com/guide\"", report);
        None
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, range: RangeInclusive<u32>, report: &mut Report<'_>) -> Option<u32> {
        let Some(integer) = self.value.as_integer() else {
            self.wrong_type("a whole number without quotes", report);
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let fits = number.and_then(|number| u32::try_from(number).ok()).filter(|number| range.contains(number));
        if fits.is_none() {
            self.refuse(format!("is {integer}, must lie from {} to {}", range.start(), range.end()), report);
        }
        fits
    }

    /// A whole number of days and the like within `0..=max` or `1..=max`.
    pub(super) fn small(&self, range: RangeInclusive<u16>, report: &mut Report<'_>) -> Option<u16> {
        let number = self.number(u32::from(*range.start())..=u32::from(*range.end()), report)?;
        u16::try_from(number).ok()
    }

    pub(super) fn flag(&self, report: &mut Report<'_>) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type("true or false without quotes", report);
        }
        flag
    }

    pub(super) fn section(&self, report: &mut Report<'_>) -> Option<Section<'t>> {
        let Some(table) = self.value.as_table() else {
            self.wrong_type("a table such as { … }", report);
            return None;
        };
        Some(Section { table, at: self.at, path: self.path.clone(), known: Vec::new() })
    }

    /// The items of a list.
    pub(super) fn items(&self, report: &mut Report<'_>) -> Vec<Entry<'t>> {
        let Some(items) = self.value.as_array() else {
            self.wrong_type("a list such as [\"…\"]", report);
            return Vec::new();
        };
        items.iter().map(|item| Entry::new(item, self.path.clone())).collect()
    }

    /// The tables of `[[key]]`, each named by its `slug` or, without one, its number.
    pub(super) fn sections(&self, parent: &str, noun: &str, report: &mut Report<'_>) -> Vec<Section<'t>> {
        let Some(items) = self.value.as_array() else {
            self.wrong_type(&format!("a list of tables: write [[{}]] with two brackets", header(parent, noun)), report);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let slug = item.get_ref().get("slug").and_then(|slug| slug.get_ref().as_str());
            let name = slug.filter(|slug| !slug.is_empty() && slug.chars().count() <= 40);
            let name = name.map_or_else(|| format!("#{}", index + 1), str::to_owned);
            let prefix = if parent.is_empty() { String::new() } else { format!("{parent} › ") };
            sections.extend(Entry::new(item, format!("{prefix}{noun} {name}")).section(report));
        }
        sections
    }

    pub(super) fn wrong_type(&self, wanted: &str, report: &mut Report<'_>) {
        let found = match self.value.type_str() {
            "string" => "a text",
            "integer" => "a whole number",
            "float" => "a fraction",
            "boolean" => "true or false",
            "datetime" => "a time",
            "array" => "a list",
            _ => "a table",
        };
        self.refuse(format!("is {found}, must be {wanted}"), report);
    }
}

/// How the header of a table inside `parent` is written.
fn header(parent: &str, noun: &str) -> String {
    let inside = parent.split(" › ").filter_map(|part| part.split(' ').next()).filter(|part| !part.is_empty());
    inside.chain([noun]).collect::<Vec<_>>().join(".")
}

/// The name among `names` that `word` was probably meant to be.
pub(super) fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    // Comparing is slow (quadratic in the lengths), and nobody misspells a name by this much.
    if word.len() > 80 {
        return None;
    }
    // A file may hold thousands of wrong names beside thousands of right ones: only the likeliest are compared.
    let likely = |name: &&&str| {
        let ends = name.chars().next() == word.chars().next() || name.chars().next_back() == word.chars().next_back();
        ends && name.len().abs_diff(word.len()) <= LENGTHS_APART
    };
    let names: Vec<&str> = names.iter().filter(likely).take(COMPARED).copied().collect();
    get_close_matches(word, &names, 1, ALIKE).first().copied()
}
