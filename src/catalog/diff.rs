//! What would change: two catalogs compared field by field, products, plans and channels matched by their slugs.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;

use super::Catalog;

/// The differences between two catalogs. Holds references to secrets at most, never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// One entry a field, in the order of the paths.
    pub changes: Vec<FieldChange>,
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

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One line a change: `+ path = value`, `- path = value`, `~ path: before → after`.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "no changes");
        }
        for change in &self.changes {
            let path = &change.path;
            match (&change.from, &change.to) {
                (None, Some(to)) => writeln!(f, "+ {path} = {to}")?,
                (Some(from), None) => writeln!(f, "- {path} = {from}")?,
                (from, to) => {
                    let text = |side: &Option<String>| side.clone().unwrap_or_default();
                    writeln!(f, "~ {path}: {} → {}", text(from), text(to))?;
                }
            }
        }
        Ok(())
    }
}

/// What turns `old` (`None`: nothing yet) into `new`.
pub fn diff(old: Option<&Catalog>, new: &Catalog) -> Diff {
    let before = old.map(fields).unwrap_or_default();
    let after = fields(new);
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let changes = paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).map(|path| FieldChange {
        path: path.clone(),
        from: before.get(path).cloned(),
        to: after.get(path).cloned(),
    });
    Diff { changes: changes.collect() }
}

/// Every field of a catalog by its path. Initial passwords of a delivery are masked.
fn fields(catalog: &Catalog) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // A catalog is plain data with text keys: it always has a JSON form.
    if let Ok(Value::Object(parts)) = serde_json::to_value(catalog) {
        for (name, value) in &parts {
            walk(name.strip_suffix('s').unwrap_or(name), value, &mut found);
        }
    }
    found
}

fn walk(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) if items.iter().any(|item| item.get("slug").is_some()) => {
            for item in items {
                let slug = item.get("slug").and_then(Value::as_str).unwrap_or_default();
                walk(&format!("{path} {slug}"), item, found);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members.iter().filter(|(_, member)| !member.is_null()) {
                // Arrays of named things read better in the singular: `plan pro`, not `plans pro`.
                let name = if member.is_array() && name == "plans" { "plan" } else { name };
                walk(&format!("{path} › {name}"), member, found);
            }
        }
        Value::String(_) if path.ends_with("initial_password") => {
            found.insert(path.to_owned(), "(hidden)".to_owned());
        }
        other => {
            found.insert(path.to_owned(), other.to_string());
        }
    }
}
