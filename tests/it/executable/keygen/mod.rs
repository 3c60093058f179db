//! Programs that were written against Keygen, with the crate and the SDK that are published for it, unmodified, against the
//! running service. Both check each answer's signature by the door's key, as `signet key door` prints it.

mod refusals;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    jose::python,
    market::buy_code,
    support::{Backend, Ended, Installation},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keygen")
}

/// What `signet key door` says, by name.
fn door(installation: &Installation) -> BTreeMap<String, String> {
    let said = installation.done(&["key", "door", "atlas"]).stdout;
    let lines = said.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// The license key and the signed key of the license that was bought.
fn keys(installation: &Installation) -> [String; 2] {
    let token = installation.token("licenses:read,licenses:reveal");
    let asked = |path: &str| {
        let (status, answer) = installation.get_with_token(path, &token);
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()
    };
    let licenses = asked("/api/v1/licenses?product=atlas");
    let id = licenses["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{licenses}"));
    let secrets = asked(&format!("/api/v1/licenses/{id}/secrets"));
    ["license_key", "signed_key"].map(|name| secrets[name].as_str().unwrap().to_owned())
}

/// Runs a client through a machine's life, with each of the texts that a customer may have been given.
fn lives(backend: Backend, client: impl Fn() -> Command) {
    let mut installation = Installation::new(backend);
    let catalog = fs::read_to_string(installation.catalog()).unwrap();
    let signed = catalog.replacen("license_keys = \"short\"", "license_keys = \"signed\"", 1);
    fs::write(installation.catalog(), signed).unwrap();
    let service = installation.serve();
    let code = buy_code(&installation);
    let door = door(&installation);
    assert_eq!(door["api_url"], format!("{}/keygen/atlas", installation.url()));
    let run = |code: &str, key: &str| {
        let mut command = client();
        command
            .env("API_URL", &door["api_url"])
            .env("ACCOUNT", &door["account"])
            .env("PUBLIC_KEY", key)
            .env("LICENSE_KEY", code)
            .env("FINGERPRINT", "a machine: 机器 7/№");
        Ended::of(command)
    };
    let [short, signed] = keys(&installation);
    for shown in [code.clone(), short, signed] {
        let ended = run(&shown, &door["public_key"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said: Vec<_> = ended.stdout.lines().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(said[..4], ["validated", "activated", "checked out", "deactivated"], "{ended:?}");
    }
    // A key that is not the door's: the client itself refuses what it hears.
    let other = format!("{}{}", &door["public_key"][2..], &door["public_key"][..2]);
    let ended = run(&code, &other);
    assert!(ended.code != Some(0) && !ended.stdout.contains("validated"), "{ended:?}");
    service.stop();
}

#[test]
fn the_published_crate_works_unmodified() {
    let built = Ended::of(Command::new(folder().join("setup.sh")));
    assert_eq!(built.code, Some(0), "tests/keygen/setup.sh failed: {built:?}");
    let program = PathBuf::from(built.stdout.trim());
    lives(Backend::Sqlite, || Command::new(&program));
}

#[test]
fn the_published_sdk_works_unmodified_on_postgres() {
    let python = python();
    lives(Backend::Postgres, || {
        let mut command = Command::new(&python);
        command.arg(folder().join("client.py"));
        command
    });
}
