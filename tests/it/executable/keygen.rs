//! Programs that were written against Keygen, with the crate and the SDK that are published for it, unmodified, against the
//! running service. Both check each answer's signature by the door's key, as `signet key door` prints it.

use std::{
    collections::BTreeMap,
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

/// Runs a client through a machine's life, once at each address of the door that clients of this kind can be given.
fn lives(backend: Backend, client: impl Fn() -> Command) {
    let mut installation = Installation::new(backend);
    let service = installation.serve();
    let code = buy_code(&installation);
    let door = door(&installation);
    assert_eq!(door["api_url"], format!("{}/keygen/atlas", installation.url()));
    let run = |key: &str| {
        let mut command = client();
        command
            .env("API_URL", &door["api_url"])
            .env("ACCOUNT", &door["account"])
            .env("PUBLIC_KEY", key)
            .env("LICENSE_KEY", &code)
            .env("FINGERPRINT", "a machine: 机器 7/№");
        Ended::of(command)
    };
    let ended = run(&door["public_key"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said: Vec<_> = ended.stdout.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(said[..4], ["validated", "activated", "checked out", "deactivated"], "{ended:?}");
    // A key that is not the door's: the client itself refuses what it hears.
    let other = format!("{}{}", &door["public_key"][2..], &door["public_key"][..2]);
    let ended = run(&other);
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
