//! The command line: what each command prints, refuses and answers as its exit code.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    process::Stdio,
};

use koogallery_simulator::Line;
use serde_json::Value;

use super::{
    market::{buy, buy_code},
    support::{Backend, Ended, Installation, Service, mode},
};

fn installation() -> Installation {
    Installation::new(Backend::Sqlite)
}

#[test]
fn the_demo_plays_everything_and_exits_with_0() {
    let installation = installation();
    let listen = format!("127.0.0.1:{}", installation.port);
    let mut command = installation.command(&["demo", "--exit", "--listen", &listen]);
    command.env("SIGNET_DATA_DIR", installation.path("demo"));
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let important = [
        "Signet serves on",
        "VALID",
        "the signature holds",
        "What Signet's own records say",
        "nothing of it is real",
        "All ",
    ];
    for words in important.into_iter().chain(Line::ALL.map(Line::as_str)) {
        assert!(ended.stdout.contains(words), "`{words}` is missing in {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("FAIL"), "{}", ended.stdout);
}

#[test]
fn a_fresh_start_makes_a_private_master_key_and_a_sealed_database_never_gets_another() {
    let mut installation = installation();
    installation.serve().stop();
    let file = installation.master_key();
    assert_eq!((mode(&file), mode(&installation.data())), (0o600, 0o700));
    let key = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    installation.run(&["serve"]).refused(&["master.key is missing", "bring it back", "--master-key-file"]);
    assert!(!file.exists(), "a new key was made over a sealed database");

    let other = Installation::new(Backend::Sqlite);
    other.done(&["catalog", "apply", "catalog.toml"]);
    fs::copy(other.master_key(), &file).unwrap();
    installation.run(&["serve"]).refused(&["master key is not the one"]);
    fs::write(&file, &key).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    installation.run(&["serve"]).refused(&["chmod 600"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    installation.serve_again().stop();
}

/// Regression: it was passed over, and a new key made in the data folder.
#[test]
fn a_master_key_that_is_not_utf8_is_refused() {
    let installation = installation();
    let mut command = installation.command(&["serve"]);
    command.env("SIGNET_MASTER_KEY", OsStr::from_bytes(b"\xff"));
    Ended::of(command).refused(&["SIGNET_MASTER_KEY is wrong"]);
    assert!(!installation.master_key().exists());
}

#[test]
fn a_faulty_catalog_is_refused_with_its_lines() {
    let installation = installation();
    let text = fs::read_to_string(installation.catalog()).unwrap();
    let faulty = text.replace("machines = 3", "machines = 0").replace("term = \"14 days\"", "term = \"soon\"");
    let line = |words: &str| faulty.lines().position(|line| line == words).unwrap() + 1;
    let places = [line("machines = 0"), line("term = \"soon\"")].map(|line| format!("catalog.toml:{line}:"));
    fs::write(installation.catalog(), &faulty).unwrap();
    for command in ["check", "apply"] {
        let ended = installation.run(&["catalog", command, "catalog.toml"]);
        ended.refused(&[&places[0], &places[1], "machines", "term"]);
    }
    fs::write(installation.catalog(), &text).unwrap();
    assert!(installation.done(&["catalog", "check", "catalog.toml"]).stdout.contains("no problem found"));
}

#[test]
fn a_catalog_applied_twice_changes_nothing_the_second_time() {
    let installation = installation();
    let first = installation.done(&["catalog", "apply", "catalog.toml"]).stdout;
    assert!(!first.contains("no changes") && first.contains("atlas"), "{first}");
    assert!(first.contains(&format!("{}  ready", installation.channel_url(Line::Client))), "{first}");
    let second = installation.done(&["catalog", "apply", "catalog.toml"]).stdout;
    assert!(second.contains("no changes"), "{second}");
    fs::remove_file(installation.key_file(Line::Client)).unwrap();
    let third = installation.done(&["catalog", "apply", "catalog.toml"]).stdout;
    assert!(third.contains(&format!("{}  NO ACCESS KEY", installation.channel_url(Line::Client))), "{third}");
}

#[test]
fn an_applied_catalog_says_whose_channels_ask_the_marketplace() {
    let installation = installation();
    let catalog = fs::read_to_string(installation.catalog()).unwrap();
    let keys = "access_key = { file = \"keys/open-access\" }, secret_key = { file = \"keys/open-secret\" }";
    let asking = catalog.replacen("encrypt_type = \"aes256\"", &format!("open_api = {{ {keys}, host = \"intl\" }}"), 1);
    assert_ne!(asking, catalog);
    fs::write(installation.catalog(), asking).unwrap();
    let says = |state: &str| {
        let applied = installation.done(&["catalog", "apply", "catalog.toml"]).stdout;
        assert!(applied.contains(&format!("{}  ready{state}\n", installation.channel_url(Line::Saas1))), "{applied}");
        assert!(applied.contains(&format!("{}  ready\n", installation.channel_url(Line::Client))), "{applied}");
    };
    says(", NO KEYS FOR open_api");
    fs::write(installation.data().join("keys/open-access"), "canary-access").unwrap();
    says(", NO KEYS FOR open_api");
    fs::write(installation.data().join("keys/open-secret"), "canary-secret").unwrap();
    says(", asks the marketplace");
}

#[test]
fn verify_tells_valid_tampered_expired_and_foreign_codes_apart() {
    let mut installation = installation();
    let service = installation.serve();
    let code = buy_code(&installation);
    let expired = expired_code(&installation);
    let url = format!("{}/.well-known/jwks.json", installation.url());
    let file = installation.path("jwks.json");
    fs::write(&file, installation.get("/.well-known/jwks.json").1).unwrap();
    let valid = installation.done(&["verify", "--jwks", &url, &code]);
    for words in ["VALID", "license code", "atlas / standard"] {
        assert!(valid.stdout.contains(words), "{valid:?}");
    }
    service.stop();

    // The service is gone: the file is enough.
    let file = file.to_str().unwrap();
    let verify = |arguments: &[&str]| installation.run(&[&["verify", "--jwks", file], arguments].concat());
    assert_eq!(verify(&[&code]).code, Some(0));
    assert_eq!(verify(&["--product", "atlas", &code]).code, Some(0));
    let json: Value = serde_json::from_str(&verify(&["--json", &code]).stdout).unwrap();
    assert_eq!((&json["valid"], &json["claims"]["aud"]), (&Value::Bool(true), &Value::from("atlas")));
    assert_eq!(json["kind"], "license+jwt");
    let (head, tail) = code.split_at(code.len() - 10);
    let tampered = format!("{head}{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    let cases = [
        (tampered.as_str(), "bad_signature", "was changed"),
        (&expired, "expired", "expired at"),
        ("nonsense", "malformed", "no license code"),
    ];
    for (code, reason, words) in cases {
        verify(&[code]).refused(&["NOT VALID", words]);
        let ended = verify(&["--json", code]);
        let json: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((ended.code, &json["valid"], &json["reason"]), (Some(1), &false.into(), &reason.into()));
    }
    verify(&["--product", "harbor", &code]).refused(&["not for harbor"]);
    installation.run(&["verify", "--jwks", &url, &code]).refused(&["cannot be fetched"]);
    installation.run(&["verify", "--jwks", "gone.json", &code]).refused(&["gone.json cannot be read"]);
}

/// Regression: `signet verify … | head -1` panicked when its reader had gone.
#[test]
fn a_reader_that_went_away_is_no_failure_of_the_command() {
    let mut installation = installation();
    let service = installation.serve();
    let code = buy_code(&installation);
    let url = format!("{}/.well-known/jwks.json", installation.url());
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = installation.command(arguments);
        command.stdout(writer).stderr(Stdio::piped());
        let ended = command.output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let quiet = |code| (Some(code), String::new());
    assert_eq!(unread(&["verify", "--jwks", &url, &code]), quiet(0));
    assert_eq!(unread(&["verify", "--jwks", &url, "--json", &code]), quiet(0));
    assert_eq!(unread(&["verify", "--jwks", &url, "nonsense"]), quiet(1));
    assert_eq!(unread(&["key", "list"]), quiet(0));
    // What was begun is finished: the key is rotated and the catalog applied though nobody reads so.
    let old_kid = kid(&code);
    assert_eq!(unread(&["key", "rotate", "atlas"]), quiet(0));
    assert_ne!(kid(&buy_code(&installation)), old_kid);
    assert_eq!(unread(&["catalog", "apply", "catalog.toml"]), quiet(0));
    service.stop();
}

#[test]
fn what_cannot_be_printed_for_another_reason_is_a_failure() {
    let installation = installation();
    let mut command = installation.command(&["token", "create", "lost", "--scope", "licenses:read"]);
    command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap()).stderr(Stdio::piped());
    let ended = command.output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("standard output cannot be written") && !told.contains("panicked"), "{told}");
}

/// A code of the plan whose codes carry their expiry, bought with an end far behind any slack.
fn expired_code(installation: &Installation) -> String {
    buy(installation, "00301-100003-0--0", -100).license().unwrap()
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let mut installation = installation();
    let service = installation.serve();
    let made = installation.done(&["token", "create", "reader", "--scope", "licenses:read"]);
    let token = made.stdout.trim().to_owned();
    let id = made.stderr.split([' ', ';']).nth(1).unwrap().to_owned();
    assert!(token.starts_with("sgt_"), "{made:?}");
    let listed = installation.done(&["token", "list"]).stdout;
    assert!(listed.contains("reader") && listed.contains("licenses:read") && !listed.contains(&token), "{listed}");
    let status = |path: &str| installation.get_with_token(path, &token).0;
    assert_eq!((status("/api/v1/licenses"), status("/api/v1/orders")), (200, 403));
    installation.done(&["token", "revoke", &id]);
    assert_eq!(status("/api/v1/licenses"), 401);
    assert!(installation.done(&["token", "list"]).stdout.contains("revoked "));
    assert_eq!(installation.run(&["token", "revoke", &id]).code, Some(1));
    assert_eq!(installation.run(&["token", "create", "x", "--scope", "everything"]).code, Some(2));
    service.stop();
}

#[test]
fn keys_rotate_beside_a_running_server_and_old_codes_live_until_revoked() {
    let mut installation = installation();
    let service = installation.serve();
    let url = format!("{}/products/atlas/jwks.json", installation.url());
    let valid = |code: &str| installation.run(&["verify", "--jwks", &url, code]).code == Some(0);
    let old = buy_code(&installation);
    let old_kid = kid(&old);
    installation.run(&["key", "revoke", &old_kid]).refused(&["rotated out"]);
    installation.done(&["key", "rotate", "atlas"]);
    let new = buy_code(&installation);
    assert_ne!(kid(&new), old_kid, "the running server signs with the old key");
    assert!(valid(&old) && valid(&new));

    let root = installation.path("root.key");
    let root_file = root.to_str().unwrap();
    installation.done(&["key", "take-root", "atlas", root_file]);
    assert_eq!(mode(&root), 0o600);
    assert_eq!(installation.run(&["key", "take-root", "atlas", root_file]).code, Some(1), "a root was written over");
    assert_eq!(installation.run(&["key", "rotate", "atlas"]).code, Some(1), "rotated without the root");
    installation.done(&["key", "rotate", "atlas", "--root", root_file]);
    let newest = buy_code(&installation);
    assert!(kid(&newest) != kid(&new) && valid(&old) && valid(&new) && valid(&newest));

    installation.done(&["key", "revoke", &old_kid, "--root", root_file]);
    assert!(!valid(&old) && valid(&new) && valid(&newest));
    let listed = installation.done(&["key", "list"]).stdout;
    assert!(listed.contains("revoked") && listed.contains("offline") && listed.contains(&old_kid), "{listed}");
    service.stop();
}

fn kid(code: &str) -> String {
    let head = data_encoding::BASE64URL_NOPAD.decode(code.split('.').next().unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&head).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[test]
fn a_setting_is_taken_from_flag_then_environment_then_file() {
    let mut installation = installation();
    let catalog = "catalog = \"catalog.toml\"\n";
    fs::write(installation.path("wrong.toml"), format!("{catalog}lissten = \"127.0.0.1:1\"\n")).unwrap();
    installation.run(&["--config", "wrong.toml", "serve"]).refused(&["lissten"]);
    installation.run(&["--config", "gone.toml", "serve"]).refused(&["gone.toml"]);

    // Three addresses of the world, one from each source: the license's issuer tells which was taken.
    fs::write(installation.path("signet.toml"), format!("{catalog}public_url = \"https://file.example.com\"\n"))
        .unwrap();
    let issuer = |installation: &mut Installation, flag: &[&str], environment: Option<&str>| {
        let mut command = installation.command(&[&["--config", "signet.toml", "serve"], flag].concat());
        command.env_remove("SIGNET_PUBLIC_URL");
        if let Some(url) = environment {
            command.env("SIGNET_PUBLIC_URL", url);
        }
        let service = Service::start(command, installation).unwrap();
        let code = buy_code(installation);
        service.stop();
        let claims = data_encoding::BASE64URL_NOPAD.decode(code.split('.').nth(1).unwrap().as_bytes()).unwrap();
        serde_json::from_slice::<Value>(&claims).unwrap()["iss"].as_str().unwrap().to_owned()
    };
    let flag = ["--public-url", "https://flag.example.com"];
    let environment = Some("https://environment.example.com");
    assert_eq!(issuer(&mut installation, &[], None), "https://file.example.com");
    assert_eq!(issuer(&mut installation, &[], environment), "https://environment.example.com");
    assert_eq!(issuer(&mut installation, &flag, environment), "https://flag.example.com");
}

#[test]
fn one_simulated_call_is_judged_and_its_exit_code_says_so() {
    let mut installation = installation();
    let service = installation.serve();
    let url = installation.channel_url(Line::License1);
    let key = installation.key_file(Line::License1);
    let call = |key: &str, product: &str| {
        let target = ["simulate", "koogallery", "--url", &url, "--key-file", key];
        installation.run(&[&target[..], &["buy", "--product-id", product, "--days", "30"]].concat())
    };
    let good = call(key.to_str().unwrap(), "00301-100001-0--0");
    assert!(good.code == Some(0) && good.stdout.contains("000000"), "{good:?}");
    call(key.to_str().unwrap(), "00301-999999-0--0").refused(&["000002", "00301-999999-0--0"]);
    let wrong = installation.key_file(Line::Client);
    call(wrong.to_str().unwrap(), "00301-100001-0--0").refused(&["000001"]);
    service.stop();
}
