use super::*;
use crate::catalog::parse;

const ISSUER: &str = "https://licenses.example.com";
const SAMPLE: &str = include_str!("../../deploy/sample-catalog.toml");

fn sample() -> Catalog {
    parse(SAMPLE, "sample-catalog.toml", ISSUER).unwrap()
}

/// The sample with some of its text replaced.
fn edited(edits: &[(&str, &str)]) -> Catalog {
    let mut text = SAMPLE.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    parse(&text, "sample-catalog.toml", ISSUER).unwrap_or_else(|problems| panic!("{problems}"))
}

fn lines(old: &Catalog, new: &Catalog) -> Vec<String> {
    diff(Some(old), new).to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_same_catalog_again_is_no_change() {
    let stored: Catalog = serde_json::from_str(&serde_json::to_string(&sample()).unwrap()).unwrap();
    let diff = diff(Some(&stored), &sample());
    assert!(diff.is_empty());
    assert_eq!(diff, Diff::default());
    assert_eq!(diff.to_string(), "no changes\n");
}

#[test]
fn the_first_catalog_is_all_new_and_warns_of_nothing() {
    let diff = diff(None, &sample());
    assert!(diff.changes.iter().all(|change| change.from.is_none() && change.to.is_some()));
    assert_eq!(diff.warnings, []);
    let text = diff.to_string();
    for line in [
        "+ product atlas › plan standard › term = 1 year\n",
        "+ product atlas › plan trial › term = 14 days\n",
        "+ product atlas-desk › plan lifetime › term = perpetual\n",
        "+ product atlas › plan cluster › quantity = multiply machines\n",
        "+ product harbor › plan team › quantity = set feature seats\n",
        "+ channel license-1-0 › access_key = file keys/license-1-0.key\n",
        "+ channel saas-2-0 › default_plan = harbor/team\n",
        "+ channel client › default_plan = atlas-desk/personal\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn changed_fields_show_before_and_after() {
    let new = edited(&[
        ("term = \"1 year\"", "term = \"6 months\""),
        ("layers = 20 }", "layers = 30, beta = true }"),
        ("bind_parameter = \"machineCode\"", ""),
    ]);
    assert_eq!(
        lines(&sample(), &new),
        [
            "- product atlas › plan offline › bind_parameter = \"machineCode\"",
            "+ product atlas › plan standard › features › beta = true",
            "~ product atlas › plan standard › features › layers: 20 → 30",
            "~ product atlas › plan standard › term: 1 year → 6 months",
        ]
    );
}

#[test]
fn a_changed_password_counts_but_is_never_shown() {
    let diff = diff(Some(&sample()), &edited(&[("change-me-first", "another-secret")]));
    assert_eq!(diff.changes.len(), 1);
    let shown = format!("{diff} {diff:?} {}", serde_json::to_string(&diff).unwrap());
    assert!(shown.contains("~ product beacon › plan basic › delivery › initial_password: (hidden) → (hidden)"));
    assert!(!shown.contains("change-me-first") && !shown.contains("another-secret"));
}

#[test]
fn order_counts_because_the_first_plan_answers_debug_calls() {
    let mut new = sample();
    new.products[0].plans.swap(0, 1);
    assert_eq!(
        lines(&sample(), &new),
        ["~ product atlas › plans (order): standard, cluster, offline, trial → cluster, standard, offline, trial"]
    );
    new.products[0].plans.remove(0);
    let removed = diff(Some(&sample()), &new);
    assert!(removed.changes.iter().all(|change| !change.path.ends_with("(order)")), "removing is no reordering");
}

#[test]
fn removals_warn() {
    let mut new = sample();
    new.products.retain(|product| product.slug.as_str() != "beacon");
    new.channels.retain(|channel| channel.slug.as_str() != "saas-1-0");
    new.products[0].plans.retain(|plan| plan.slug.as_str() != "trial");
    new.products[0].plans[0].sku_codes.clear();
    let diff = diff(Some(&sample()), &new);
    let paths: Vec<&str> = diff.warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(
        paths,
        ["product atlas › plan trial", "product beacon", "channel saas-1-0", "product atlas › plan standard",]
    );
    assert!(diff.warnings[3].message.starts_with("no longer sells sku code atlas-standard"));
    assert_eq!(diff.to_string().lines().filter(|line| line.starts_with("! ")).count(), 4);
}

#[test]
fn an_id_that_changes_its_plan_warns() {
    let new = edited(&[
        ("\"00301-100001-0--0\", \"00301-100001-0--1\"", "\"00301-100001-0--0\""),
        ("\"00301-100002-0--0\"", "\"00301-100002-0--0\", \"00301-100001-0--1\""),
    ]);
    let diff = diff(Some(&sample()), &new);
    assert_eq!(
        diff.warnings,
        [Warning {
            path: "product atlas › plan standard".to_owned(),
            message: "gives product id 00301-100001-0--1 to product atlas › plan cluster: renewals that name it move \
                      licenses there"
                .to_owned(),
        }]
    );
}

/// Every place of a JSON document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(name, it)| pointers(it, &format!("{at}/{name}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, it)| pointers(it, &format!("{at}/{n}"), found)),
        _ => {}
    }
}

/// `is_empty` decides whether a catalog is stored at all, so no change may hide.
#[test]
fn the_diff_is_empty_exactly_when_nothing_differs() {
    let (old, json) = (sample(), serde_json::to_value(sample()).unwrap());
    let mut places = Vec::new();
    pointers(&json, "", &mut places);
    let mut tried = 0;
    for place in &places {
        let mut changed = json.clone();
        let value = changed.pointer_mut(place).unwrap();
        match value {
            Value::Bool(flag) => *flag = !*flag,
            Value::Number(number) => *value = (number.as_u64().unwrap() + 1).into(),
            Value::String(text) => text.push('x'),
            Value::Array(items) if items.len() > 1 => items.swap(0, 1),
            Value::Array(items) => items.clear(),
            Value::Object(_) | Value::Null => *value = Value::Null,
        }
        let Ok(new) = serde_json::from_value::<Catalog>(changed) else { continue };
        tried += 1;
        assert_eq!(diff(Some(&old), &new).is_empty(), old == new, "{place}");
        assert_eq!(diff(Some(&new), &old).is_empty(), old == new, "{place}");
    }
    assert!(tried > 150, "{tried}");
}
