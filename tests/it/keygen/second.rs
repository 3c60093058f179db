//! What the door hands out, read by implementations of others: PyPI's `cryptography`, and the executable `openssl`.

use std::{path::Path, process::Command};

use data_encoding::{BASE64, BASE64URL, HEXLOWER};
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, keys};
use crate::harness::{Answer, Backend, TestApp};

/// What the script printed of a text, or the error.
fn python(text: &str, client: &Client, arguments: &[&str], more: &[&str]) -> Result<Value, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let made = Command::new(folder.join("setup.sh")).status().unwrap();
    assert!(made.success(), "tests/python/setup.sh failed; `make test` installs what it needs");
    let here = TempDir::new().unwrap();
    let path = here.path().join("text");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(folder.join(".venv/bin/python"));
    command
        .arg(folder.join("keygen.py"))
        .args(arguments)
        .arg(&path)
        .arg(HEXLOWER.encode(&client.public_key))
        .args(more);
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_str(&printed).unwrap()),
        Some(1) if printed.starts_with("refused ") => Err(printed),
        _ => panic!("{printed}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Whether `openssl` takes the signature for the door key's.
fn openssl(client: &Client, text: &str, signature: &[u8]) -> bool {
    let here = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = here.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    // RFC 8410, section 4.
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &client.public_key].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&der));
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"]).arg(write("key.pem", pem.as_bytes()));
    command.arg("-in").arg(write("text", text.as_bytes())).arg("-sigfile").arg(write("signature", signature));
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(printed.contains("Verif"), "openssl says {printed}");
    output.status.success()
}

fn certificate(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["data"]["attributes"]["certificate"].as_str().unwrap().to_owned()
}

/// What is signed of a file, and the signature.
fn signed_part(kind: &str, text: &str) -> (String, Vec<u8>) {
    let inner: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let sealed: Value = serde_json::from_slice(&BASE64.decode(inner.as_bytes()).unwrap()).unwrap();
    let signature = BASE64.decode(sealed["sig"].as_str().unwrap().as_bytes()).unwrap();
    (format!("{kind}/{}", sealed["enc"].as_str().unwrap()), signature)
}

/// The same file with another byte in what is signed.
fn forged(kind: &str, text: &str) -> String {
    let inner: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut sealed: Value = serde_json::from_slice(&BASE64.decode(inner.as_bytes()).unwrap()).unwrap();
    let enc = sealed["enc"].as_str().unwrap().to_owned();
    let other = if enc.starts_with('A') { "B" } else { "A" };
    sealed["enc"] = json!(format!("{other}{}", &enc[1..]));
    let title = kind.to_uppercase();
    format!(
        "-----BEGIN {title} FILE-----\n{}\n-----END {title} FILE-----\n",
        BASE64.encode(sealed.to_string().as_bytes())
    )
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_files_are_read_by_others(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let machine = client.seated("loom-1").await;
    let of_license = format!("licenses/{}/actions/check-out", client.license);
    let of_machine = format!("machines/{machine}/actions/check-out");
    let secret = format!("{}loom-1", client.key);
    for (kind, path, secret) in [("license", of_license, &client.key), ("machine", of_machine, &secret)] {
        for (query, more) in [("", vec![]), ("?encrypt=1", vec![secret.as_str()])] {
            let text = certificate(&client.call("POST", &format!("{path}{query}"), None).await);
            let document = python(&text, &client, &["file", kind], &more).unwrap();
            assert_eq!(document["data"]["type"], format!("{kind}s"), "{document}");
            let (signed, signature) = signed_part(kind, &text);
            assert!(openssl(&client, &signed, &signature));
            let forged = forged(kind, &text);
            let error = python(&forged, &client, &["file", kind], &more).unwrap_err();
            assert!(error.contains("InvalidSignature"), "{error}");
            assert!(!openssl(&client, &signed_part(kind, &forged).0, &signature));
            if !more.is_empty() {
                let error = python(&text, &client, &["file", kind], &["another secret"]).unwrap_err();
                assert!(error.contains("InvalidTag"), "{error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_keys_are_read_by_others() {
    let app = TestApp::start(Backend::Sqlite).await;
    app.apply_catalog(&keys::signed_catalog()).await;
    let short = Client::of(&app, "fixed", Some(1)).await;
    let client = keys::signed(&app, &short).await;
    let dataset = python(&client.key, &client, &["key"], &[]).unwrap();
    assert_eq!(dataset["license"]["id"], json!(client.license));
    let (text, signature) = client.key.split_once('.').unwrap();
    let signature = BASE64URL.decode(signature.as_bytes()).unwrap();
    assert!(openssl(&client, text, &signature) && !openssl(&client, &format!("{text}A"), &signature));
    let forged = client.key.replacen("key/e", "key/f", 1);
    assert!(python(&forged, &client, &["key"], &[]).unwrap_err().contains("InvalidSignature"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_verified_by_others() {
    let app = TestApp::start(Backend::Sqlite).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    for (method, path) in [("GET", "me"), ("HEAD", "me"), ("POST", "users"), ("DELETE", "machines/none")] {
        let answer = client.call(method, path, None).await;
        let lines = answer.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut told = json!({
            "method": method, "target": format!("{}/{path}", client.prefix), "host": super::HOST,
            "headers": lines.collect::<Vec<_>>(), "body": BASE64.encode(&answer.body),
        });
        assert_eq!(python(&told.to_string(), &client, &["answer"], &[]), Ok(json!("mill")), "{method} {path}");
        told["target"] = json!("/v1/accounts/mill/machines");
        assert!(python(&told.to_string(), &client, &["answer"], &[]).is_err(), "{method} {path}");
    }
}
