//! A short soak through the command itself, with the comparison through the management API.

use koogallery_simulator::Line;
use rstest::rstest;

use super::{
    market::goods,
    support::{Backend, Ended, Installation, tail},
};

/// About 10 s; SIGNET_SOAK_MINUTES for longer.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
fn a_soak_finds_nothing(#[case] backend: Backend) {
    let mut installation = Installation::new(backend);
    let service = installation.serve();
    let minutes = std::env::var("SIGNET_SOAK_MINUTES").unwrap_or_else(|_| "0.16".to_owned());
    let ended = soak(&installation, &["--minutes", &minutes, "--parallel", "4"], None);
    print!("{}", ended.stdout);
    assert_eq!(ended.code, Some(0), "{}\n{}\n{}", ended.stdout, ended.stderr, tail(&service.log()));
    assert!(ended.stdout.contains("no violation") && ended.stdout.contains("no difference"), "{ended:?}");
    service.stop();
}

/// The comparison must be able to fail: without the records of a line that was soaked, everything of it is missing.
#[test]
fn a_soak_against_other_records_finds_differences() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = installation.serve();
    let mut other = Installation::new(Backend::Sqlite);
    let elsewhere = other.serve();
    let url = other.url();
    let ended =
        soak(&installation, &["--minutes", "0.02", "--api", &url], Some(other.token("licenses:read,orders:read")));
    ended.refused(&["DIFFERENCES", "license of an acknowledged order"]);
    elsewhere.stop();
    service.stop();
}

#[test]
fn a_soak_without_a_token_says_what_to_do_before_it_starts() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = installation.serve();
    let ended = Ended::of(soak_command(&installation, &[]));
    ended.refused(&["signet token create", "--no-records"]);
    let wrong = soak(&installation, &[], Some("sgt_wrong".to_owned()));
    wrong.refused(&["401"]);
    service.stop();
}

fn soak(installation: &Installation, arguments: &[&str], token: Option<String>) -> Ended {
    let token = token.unwrap_or_else(|| installation.token("licenses:read,orders:read"));
    let mut command = soak_command(installation, arguments);
    command.env("SIGNET_TOKEN", token);
    Ended::patiently(command)
}

fn soak_command(installation: &Installation, arguments: &[&str]) -> std::process::Command {
    let mut all: Vec<String> = ["simulate", "koogallery", "soak"].map(str::to_owned).to_vec();
    for line in Line::ALL {
        let key = installation.key_file(line).display().to_string();
        all.extend(["--target".to_owned(), line.to_string(), installation.channel_url(line), key]);
        all.push(goods(line).product_id);
    }
    let upgrade = goods(Line::Saas1).upgrade_product_id.unwrap();
    all.extend(["--upgrade".to_owned(), Line::Saas1.to_string(), upgrade]);
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    installation.command(&all)
}
