//! What is not even looked at: no credential, bodies that are none, methods that an address does not have.

use rstest::rstest;
use serde_json::{Value, json};

use super::{NOBODYS, Software, components};
use crate::harness::{Backend, TestApp, exchange};

const CALLS: [(&str, &str); 6] = [
    ("POST", "/validate"),
    ("POST", "/activations"),
    ("POST", "/activations/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21/renew"),
    ("DELETE", "/activations/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21"),
    ("POST", "/license-file"),
    ("POST", "/offline-activations"),
];

#[tokio::test]
async fn without_a_license_nothing_is_answered_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let software = Software::of(&app, "fixed", None).await;
    let long = format!("License {}", "A".repeat(1_024));
    for (method, path) in CALLS {
        for authorization in ["", "License", "License ", &format!("Bearer {}", software.key), &software.key, &long] {
            let head = format!("{method} /api/v1{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n");
            let request = format!("{head}Authorization: {authorization}\r\nContent-Length: 0\r\n\r\n");
            let answer = exchange(app.address, request.as_bytes()).await;
            assert_eq!((answer.status, answer.header("Www-Authenticate")), (401, Some("License")), "{authorization}");
            assert_eq!(answer.json()["type"], "/problems/unauthorized");
        }
    }
}

#[rstest]
#[case::no_components(json!({}), 422)]
#[case::empty_components(json!({ "components": {} }), 422)]
#[case::nine_components(json!({ "components": (0..9).map(|it| (format!("c{it}"), digest())).collect::<serde_json::Map<_, _>>() }), 422)]
#[case::no_digest(json!({ "components": { "machine-id": "4711" } }), 422)]
#[case::padded_digest(json!({ "components": { "machine-id": format!("{}=", digest().as_str().unwrap()) } }), 422)]
#[case::name_of_a_component(json!({ "components": { "Machine": digest() } }), 422)]
#[case::long_name(json!({ "components": components(1), "name": "n".repeat(129) }), 422)]
#[case::control_character(json!({ "components": components(1), "name": "a\u{0}b" }), 422)]
#[case::long_version(json!({ "components": components(1), "version": "1".repeat(65) }), 422)]
#[case::long_nonce(json!({ "components": components(1), "nonce": "n".repeat(129) }), 422)]
#[case::empty_nonce(json!({ "components": components(1), "nonce": "" }), 422)]
#[case::borrows_nothing(json!({ "components": components(1), "borrow_days": 0 }), 422)]
#[case::borrows_for_ever(json!({ "components": components(1), "borrow_days": 3_651 }), 422)]
#[case::borrows_backwards(json!({ "components": components(1), "borrow_days": -1 }), 422)]
#[case::unknown_field(json!({ "components": components(1), "fingerprint": "x" }), 422)]
#[case::wrong_type(json!({ "components": components(1), "container": "yes" }), 422)]
#[tokio::test]
async fn what_no_machine_says_is_refused_sqlite(#[case] body: Value, #[case] status: u16) {
    let app = TestApp::start(Backend::Sqlite).await;
    let software = Software::of(&app, "fixed", None).await;
    let answer = software.post("/activations", body).await;
    assert_eq!(
        (answer.status, answer.header("Content-Type")),
        (status, Some("application/problem+json")),
        "{answer:?}"
    );
    assert!(answer.json().get("signed").is_none(), "a wrong question is no verdict on the license");
    let seats = software.post("/validate", json!({ "components": components(1) })).await.json();
    assert_eq!(seats["reason"], "machine_unknown", "nothing was activated");
}

fn digest() -> Value {
    components(1)["machine-id"].clone()
}

/// The longest texts that are allowed fit into what is signed.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_longest_question_is_answered(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", None).await;
    // Each takes four bytes, more than any escape of a character that is allowed.
    let text = |length: usize| "𝕏".repeat(length);
    let eight: serde_json::Map<_, _> = (0..8).map(|it| (format!("{it}{}", "c".repeat(31)), digest())).collect();
    let question = json!({ "product": text(64), "version": text(64), "feature": text(64), "components": eight, "nonce": text(128) });
    let answer = software.post("/validate", question).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (200, &json!("product_mismatch")), "{answer:?}");
    let machine = json!({ "name": text(128), "platform": text(128), "components": eight, "nonce": text(128) });
    assert_eq!(software.post("/activations", machine).await.status, 201);
}

#[tokio::test]
async fn bodies_that_are_none_and_methods_that_are_none_are_said_to_be_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let software = Software::of(&app, "fixed", None).await;
    let send = async |method: &str, path: &str, kind: &str, body: &str| {
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: License {}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            software.key,
            body.len()
        );
        exchange(app.address, request.as_bytes()).await
    };
    assert_eq!(send("POST", "/validate", "text/plain", "{}").await.status, 415);
    assert_eq!(send("POST", "/validate", "application/json", "{").await.status, 400);
    assert_eq!(send("POST", "/activations", "application/json", "").await.status, 400);
    let large = format!("{{}}{}", " ".repeat(64 * 1024));
    assert_eq!(send("POST", "/validate", "application/json", &large).await.status, 413);
    assert_eq!(send("DELETE", "/activations/17", "application/json", "").await.status, 400);
    assert_eq!(send("POST", "/activations/17/renew", "application/json", "").await.status, 400);
    for (method, path, allow) in [
        ("GET", "/validate".to_owned(), "POST"),
        ("GET", "/activations".to_owned(), "POST"),
        ("PATCH", format!("/activations/{NOBODYS}"), "DELETE"),
        ("OPTIONS", "/validate".to_owned(), "POST"),
    ] {
        let answer = send(method, &path, "application/json", "").await;
        assert_eq!((answer.status, answer.header("Allow")), (405, Some(allow)), "{method} {path}");
        assert!(!answer.head.contains("Access-Control"), "no page of another origin may ask: {}", answer.head);
    }
}
