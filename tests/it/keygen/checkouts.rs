//! Check-outs: what is in the file, who can read it, and how long it may hold. Files are read here by code that shares nothing
//! with the service's.

use data_encoding::BASE64;
use jiff::SignedDuration;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signet::usecase::activation;

use super::{Client, code, door_token, refused};
use crate::harness::{Answer, Backend, TestApp};

const MONTH: i64 = 2_629_746;
const DAY: i64 = 86_400;

/// The document in a file whose signature holds.
fn opened(client: &Client, kind: &str, text: &str, secret: Option<&str>) -> Value {
    let title = kind.to_uppercase();
    let inner = text
        .strip_prefix(&format!("-----BEGIN {title} FILE-----\n"))
        .and_then(|rest| rest.strip_suffix(&format!("-----END {title} FILE-----\n")))
        .unwrap();
    assert!(inner.lines().all(|line| line.len() <= 60));
    let json: Value = serde_json::from_slice(&BASE64.decode(inner.replace('\n', "").as_bytes()).unwrap()).unwrap();
    let enc = json["enc"].as_str().unwrap();
    let signature = BASE64.decode(json["sig"].as_str().unwrap().as_bytes()).unwrap();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, client.public_key);
    key.verify(format!("{kind}/{enc}").as_bytes(), &signature).expect("a good signature");
    let Some(secret) = secret else {
        assert_eq!(json["alg"], "base64+ed25519");
        return serde_json::from_slice(&BASE64.decode(enc.as_bytes()).unwrap()).unwrap();
    };
    assert_eq!(json["alg"], "aes-256-gcm+ed25519");
    let parts: Vec<Vec<u8>> = enc.split('.').map(|part| BASE64.decode(part.as_bytes()).unwrap()).collect();
    let [text, nonce, tag] = parts.as_slice() else { panic!("{enc}") };
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &Sha256::digest(secret)).unwrap());
    let mut bytes = [text.as_slice(), tag].concat();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    serde_json::from_slice(key.open_in_place(nonce, Aad::empty(), &mut bytes).unwrap()).unwrap()
}

#[track_caller]
fn certificate(answer: &Answer) -> (String, i64) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let said = answer.json()["data"]["attributes"].clone();
    (said["certificate"].as_str().unwrap().to_owned(), said["ttl"].as_i64().unwrap())
}

fn types(document: &Value) -> Vec<&str> {
    document["included"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap()).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_license_is_checked_out(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let path = format!("licenses/{}/actions/check-out", client.license);
    let (plain, ttl) = certificate(&client.call("POST", &path, None).await);
    let document = opened(&client, "license", &plain, None);
    assert_eq!((ttl, &document["meta"]["ttl"], &document["included"]), (MONTH, &json!(MONTH), &json!([])));
    assert_eq!(document["data"]["attributes"]["key"], client.key);
    let query = "?encrypt=1&ttl=3600&include=entitlements,policy,product";
    let (sealed, ttl) = certificate(&client.call("POST", &format!("{path}{query}"), None).await);
    let document = opened(&client, "license", &sealed, Some(&client.key));
    assert_eq!((ttl, types(&document)), (3_600, vec!["entitlements", "entitlements", "products", "policies"]));
    assert_eq!(
        document["meta"]["expiry"],
        json!(app.now().saturating_add(SignedDuration::from_secs(3_600)).to_string())
    );
    let body = json!({ "meta": { "encrypt": true, "ttl": 7_200, "include": ["entitlements"] } });
    let (sealed, ttl) = certificate(&client.call("POST", &path, Some(body)).await);
    assert_eq!((ttl, types(&opened(&client, "license", &sealed, Some(&client.key))).len()), (7_200, 2));
    let text = client.call("GET", &format!("{path}?algorithm=aes-256-gcm%2Bed25519"), None).await;
    assert!(text.header("Content-Type").unwrap().starts_with("text/plain"));
    opened(&client, "license", std::str::from_utf8(&text.body).unwrap(), Some(&client.key));
    // By a token: the license's own key. By a code: the code.
    let office = client.showing(Some(&format!("Bearer {}", door_token(&app, "mill", None).await)));
    let (sealed, _) = certificate(&office.call("POST", &format!("{path}?encrypt=true"), None).await);
    opened(&client, "license", &sealed, Some(&client.key));
    let by_code = client.showing(Some(&format!("License {}", client.code)));
    let (sealed, _) = certificate(&by_code.call("POST", &format!("{path}?encrypt=true"), None).await);
    opened(&client, "license", &sealed, Some(&client.code));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_machine_is_checked_out(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let id = client.seated("loom-1").await;
    let path = format!("machines/{id}/actions/check-out");
    let (sealed, _) =
        certificate(&client.call("POST", &format!("{path}?encrypt=1&include=license.entitlements"), None).await);
    let document = opened(&client, "machine", &sealed, Some(&format!("{}loom-1", client.key)));
    assert_eq!(document["data"]["attributes"]["fingerprint"], "loom-1");
    assert_eq!(types(&document), ["licenses", "entitlements", "entitlements"]);
    let (plain, ttl) = certificate(&client.call("POST", &path, None).await);
    assert_eq!((ttl, types(&opened(&client, "machine", &plain, None))), (MONTH, vec![]));
    let seen = client.call("GET", &format!("machines/{id}"), None).await.json();
    assert_eq!(seen["data"]["attributes"]["lastCheckOut"], json!(app.now().to_string()));
}

/// What is asked in vain: the answer says how long is allowed.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_file_never_outlives_what_stands_behind_it(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let fixed = Client::of(&app, "fixed", Some(3)).await;
    let floating = Client::of(&app, "floating", Some(3)).await;
    let ttl = async |client: &Client, path: &str, query: &str| {
        client.call("POST", &format!("{path}/actions/check-out{query}"), None).await
    };
    let license = |client: &Client| format!("licenses/{}", client.license);
    let invalid = (422, "CHECKOUT_TTL_INVALID".to_owned(), Some("ttl".to_owned()));
    assert_eq!(certificate(&ttl(&fixed, &license(&fixed), &format!("?ttl={}", 90 * DAY)).await).1, 90 * DAY);
    for query in [format!("?ttl={}", 90 * DAY + 1), "?ttl=3599".to_owned(), "?ttl=null".to_owned(), "?ttl=x".to_owned()]
    {
        assert_eq!(refused(&ttl(&fixed, &license(&fixed), &query).await), invalid, "{query}");
    }
    // No seat stands behind it: it holds as long as one would.
    assert_eq!(certificate(&ttl(&floating, &license(&floating), "").await).1, 1_800);
    assert_eq!(refused(&ttl(&floating, &license(&floating), "?ttl=3600").await), invalid);
    // The plan lends seats for 14 days, and the seat is lent for as long as the file holds.
    let machine = format!("machines/{}", floating.seated("loom-1").await);
    assert_eq!(refused(&ttl(&floating, &machine, &format!("?ttl={}", 14 * DAY + 1)).await), invalid);
    assert_eq!(certificate(&ttl(&floating, &machine, &format!("?ttl={}", 3 * DAY)).await).1, 3 * DAY);
    app.pass_days(2);
    assert_eq!(floating.code(json!({ "fingerprint": "loom-1" })).await, "VALID", "the seat is lent");
    assert_eq!(certificate(&ttl(&floating, &machine, "").await).1, 14 * DAY);
    app.pass_days(15);
    let dead = ttl(&floating, &machine, "").await;
    assert_eq!(code(&dead), (422, "MACHINE_HEARTBEAT_DEAD".to_owned()));
    // The license's own end, with its slack, comes first.
    app.pass_days(365 + 3 - 17 - 2);
    let left = certificate(&ttl(&fixed, &license(&fixed), "").await).1;
    assert!((DAY..=3 * DAY).contains(&left), "{left}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_included_or_written_is_refused(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let path = format!("licenses/{}/actions/check-out", client.license);
    for (query, expected) in [
        ("include=owner", "CHECKOUT_INCLUDE_INVALID"),
        ("include=entitlements,users", "CHECKOUT_INCLUDE_INVALID"),
        ("algorithm=base64%2Brsa-sha256", "CHECKOUT_ALGORITHM_INVALID"),
        ("algorithm=ed25519", "CHECKOUT_ALGORITHM_INVALID"),
        ("encrypt=1&algorithm=base64%2Bed25519", "CHECKOUT_ALGORITHM_INVALID"),
    ] {
        assert_eq!(
            code(&client.call("POST", &format!("{path}?{query}"), None).await),
            (422, expected.to_owned()),
            "{query}"
        );
    }
    assert_eq!(client.call("POST", &format!("{path}?encrypt=perhaps"), None).await.status, 400);
}

/// Regression: the encrypted file of a machine that was activated through Signet's own API with a fingerprint of the operator's
/// opened with the machine's id in the fingerprint's place, which no software tries.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn regression_a_machine_whose_fingerprint_was_never_said_here(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let activated = |name: &'static str, value: &'static str| {
        let (key, app) = (client.key.clone(), &app);
        async move {
            let components = [(name.to_owned(), signet_verify::machine::digest(name, value))].into();
            let machine = activation::Machine { components, ..activation::Machine::default() };
            let key = key.into();
            let granted = app.write(move |tx, ctx| activation::activate(tx, ctx, &key, &machine)).await;
            granted.unwrap().activation.id.to_string()
        }
    };
    let id = activated(signet_verify::machine::OPERATOR, "foo").await;
    let file = |name: &str, query: &str| format!("machines/{name}/actions/check-out{query}");
    let refusal = client.call("POST", &file(&id, "?encrypt=1"), None).await;
    assert_eq!(code(&refusal), (422, "MACHINE_FINGERPRINT_UNKNOWN".to_owned()));
    let (plain, _) = certificate(&client.call("POST", &file(&id, ""), None).await);
    assert_eq!(opened(&client, "machine", &plain, None)["data"]["attributes"]["fingerprint"], json!(id));
    assert_eq!(client.code(json!({ "fingerprint": id })).await, "VALID", "its id stands in");
    for name in ["foo", &id] {
        // Once it was said, it is known.
        let (sealed, _) = certificate(&client.call("POST", &file(name, "?encrypt=1"), None).await);
        let document = opened(&client, "machine", &sealed, Some(&format!("{}foo", client.key)));
        assert_eq!(document["data"]["attributes"]["fingerprint"], "foo");
    }
    // Where nobody ever gave it a name, its id is one.
    let id = activated("board", "b-1").await;
    let (sealed, _) = certificate(&client.call("POST", &file(&id, "?encrypt=1"), None).await);
    opened(&client, "machine", &sealed, Some(&format!("{}{id}", client.key)));
}
