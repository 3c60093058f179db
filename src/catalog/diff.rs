//! What would change: two catalogs compared field by field, products, plans and channels matched by their slugs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use serde_json::Value;

use super::Catalog;

/// The differences between two catalogs. Holds references to secrets at most, never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// One entry a field, in the order of the paths.
    pub changes: Vec<FieldChange>,
    /// What a change means for licenses and calls, where that could surprise.
    pub warnings: Vec<Warning>,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Where: `product atlas › plan pro › machines`.
    pub path: String,
    /// The value before; `None`: it was not there.
    pub from: Option<String>,
    /// The value after; `None`: it is gone.
    pub to: Option<String>,
}

/// What a change means, where that could surprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is about: `product atlas › plan pro`.
    pub path: String,
    /// What follows from the change.
    pub message: String,
}

impl Diff {
    /// Whether nothing differs: true exactly when the two catalogs are equal.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One line a change: `+ path = value`, `- path = value`, `~ path: before → after`; then one a warning: `! path …`.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "no changes");
        }
        for FieldChange { path, from, to } in &self.changes {
            match (from, to) {
                (Some(from), Some(to)) => writeln!(f, "~ {path}: {from} → {to}")?,
                (Some(from), None) => writeln!(f, "- {path} = {from}")?,
                (None, Some(to)) => writeln!(f, "+ {path} = {to}")?,
                (None, None) => {}
            }
        }
        for Warning { path, message } in &self.warnings {
            writeln!(f, "! {path} {message}")?;
        }
        Ok(())
    }
}

/// What turns `old` (`None`: nothing yet) into `new`.
pub fn diff(old: Option<&Catalog>, new: &Catalog) -> Diff {
    let before = old.map(Fields::of).unwrap_or_default();
    let after = Fields::of(new);
    let mut changes: Vec<FieldChange> = before
        .values
        .keys()
        .chain(after.values.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|path| change(path, before.values.get(path), after.values.get(path)))
        .collect();
    changes.extend(before.orders.iter().filter_map(|(path, slugs)| reordered(path, slugs, after.orders.get(path)?)));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Diff { changes, warnings: old.map(|old| warnings(old, new)).unwrap_or_default() }
}

fn change(path: &str, from: Option<&Field>, to: Option<&Field>) -> Option<FieldChange> {
    if from.map(|field| &field.value) == to.map(|field| &field.value) {
        return None;
    }
    let shown = |field: Option<&Field>| field.map(|field| field.shown.clone());
    Some(FieldChange { path: path.to_owned(), from: shown(from), to: shown(to) })
}

/// The order of what is in both lists. It counts: the first plan answers debug calls unless the channel names one.
fn reordered(path: &str, before: &[String], after: &[String]) -> Option<FieldChange> {
    let common = |list: &[String], other: &[String]| {
        list.iter().filter(|slug| other.contains(slug)).cloned().collect::<Vec<_>>().join(", ")
    };
    let (from, to) = (common(before, after), common(after, before));
    (from != to).then(|| FieldChange { path: format!("{path} (order)"), from: Some(from), to: Some(to) })
}

/// A catalog as fields by their paths.
#[derive(Debug, Default)]
struct Fields {
    values: BTreeMap<String, Field>,
    /// The slugs of every list of named things, in order.
    orders: BTreeMap<String, Vec<String>>,
}

/// A field's value, and what may be shown of it.
#[derive(Debug)]
struct Field {
    value: Value,
    shown: String,
}

impl Fields {
    fn of(catalog: &Catalog) -> Self {
        let mut fields = Self::default();
        // A catalog is plain data with text keys: it always has a JSON form.
        if let Ok(Value::Object(parts)) = serde_json::to_value(catalog) {
            for (name, value) in &parts {
                fields.walk(name, name, value);
            }
        }
        fields
    }

    fn walk(&mut self, path: &str, name: &str, value: &Value) {
        let slug = |item: &Value| item.get("slug").and_then(Value::as_str).map(str::to_owned);
        match value {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(members) if members.is_empty() => {}
            Value::Array(items) if items.iter().all(|item| slug(item).is_some()) => {
                self.orders.insert(path.to_owned(), items.iter().filter_map(slug).collect());
                // One of them reads better in the singular: `plan pro`.
                let one = path.strip_suffix('s').unwrap_or(path);
                for item in items {
                    self.walk(&format!("{one} {}", slug(item).unwrap_or_default()), "", item);
                }
            }
            Value::Object(members) if spelled(name, value).is_none() => {
                for (name, member) in members {
                    self.walk(&format!("{path} › {name}"), name, member);
                }
            }
            leaf => {
                let shown = spelled(name, leaf).unwrap_or_else(|| leaf.to_string());
                self.values.insert(path.to_owned(), Field { value: leaf.clone(), shown });
            }
        }
    }
}

/// Values that are one thing to a reader, in the words of the catalog file.
fn spelled(name: &str, value: &Value) -> Option<String> {
    match name {
        "initial_password" => Some("(hidden)".to_owned()),
        "term" => {
            let Some((unit, number)) = value.as_object().and_then(|term| term.iter().next()) else {
                return Some(words(value));
            };
            let unit = if *number == 1 { unit.trim_end_matches('s') } else { unit };
            Some(format!("{number} {unit}"))
        }
        "quantity" | "access_key" | "secret_key" => Some(words(value)),
        "default_plan" | "debug_plan" => {
            let part = |key: &str| value.get(key).and_then(Value::as_str);
            Some(format!("{}/{}", part("product")?, part("plan")?))
        }
        _ => None,
    }
}

/// `multiply feature seats`, `file keys/atlas.key`
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| format!("{key} {}", words(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn warnings(old: &Catalog, new: &Catalog) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for product in &old.products {
        let path = format!("product {}", product.slug);
        let Some(kept) = new.products.iter().find(|it| it.slug == product.slug) else {
            let message = "is removed: its licenses keep what they grant and its codes still verify, but purchases \
                           of it are refused, and customers no longer see its name and your support contact";
            warnings.push(Warning { path, message: message.to_owned() });
            continue;
        };
        for plan in product.plans.iter().filter(|plan| !kept.plans.iter().any(|it| it.slug == plan.slug)) {
            let message = "is removed: its licenses keep what they grant, but purchases of it are refused, and \
                           renewals follow the default rules";
            warnings.push(Warning { path: format!("{path} › plan {}", plan.slug), message: message.to_owned() });
        }
    }
    for channel in old.channels.iter().filter(|channel| !new.channels.iter().any(|it| it.slug == channel.slug)) {
        let message = "is removed: every call of the marketplace to its address is refused from now on, so renewals \
                       and expiries of its licenses no longer arrive";
        warnings.push(Warning { path: format!("channel {}", channel.slug), message: message.to_owned() });
    }
    warnings.extend(moved_ids(old, new));
    warnings
}

/// Marketplace ids that a plan gave up: to another plan, or to none although the plan is still there.
fn moved_ids(old: &Catalog, new: &Catalog) -> Vec<Warning> {
    let (before, after, plans) = (sold_ids(old), sold_ids(new), plan_paths(new));
    let moved = before.iter().filter_map(|(id, path)| {
        let message = match after.get(id) {
            Some(now) if now == path => return None,
            Some(now) => format!("gives {id} to {now}: renewals that name it move licenses there"),
            None if plans.contains(path) => format!("no longer sells {id}: purchases that name it are refused"),
            None => return None,
        };
        Some(Warning { path: path.clone(), message })
    });
    moved.collect()
}

fn sold_ids(catalog: &Catalog) -> BTreeMap<String, String> {
    let mut sold = BTreeMap::new();
    for product in &catalog.products {
        for plan in &product.plans {
            let path = format!("product {} › plan {}", product.slug, plan.slug);
            sold.extend(plan.product_ids.iter().map(|id| (format!("product id {id}"), path.clone())));
            sold.extend(plan.sku_codes.iter().map(|code| (format!("sku code {code}"), path.clone())));
        }
    }
    sold
}

fn plan_paths(catalog: &Catalog) -> BTreeSet<String> {
    let plans = catalog.products.iter().flat_map(|product| product.plans.iter().map(move |plan| (product, plan)));
    plans.map(|(product, plan)| format!("product {} › plan {}", product.slug, plan.slug)).collect()
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
