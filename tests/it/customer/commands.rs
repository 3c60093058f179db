//! The commands that the page and the documents show are read by the parser that reads the real ones.

use signet::cli;

use super::{Visitor, with_license};
use crate::harness::Backend;

const DOCUMENTS: [(&str, &str); 6] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/activation.md", include_str!("../../../docs/activation.md")),
    ("docs/deployment.md", include_str!("../../../docs/deployment.md")),
    ("docs/webhooks.md", include_str!("../../../docs/webhooks.md")),
    ("docs/mail.md", include_str!("../../../docs/mail.md")),
    ("examples/README.md", include_str!("../../../examples/README.md")),
];
/// A root key of the right form, where a document shortens one.
const ROOT_KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// Reads a command line as `signet` would. What the document's `export` lines say, `exported` adds.
fn parses(line: &str, exported: &[(&str, &str)]) -> Result<(), String> {
    let mut words: Vec<&str> = line.split_whitespace().filter(|word| *word != "\\").collect();
    for word in &mut words {
        if word.ends_with('…') {
            *word = ROOT_KEY;
        }
    }
    let mut parser = cli::parser();
    if let Some(family) = words.get(1).filter(|it| ["client", "deploy"].contains(it)) {
        let verb = parser.find_subcommand_mut(family).and_then(|it| it.find_subcommand_mut(words.get(2)?));
        let known = |variable: &str| {
            let mut arguments = verb.as_ref()?.get_arguments();
            arguments.find(|it| it.get_env().is_some_and(|name| name == variable))?.get_long()
        };
        let added: Vec<String> =
            exported.iter().filter_map(|(name, value)| Some(format!("--{}={value}", known(name)?))).collect();
        let all = words.iter().map(ToString::to_string).chain(added);
        return cli::parser().try_get_matches_from(all).map(drop).map_err(|error| error.to_string());
    }
    parser.try_get_matches_from_mut(words).map(drop).map_err(|error| error.to_string())
}

/// The `signet …` lines of a document's blocks, up to what the shell does with them, each on one line.
fn shown(document: &str) -> Vec<String> {
    let joined = document.replace("\\\n", " ");
    let command = |line: &str| {
        let line = line.trim();
        let inside = line.strip_prefix("signet ").or_else(|| Some(line.split_once("$(signet ")?.1))?;
        let ends = [" #", " ||", " |", " &&", " >", ";", ")"];
        let end = ends.iter().filter_map(|end| inside.find(end)).min().unwrap_or(inside.len());
        Some(format!("signet {}", &inside[..end]))
    };
    joined.lines().filter_map(command).collect()
}

/// Regression: `--version` of `signet package publish` stood twice, and the executable stopped there.
#[test]
fn regression_no_argument_of_any_command_stands_twice() {
    cli::parser().debug_assert();
}

#[test]
fn the_commands_of_the_documents_are_those_of_the_executable() {
    let mut clients = 0;
    for (name, text) in DOCUMENTS {
        let exports = text.lines().filter_map(|line| line.trim().strip_prefix("export "));
        let exported: Vec<(&str, &str)> =
            exports.flat_map(str::split_whitespace).filter_map(|it| it.split_once('=')).collect();
        let commands = shown(text);
        assert!(!commands.is_empty(), "{name}");
        clients += commands.iter().filter(|line| line.starts_with("signet client ")).count();
        for line in commands {
            parses(&line, &exported).unwrap_or_else(|error| panic!("{name}: {line}\n{error}"));
        }
    }
    assert!(clients >= 2, "{clients}");
    for wrong in ["signet client chek --product atlas", "signet client check", "signet client check --product a --of"] {
        assert!(parses(wrong, &[]).is_err(), "{wrong}");
    }
}

/// Rows such as `` | `check [--json] [--feature F] [--offline]` | ``: each verb with flags that it has, and no verb without a row.
#[test]
fn the_documents_table_names_every_verb_of_the_client_with_its_flags() {
    let parser = cli::parser();
    let client = parser.find_subcommand("client").unwrap();
    let (_, chapter) = DOCUMENTS[1].1.split_once("\n## `signet client`").unwrap();
    let rows = chapter.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" |").next()).flat_map(|cell| cell.split(", "));
    let mut named = Vec::new();
    for cell in cells {
        let mut words = cell.trim_matches('`').split([' ', '[', ']']).filter(|word| !word.is_empty());
        let verb = words.next().unwrap();
        let command = client.find_subcommand(verb).unwrap_or_else(|| panic!("there is no `signet client {verb}`"));
        for flag in words.filter_map(|word| word.strip_prefix("--")) {
            assert!(command.get_arguments().any(|it| it.get_long() == Some(flag)), "{verb} has no --{flag}");
        }
        named.push(verb);
    }
    named.sort_unstable();
    // `help` is clap's own.
    let verbs = client.get_subcommands().map(clap::Command::get_name).filter(|verb| *verb != "help");
    let mut verbs: Vec<&str> = verbs.collect();
    verbs.sort_unstable();
    assert_eq!(named, verbs);
    let (_, row) = DOCUMENTS[0].1.split_once("`signet client ").expect("README names the client");
    for verb in row.split('`').next().unwrap().split("\\|").filter(|verb| *verb != "…") {
        assert!(verbs.contains(&verb), "README: {verb}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_commands_are_those_of_the_executable_in_both_languages() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut pages = Vec::new();
    for language in ["en", "zh"] {
        let mut visitor = Visitor::new(&app);
        visitor.headers = vec![("Accept-Language", language.to_owned())];
        let page = visitor.enter(&key).await;
        let blocks = page.split("<pre><code").skip(1).map(|rest| rest.split("</code>").next().unwrap());
        let commands: Vec<String> = blocks.map(|block| block.split_once('>').unwrap().1.replace("\\\n", " ")).collect();
        for line in &commands {
            parses(line, &[]).unwrap_or_else(|error| panic!("{language}: {line}\n{error}"));
            assert!(line.contains("--product atlas"), "{line}");
        }
        let verbs: Vec<&str> = commands.iter().filter_map(|line| line.split_whitespace().nth(2)).collect();
        assert_eq!(verbs, ["activate", "check", "request-file", "import-file"], "{language}");
        pages.push(commands);
    }
    assert_eq!(pages[0], pages[1]);
}
