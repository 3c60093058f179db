//! The friendly spellings: terms, quantities, names in two languages, places of secrets.

use std::ops::RangeInclusive;

use crate::{
    base::{slug::Slug, text::Localized},
    catalog::{PlanName, SecretRef},
    license::plan::{QuantityRule, QuantityTarget, Term},
};

use super::{
    problem::Report,
    reader::{Entry, Placed, nearest},
};

/// Characters of a product's or plan's name.
const NAME_CHARS: usize = 100;
/// Characters of an id the marketplace gives.
const ID_CHARS: usize = 64;
/// Years that a term may last; months and days accordingly.
const TERM_YEARS: u16 = 100;

pub(super) fn slug(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Placed<Slug>> {
    match entry.string(report)?.parse::<Slug>() {
        Ok(slug) => Some(entry.place(slug)),
        Err(error) => {
            entry.refuse(error.to_string(), report);
            None
        }
    }
}

/// `{ zh = "…", en = "…" }`
pub(super) fn localized(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Localized> {
    let mut section = entry.section(report)?;
    let why = "customers read names in Chinese and in English";
    let zh = section.need("zh", why, report).and_then(|entry| entry.line(NAME_CHARS, report));
    let en = section.need("en", why, report).and_then(|entry| entry.line(NAME_CHARS, report));
    section.finish(report);
    Some(Localized { zh: zh?, en: en? })
}

/// `"1 year"`, `"6 months"`, `"30 days"`, `"perpetual"`
pub(super) fn term(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Term> {
    let text = entry.string(report)?;
    let mut words = text.split_whitespace();
    let term = match (words.next(), words.next(), words.next()) {
        (Some("perpetual"), None, None) => Some(Term::Perpetual),
        (Some(number), Some(unit), None) => number.parse().ok().and_then(|number| counted(number, unit)),
        _ => None,
    };
    if term.is_none() {
        let forms = "\"1 year\", \"6 months\", \"30 days\" or \"perpetual\"";
        entry.refuse(format!("`{text}` is no term: write {forms}, at most {TERM_YEARS} years"), report);
    }
    term
}

fn counted(number: u16, unit: &str) -> Option<Term> {
    let (term, most): (fn(u16) -> Term, u16) = match unit {
        "day" | "days" => (Term::Days, TERM_YEARS * 365),
        "month" | "months" => (Term::Months, TERM_YEARS * 12),
        "year" | "years" => (Term::Years, TERM_YEARS),
        _ => return None,
    };
    (1..=most).contains(&number).then(|| term(number))
}

/// `"ignore"`, `{ multiply = "machines" }`, `{ set = "feature:seats" }`
pub(super) fn quantity(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<QuantityRule> {
    if entry.value().as_str() == Some("ignore") {
        return Some(QuantityRule::Ignore);
    }
    if !entry.value().is_table() {
        entry.refuse(
            "must be \"ignore\", { multiply = \"machines\" } or { set = \"feature:seats\" } with a feature of the plan",
            report,
        );
        return None;
    }
    let mut section = entry.section(report)?;
    let set = section.get("set");
    let multiply = section.get("multiply");
    section.finish(report);
    match (set, multiply) {
        (Some(set), None) => target(&set, report).map(QuantityRule::Set),
        (None, Some(multiply)) => target(&multiply, report).map(QuantityRule::Multiply),
        _ => {
            entry.refuse("must hold either `set` or `multiply`", report);
            None
        }
    }
}

fn target(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<QuantityTarget> {
    let text = entry.string(report)?;
    if text == "machines" {
        return Some(QuantityTarget::Machines);
    }
    let feature = text.strip_prefix("feature:").filter(|name| !name.is_empty());
    if feature.is_none() {
        entry.refuse(
            format!("`{text}` is nothing a quantity acts on: write \"machines\" or \"feature:\" and its name"),
            report,
        );
    }
    feature.map(|name| QuantityTarget::Feature(name.to_owned()))
}

/// `product/plan`
pub(super) fn plan_name(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Placed<PlanName>> {
    let text = entry.string(report)?;
    let named = text
        .split_once('/')
        .and_then(|(product, plan)| Some(PlanName { product: product.parse().ok()?, plan: plan.parse().ok()? }));
    if named.is_none() {
        entry.refuse(format!("`{text}` names no plan: write \"product/plan\" with the slugs of both"), report);
    }
    named.map(|name| entry.place(name))
}

/// `{ env = "NAME" }` or `{ file = "path" }`. What stands there is never repeated in a problem: it may be the secret.
pub(super) fn secret_ref(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<SecretRef> {
    let forms = "{ env = \"NAME\" } or { file = \"path\" }";
    if entry.value().is_str() {
        entry.refuse(
            format!(
                "must not hold the key itself, because the catalog is stored, compared and shown: \
                 put the key into a variable or file and write {forms}"
            ),
            report,
        );
        return None;
    }
    let mut section = entry.section(report)?;
    let (env, file) = (section.get("env"), section.get("file"));
    section.finish(report);
    match (env, file) {
        (Some(env), None) => variable(&env, report).map(SecretRef::Env),
        (None, Some(file)) => file.line(512, report).map(SecretRef::File),
        _ => {
            entry.refuse(format!("must say where the key is, in one place: {forms}"), report);
            None
        }
    }
}

fn variable(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<String> {
    let name = entry.line(128, report)?;
    let inner = |char: char| char.is_ascii_alphanumeric() || char == '_';
    if name.chars().all(inner) && !name.starts_with(|char: char| char.is_ascii_digit()) {
        return Some(name);
    }
    entry.refuse("is no name of an environment variable: use A-Z, 0-9 and _, such as \"ATLAS_ACCESS_KEY\"", report);
    None
}

/// A list of ids that the marketplace gave: 1 to 64 characters each, without spaces.
pub(super) fn ids(entry: &Entry<'_>, report: &mut Report<'_>) -> Vec<Placed<String>> {
    let mut ids = Vec::new();
    for item in entry.items(report) {
        match item.line(ID_CHARS, report) {
            Some(id) if id.contains(char::is_whitespace) => item.refuse("is no id: it contains a space", report),
            Some(id) => ids.push(item.place(id)),
            None => {}
        }
    }
    ids
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(entry: &Entry<'_>, words: &[(&str, T)], report: &mut Report<'_>) -> Option<T> {
    let text = entry.string(report)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = nearest(text, &names).map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default();
        entry.refuse(format!("`{text}` is none of {}{hint}", names.join(", ")), report);
    }
    found
}

/// `{ first = 1, second = 2 }`, each key optional with its own default and bounds.
pub(super) fn numbers<const N: usize>(
    entry: &Entry<'_>,
    keys: [(&'static str, u16, RangeInclusive<u16>); N],
    report: &mut Report<'_>,
) -> Option<[u16; N]> {
    let mut section = entry.section(report)?;
    let values = keys.map(|(key, default, range)| match section.get(key) {
        Some(entry) => entry.small(range, report).unwrap_or(default),
        None => default,
    });
    section.finish(report);
    Some(values)
}
