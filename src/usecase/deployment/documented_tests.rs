//! The tables of `docs/deployment.md` against the code.

use std::collections::BTreeSet;

use crate::provision::{provider::Trouble, run::Stage};

const DOCS: &str = include_str!("../../../docs/deployment.md");
const SCRIPT: &str = include_str!("../../../templates/deploy/bootstrap.sh");
/// Where obstacles are made.
const MAKERS: [&str; 6] = [
    include_str!("work/mod.rs"),
    include_str!("work/task.rs"),
    include_str!("work/course.rs"),
    include_str!("work/drift.rs"),
    include_str!("report.rs"),
    include_str!("wish.rs"),
];

/// The cells of the table whose first column is called `head`.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let start = DOCS.find(&format!("\n| {head} |")).unwrap_or_else(|| panic!("there is no table of {head}"));
    let rows = DOCS[start + 1..].lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn names(head: &str) -> BTreeSet<String> {
    table(head).iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
}

#[test]
fn the_table_of_stages_is_true() {
    let told: Vec<_> = table("stage").iter().map(|row| row[..3].join(" ").replace('`', "")).collect();
    let allowed = |stage: Stage| match stage {
        Stage::Installing => "the recipe's install_seconds".to_owned(),
        Stage::Healthy => "the recipe's health_seconds and 1 min".to_owned(),
        stage => format!("{} min", stage.allowed().as_mins()),
    };
    let true_ones = Stage::ALL.map(|it| format!("{it} {} s {}", it.expected().as_secs(), allowed(it)));
    assert_eq!(told, true_ones);
}

#[test]
fn the_table_of_kinds_names_each_obstacle() {
    let made = MAKERS.iter().flat_map(|source| source.split("Obstacle::new(").skip(1));
    let made = made.filter_map(|call| Some(call.split(';').next()?.split('"').nth(1)?.to_owned()));
    let made: BTreeSet<_> = made.filter(|kind| kind.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')).collect();
    assert!(made.contains("deadline") && made.contains("machine"), "{made:?}");
    let known = Trouble::ALL.map(|it| it.as_str().to_owned()).into_iter().chain(made).collect();
    assert_eq!(names("kind"), known);
}

#[test]
fn the_table_of_codes_names_each_reason_of_the_bootstrap() {
    // `fail WORD`, or one of two by `refused_or WORD` and `full_or WORD`; a signal, and a script that stopped by itself.
    let words = ["fail ", "refused_or ", "full_or ", "reason=", "echo "];
    let mut said = BTreeSet::from(["license".to_owned(), "disk_full".to_owned()]);
    for lead in words {
        for after in SCRIPT.split(lead).skip(1) {
            let word: String = after.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
            let ended = after[word.len()..].starts_with([' ', ')', ';', '\n']);
            let is_reason = match lead {
                "echo " => after[word.len()..].starts_with(" >\"$run/reason\""),
                _ => ended,
            };
            // What `full_or` says when nothing is full.
            if is_reason && !word.is_empty() && word != "ok" {
                said.insert(word);
            }
        }
    }
    assert_eq!(names("code of the machine"), said);
}
