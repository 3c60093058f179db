//! A license code of the running service, verified by a JOSE library of another ecosystem (PyPI's PyJWT).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use koogallery_simulator::{Call, Line};

use super::{
    market::{buy_code, marketplace},
    support::{Backend, Ended, Installation},
};

#[test]
fn another_ecosystems_library_verifies_a_code() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = installation.serve();
    let code = buy_code(&installation);
    let url = format!("{}/.well-known/jwks.json", installation.url());
    let file = installation.path("jwks.json");
    std::fs::write(&file, installation.get("/.well-known/jwks.json").1).unwrap();

    for source in [url.as_str(), file.to_str().unwrap()] {
        let ended = verify(source, "atlas", &code);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), "valid alg,kid,typ EdDSA license+jwt\n"),
            "{ended:?}"
        );
        refused(&verify(source, "harbor", &code), "InvalidAudienceError");
        for tampered in [with_other_payload(&code), with_other_signature(&code)] {
            refused(&verify(source, "atlas", &tampered), "InvalidSignatureError");
        }
        refused(&verify(source, "atlas", &debug_code(&installation)), "PyJWKClientError");
    }
    service.stop();
}

#[track_caller]
fn refused(ended: &Ended, error: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.starts_with(&format!("refused {error}")), "{ended:?}");
}

fn verify(source: &str, audience: &str, code: &str) -> Ended {
    let mut command = Command::new(python());
    command.arg(folder().join("verify.py")).args([source, audience, code]);
    Ended::of(command)
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python")
}

/// The interpreter with the pinned packages; made when it is not there yet.
pub fn python() -> PathBuf {
    let made = Ended::of(Command::new(folder().join("setup.sh")));
    assert_eq!(made.code, Some(0), "tests/python/setup.sh failed; `make test` installs what it needs: {made:?}");
    folder().join(".venv/bin/python")
}

/// Replaces the last character but one of a part, which changes whole bits of it.
fn with_other_part(code: &str, which: usize) -> String {
    let mut parts: Vec<String> = code.split('.').map(str::to_owned).collect();
    let at = parts[which].len() - 2;
    let other = if &parts[which][at..=at] == "A" { "B" } else { "A" };
    parts[which].replace_range(at..=at, other);
    parts.join(".")
}

fn with_other_signature(code: &str) -> String {
    with_other_part(code, 2)
}

/// Another license's id in the payload, as somebody would try who wants more from a code.
fn with_other_payload(code: &str) -> String {
    use data_encoding::BASE64URL_NOPAD;
    let parts: Vec<&str> = code.split('.').collect();
    let claims = String::from_utf8(BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    let more = claims.replace("\"machines\":1", "\"machines\":9");
    assert_ne!(claims, more);
    format!("{}.{}.{}", parts[0], BASE64URL_NOPAD.encode(more.as_bytes()), parts[2])
}

/// The code that a debug call answers.
fn debug_code(installation: &Installation) -> String {
    let marketplace = marketplace(installation, Line::License1).debugging();
    let call = Call::buy(Line::License1, "CS1906666666ABCDE").unwrap().product("00301-666666-0--0");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(marketplace.call(&call)).answer.unwrap().license().unwrap()
}
