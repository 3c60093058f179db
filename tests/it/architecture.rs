//! The rooms of `src/` and the one direction in which they may depend on each other, read from the sources.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Each room and those it may name, all listed before it. What is not here is no room.
const ROOMS: [(&str, &[&str]); 13] = [
    ("base", &[]),
    ("license", &["base"]),
    ("marketplace", &["license", "base"]),
    ("catalog", &["marketplace", "license", "base"]),
    ("store", &["license", "base"]),
    ("usecase", &["store", "catalog", "marketplace", "license", "base"]),
    ("app", &["usecase", "store", "catalog", "marketplace", "license", "base"]),
    ("web", &["app", "usecase", "store", "catalog", "marketplace", "license", "base"]),
    ("jobs", &["app", "usecase", "store", "catalog", "marketplace", "license", "base"]),
    ("config", &["store", "base"]),
    ("telemetry", &["config"]),
    (
        "cli",
        &["config", "telemetry", "web", "jobs", "app", "usecase", "store", "catalog", "marketplace", "license", "base"],
    ),
    ("main", &["cli"]),
];

/// Names that only one room may speak.
const OWNED: [(&str, &str); 4] =
    [("diesel", "store"), ("diesel_migrations", "store"), ("axum", "web"), ("askama", "web")];

/// Rooms without input, output, clock and randomness of their own.
const PURE: [&str; 3] = ["license", "marketplace", "catalog"];
/// What a pure room would need to be none.
const IMPURE: [&str; 10] =
    ["tokio", "reqwest", "hyper", "fs", "env", "process", "thread", "SystemTime", "SystemClock", "SystemEntropy"];

#[test]
fn rooms_name_only_rooms_below_them() {
    let found: Vec<_> = sources()
        .iter()
        .flat_map(|source| {
            forbidden_rooms(&source.room, source.depth, &source.text)
                .into_iter()
                .map(|what| format!("{}: {what}", source.path.display()))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_rooms_have_no_circle() {
    for (at, (room, below)) in ROOMS.iter().enumerate() {
        let earlier: Vec<_> = ROOMS[..at].iter().map(|(room, _)| *room).collect();
        assert!(below.iter().all(|name| earlier.contains(name)), "{room} names a room that is not listed before it");
    }
}

#[test]
fn only_the_store_names_the_database_and_only_the_web_names_http() {
    let mut spoken = BTreeSet::new();
    let mut found = Vec::new();
    for source in sources() {
        for (name, owner) in OWNED {
            if tokens(&source.text).contains(&name) {
                spoken.insert(name);
                if source.room != owner {
                    found.push(format!("{} names {name}, which belongs to {owner}", source.path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(spoken.len(), OWNED.len(), "a name that nobody speaks is misspelt here: {spoken:?}");
}

#[test]
fn the_domain_reads_no_clock_file_or_network() {
    let sources = sources();
    let pure = sources.iter().filter(|source| PURE.contains(&source.room.as_str()));
    let found: Vec<_> = pure
        .flat_map(|source| {
            let spoken = tokens(&source.text);
            IMPURE
                .iter()
                .filter(move |name| spoken.windows(2).any(|two| two == [**name, "::"]))
                .map(|name| format!("{}: {name}", source.path.display()))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_folder_says_what_lives_there() {
    let mut folders: BTreeSet<_> = sources().iter().map(|source| source.path.parent().unwrap().to_owned()).collect();
    folders.remove(Path::new("src"));
    assert!(folders.len() > 10, "{folders:?}");
    for folder in folders {
        let files = [folder.join("mod.rs"), folder.with_extension("rs")];
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = files.iter().find_map(|file| std::fs::read_to_string(root.join(file)).ok());
        let text = text.unwrap_or_else(|| panic!("{} has no mod.rs", folder.display()));
        let doc: usize = text.lines().take_while(|line| line.starts_with("//!")).map(str::len).sum();
        assert!(doc > 40, "{}: its module says nothing about what lives there", folder.display());
    }
}

#[test]
fn a_forbidden_use_is_noticed_however_it_is_written() {
    let of = |room, depth, text| forbidden_rooms(room, depth, text).len();
    assert_eq!(of("base", 2, "use crate::base::time::Time;"), 0);
    assert_eq!(of("base", 2, "use crate::license::model::License;"), 1);
    assert_eq!(
        of("license", 2, "use crate::{\n    base::{time::Time, ids},\n    store::{Tx, web},\n    usecase,\n};"),
        2
    );
    assert_eq!(of("license", 2, "use crate::{base::{store::Tx, web}};"), 0, "only the first names are rooms");
    assert_eq!(of("store", 2, "fn f() -> crate::web::Answer {}"), 1);
    assert_eq!(of("store", 2, "use super::super::web;"), 1);
    assert_eq!(of("store", 3, "use super::super::sqlite;"), 0);
    assert_eq!(of("config", 1, "mod tests { use super::*; }"), 0);
    assert_eq!(of("config", 1, "mod tests { use super::super::web; }"), 1);
    assert_eq!(of("web", 2, "/// As [`crate::cli`] says.\npub(crate) fn f() {}"), 0);
    assert_eq!(of("web", 2, "use crate::nowhere::f;"), 1);
    assert_eq!(of("main", 1, "fn main() { signet::web::serve(); }"), 1);
}

/// A file of `src/`.
struct Source {
    path: PathBuf,
    room: String,
    /// How deep the file's module lies: 1 for a room.
    depth: usize,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(source(root, &path));
            }
        }
    }
    // The crate's own list of rooms names all of them.
    sources.retain(|source| source.room != "lib");
    assert!(sources.len() > 80, "only {} files were found", sources.len());
    sources
}

fn source(root: &Path, path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(root).unwrap().to_owned();
    let module = path.with_extension("");
    let names: Vec<_> = module.iter().skip(1).map(|name| name.to_str().unwrap()).collect();
    let depth = names.len() - usize::from(names.last() == Some(&"mod"));
    Source { room: names[0].to_owned(), depth, path, text }
}

/// The rooms that `text`, a file of `room`, names against the rules.
fn forbidden_rooms(room: &str, depth: usize, text: &str) -> Vec<String> {
    let (_, allowed) = ROOMS.iter().find(|(known, _)| *known == room).unwrap_or_else(|| panic!("{room} is no room"));
    let tokens = tokens(text);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let from_root = matches!(tokens[at], "crate" | "signet") && tokens.get(at + 1) == Some(&"::");
        let names = if from_root { first_names(&tokens[at + 2..]) } else { Vec::new() };
        found.extend(names.into_iter().filter(|name| *name != room && !allowed.contains(name)).map(ToOwned::to_owned));
        let supers = tokens[at..].chunks(2).take_while(|two| *two == ["super", "::"]).count();
        // A module within the file lies deeper by one.
        let inner = tokens[..at].windows(3).any(|three| three[0] == "mod" && three[2] == "{");
        if tokens[at] == "super" && supers >= depth + usize::from(inner) {
            found.push(format!("{supers} × super leaves the room"));
        }
    }
    found
}

/// The first names of a path or of a group of paths.
fn first_names<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    if tokens.first() != Some(&"{") {
        return tokens.first().copied().into_iter().collect();
    }
    let (mut level, mut names) = (0_usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" => level += 1,
            "}" if level == 1 => break,
            "}" => level -= 1,
            name if level == 1 && matches!(tokens[at - 1], "{" | ",") && name != "," => names.push(name),
            _ => {}
        }
    }
    names
}

/// Names, `::` and single signs, without comments.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for line in text.lines() {
        let mut rest = line.split("//").next().unwrap_or_default().trim_start();
        while let Some(first) = rest.chars().next() {
            let is_name = |it: char| it.is_alphanumeric() || it == '_';
            let length = if is_name(first) {
                rest.find(|it| !is_name(it)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(&rest[..length]);
            rest = rest[length..].trim_start();
        }
    }
    tokens
}
