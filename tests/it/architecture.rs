//! The direction of dependencies, read from the sources: a `use` against it fails here.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Each room, and the rooms it may name.
const ROOMS: [(&str, &[&str]); 18] = [
    ("base", &[]),
    ("http", &["base"]),
    ("depot", &["base"]),
    ("letters", &["base"]),
    ("mail", &["base"]),
    ("license", &["base"]),
    ("marketplace", &["license", "base"]),
    ("provision", &["license", "http", "base"]),
    ("catalog", &["marketplace", "provision", "license", "base"]),
    ("store", &["provision", "license", "base"]),
    ("usecase", &["catalog", "store", "marketplace", "provision", "license", "letters", "base"]),
    ("app", &["usecase", "catalog", "store", "marketplace", "provision", "license", "depot", "mail", "http", "base"]),
    (
        "web",
        &[
            "app",
            "usecase",
            "catalog",
            "store",
            "marketplace",
            "provision",
            "license",
            "depot",
            "letters",
            "mail",
            "http",
            "base",
        ],
    ),
    ("jobs", &["app", "usecase", "catalog", "store", "marketplace", "provision", "license", "letters", "mail", "base"]),
    ("config", &["store", "depot", "provision", "mail", "base"]),
    ("telemetry", &["config", "base"]),
    (
        "cli",
        &[
            "config",
            "telemetry",
            "jobs",
            "web",
            "app",
            "usecase",
            "catalog",
            "store",
            "marketplace",
            "provision",
            "license",
            "depot",
            "letters",
            "mail",
            "http",
            "base",
        ],
    ),
    ("main", &["cli"]),
];
/// Foreign crates that belong to certain rooms.
const CRATES: [(&str, &[&str]); 16] = [
    ("object_store", &["depot"]),
    ("indicatif", &["cli"]),
    ("diesel", &["store"]),
    ("diesel_migrations", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("axum", &["web"]),
    ("askama", &["letters", "web"]),
    ("lettre", &["mail"]),
    ("utoipa", &["web"]),
    ("utoipa_axum", &["web"]),
    ("clap", &["cli", "config"]),
    ("figment", &["config"]),
    ("tokio", &["app", "cli", "depot", "http", "jobs", "mail", "provision", "store", "telemetry", "web", "main"]),
    ("koogallery_simulator", &["cli"]),
    ("rustix", &["cli"]),
    ("chacha20poly1305", &["license"]),
];
/// Rooms without input and output, and what of the standard library they cannot have.
const PURE: [&str; 3] = ["license", "marketplace", "catalog"];
const IMPURE: [&str; 6] = ["std::fs", "std::net", "std::env", "std::process", "std::thread", "SystemTime"];

struct Source {
    path: PathBuf,
    room: String,
    /// Modules from the crate to this file.
    depth: usize,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("src/lib.rs") {
                let inside = path.strip_prefix(&root).unwrap().with_extension("");
                let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
                let depth = parts.len() - usize::from(parts.last() == Some(&"mod"));
                let room = parts[0].to_owned();
                found.push(Source {
                    room,
                    depth,
                    code: without_comments(&std::fs::read_to_string(&path).unwrap()),
                    path,
                });
            }
        }
    }
    found
}

/// Comments name other rooms freely. A `//` inside a text cuts that line short, which hides no `use`.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn word(text: &str) -> &str {
    let end = text.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(text.len());
    &text[..end]
}

/// The first names after a path's beginning: one, or those of a group.
fn heads(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut depth = 0_u32;
    let mut heads = Vec::new();
    let mut start = true;
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && !char.is_whitespace() => {
                heads.push(word(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    heads
}

/// The rooms that a source names from the crate's root: by `crate::…`, or by enough `super::`.
fn rooms_named(source: &Source) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, _) in source.code.match_indices("crate::") {
        let own = !source.code[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_');
        let names = heads(&source.code[at + "crate::".len()..]);
        named.extend(names.into_iter().filter(|_| own).map(str::to_owned));
    }
    let up = "super::".repeat(source.depth);
    for (at, _) in source.code.match_indices(&up) {
        named.extend(heads(&source.code[at + up.len()..]).into_iter().map(str::to_owned));
    }
    named.retain(|name| ROOMS.iter().any(|(room, _)| room == name));
    named
}

fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path)
        .any(|(at, _)| !code[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_' || char == ':'))
}

#[test]
fn every_room_names_only_the_rooms_below_it() {
    let sources = sources();
    assert!(sources.len() > 100, "{}", sources.len());
    let mut wrong = Vec::new();
    for source in &sources {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            wrong.push(format!("{}: the room `{}` is not in the list", source.path.display(), source.room));
            continue;
        };
        for name in rooms_named(source) {
            if name != source.room && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: `{}` may not name `{name}`", source.path.display(), source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn frameworks_stay_in_their_rooms_and_pure_rooms_stay_pure() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, rooms) in CRATES {
            if names_crate(&source.code, name) && !rooms.contains(&source.room.as_str()) {
                wrong.push(format!("{}: `{name}` has no place in `{}`", source.path.display(), source.room));
            }
        }
        if PURE.contains(&source.room.as_str()) {
            let impure = IMPURE.iter().filter(|name| source.code.contains(*name));
            wrong.extend(impure.map(|name| format!("{}: `{name}` in a pure room", source.path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_says_what_lives_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders: BTreeSet<_> = sources().iter().filter_map(|it| it.path.parent().map(Path::to_owned)).collect();
    for folder in folders.iter().filter(|folder| **folder != root) {
        let beside = folder.with_extension("rs");
        let module = if beside.exists() { beside } else { folder.join("mod.rs") };
        let text = std::fs::read_to_string(&module).unwrap_or_else(|error| panic!("{}: {error}", module.display()));
        assert!(text.starts_with("//! "), "{} does not say what lives there", module.display());
    }
}

/// The readers above would be worth nothing if they could not find what they look for.
#[test]
fn a_wrong_use_is_found() {
    let source = |room: &str, depth, code: &str| Source {
        path: PathBuf::new(),
        room: room.to_owned(),
        depth,
        code: without_comments(code),
    };
    let named = |depth, code| rooms_named(&source("license", depth, code)).into_iter().collect::<Vec<_>>();
    assert_eq!(named(2, "use crate::store::Tx;"), ["store"]);
    assert_eq!(named(2, "use crate::{base::{time::Time, web}, usecase};"), ["base", "usecase"]);
    assert_eq!(
        named(2, "use crate::{\n    app,\n    license::{state, x::{y}},\n    web::router,\n};"),
        ["app", "license", "web"]
    );
    assert_eq!(named(2, "fn f() -> crate::cli::X { super::super::store::x() }"), ["cli", "store"]);
    assert_eq!(named(2, "use super::state; use super::store;"), [] as [&str; 0]);
    assert_eq!(named(2, "// crate::store is elsewhere\nuse mycrate::store;"), [] as [&str; 0]);
    assert!(names_crate("use diesel::prelude::*;", "diesel") && names_crate("x(axum::Router::new())", "axum"));
    assert!(!names_crate("use utoipa_axum::x; crate::axum::y", "axum"));
}
