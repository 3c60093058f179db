//! Signed keys: given where the catalog says so, verified with the door's key alone, and good wherever a license key is.

use data_encoding::BASE64URL;
use rstest::rstest;
use serde_json::{Value, json};
use signet::usecase::{
    keys,
    merchant::{self, Act},
    token::{self, Scope},
};

use super::{Client, act, code, door_token};
use crate::harness::{Backend, CATALOG, TestApp, slug};

/// The test catalog, where the product gives signed keys.
pub fn signed_catalog() -> String {
    CATALOG.replace("slug = \"mill\"", "slug = \"mill\"\nlicense_keys = \"signed\"")
}

/// The license as a token sees it.
async fn seen(app: &TestApp, client: &Client) -> Value {
    let token = format!("Bearer {}", door_token(app, "mill", None).await);
    let answer = client.showing(Some(&token)).call("GET", &format!("licenses/{}", client.license), None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["data"]["attributes"].clone()
}

/// The same license, shown by its signed key.
pub async fn signed(app: &TestApp, client: &Client) -> Client {
    let attributes = seen(app, client).await;
    assert_eq!(attributes["scheme"], "ED25519_SIGN");
    let key = attributes["key"].as_str().unwrap().to_owned();
    Client { shows: Some(format!("License {key}")), key, ..client.clone() }
}

/// Whether the key verifies with the door's key alone: what it says.
fn verified(client: &Client) -> Value {
    let (text, signature) = client.key.split_once('.').unwrap();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, client.public_key);
    key.verify(text.as_bytes(), &BASE64URL.decode(signature.as_bytes()).unwrap()).expect("a good signature");
    let dataset = BASE64URL.decode(text.strip_prefix("key/").unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&dataset).unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_signed_key_is_good_wherever_a_license_key_is_and_never_changes(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let short = Client::of(&app, "fixed", Some(1)).await;
    let before = seen(&app, &short).await;
    assert_eq!((&before["scheme"], &before["key"]), (&Value::Null, &json!(short.key)));
    app.apply_catalog(&signed_catalog()).await;
    let client = signed(&app, &short).await;
    let dataset = verified(&client);
    assert_eq!((&dataset["account"]["id"], &dataset["policy"]["id"]), (&json!("mill"), &json!("fixed")));
    assert_eq!(dataset["license"]["id"], json!(client.license));
    assert_eq!(client.code(json!({})).await, "VALID");
    let machine = client.seated("loom").await;
    let me = client.call("GET", "me", None).await.json();
    assert_eq!(me["data"]["attributes"]["key"], json!(client.key), "what was shown");
    // In an address it is written with escapes.
    let escaped = client.key.replace('/', "%2F").replace('=', "%3D");
    assert_eq!(client.call("GET", &format!("licenses/{escaped}"), None).await.status, 200);
    assert_eq!(client.call("GET", &format!("licenses/{}", short.key), None).await.status, 200, "the same license");
    let license = client.license;
    let revealed = app.write(move |tx, ctx| merchant::reveal(tx, ctx, license)).await.unwrap();
    assert_eq!((revealed.signed_key.as_deref(), &revealed.key), (Some(client.key.as_str()), &short.key));
    // Neither the license's life nor the catalog changes it, and the short key stays good.
    act(&app, &client, Act::Extend(None)).await;
    assert_eq!(signed(&app, &short).await.key, client.key);
    app.apply_catalog(CATALOG).await;
    assert_eq!((client.code(json!({})).await, short.code(json!({})).await), ("VALID".into(), "VALID".into()));
    assert_eq!(short.call("DELETE", &format!("machines/{machine}"), None).await.status, 204);
    act(&app, &client, Act::Suspend).await;
    assert_eq!(client.code(json!({})).await, "SUSPENDED");
    act(&app, &client, Act::Release).await;
    assert_eq!(client.code(json!({})).await, "NOT_FOUND");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_forged_signed_key_and_one_of_no_license_are_answered_alike(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    app.apply_catalog(&signed_catalog()).await;
    let client = signed(&app, &Client::of(&app, "fixed", Some(1)).await).await;
    let (text, signature) = client.key.split_once('.').unwrap();
    let dataset = verified(&client);
    let unsigned = |dataset: &Value| format!("key/{}.{signature}", BASE64URL.encode(dataset.to_string().as_bytes()));
    let installation = app.app.installation();
    let door = installation.keys.door(&slug("mill")).unwrap();
    let resigned = |dataset: &Value| signet::license::keygen::key::sign(door, dataset.to_string().as_bytes());
    let with = |pointer: &str, value: Value| {
        let mut changed = dataset.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let nobody = with("/license/id", json!("0197a000-0000-7000-8000-000000000001"));
    let foreign = with("/product/id", json!("atlas"));
    let altered = with("/policy/id", json!("floating"));
    let forged = [
        unsigned(&nobody),
        unsigned(&dataset.clone()) + "A",
        unsigned(&foreign),
        resigned(&nobody),
        resigned(&foreign),
        resigned(&altered),
        text.to_owned(),
        "key/".to_owned(),
    ];
    let told = |answer: crate::harness::Answer| {
        let mut said = answer.json();
        for changing in ["ts", "nonce"] {
            said["meta"][changing].take();
        }
        said
    };
    let unknown = Client { key: "no-such-key".to_owned(), ..client.clone() }.validate_key(json!({})).await;
    let unknown = told(unknown);
    assert_eq!(unknown["meta"]["code"], "NOT_FOUND");
    for key in forged {
        let forger = Client { shows: Some(format!("License {key}")), key, ..client.clone() };
        assert_eq!(told(forger.validate_key(json!({})).await), unknown, "{}", forger.key);
        let refused = code(&forger.call("GET", "me", None).await);
        assert_eq!(refused, (401, "LICENSE_INVALID".to_owned()), "{}", forger.key);
    }
    // Nor at another product's door.
    let elsewhere = Client { prefix: "/v1/accounts/atlas", ..client.clone() };
    let public_key = *installation.keys.door(&slug("atlas")).unwrap().public().as_bytes();
    let head = format!("Authorization: License {}", client.key);
    let request =
        format!("GET {}/me HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{head}\r\n\r\n", elsewhere.prefix, super::HOST);
    let answer = crate::harness::exchange(app.address, request.as_bytes()).await;
    assert_eq!(code(&answer), (401, "LICENSE_INVALID".to_owned()));
    assert_ne!(public_key, client.public_key);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_rotated_door_signs_with_its_new_key_and_believes_no_old_one(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    app.apply_catalog(&signed_catalog()).await;
    let client = signed(&app, &Client::of(&app, "fixed", Some(1)).await).await;
    let before = client.public_key;
    let made = app.write(|tx, ctx| keys::rotate_door(tx, ctx, &slug("mill"))).await;
    assert_ne!(made, before);
    let rotated = Client { public_key: made.try_into().unwrap(), ..client.clone() };
    // Every answer is checked against the new key.
    assert_eq!(rotated.code(json!({})).await, "NOT_FOUND");
    let anew = signed(&app, &rotated).await;
    assert_ne!(anew.key, client.key);
    assert_eq!((verified(&anew), anew.code(json!({})).await), (verified(&client), "VALID".to_owned()));
    let nobody =
        app.app.write(signet::usecase::Actor::CommandLine, |tx, ctx| keys::rotate_door(tx, ctx, &slug("nobody")));
    assert!(matches!(nobody.await, Err(signet::usecase::Failure::Missing(_))));
}

#[tokio::test]
async fn a_token_of_a_door_names_its_product_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    for (scopes, product) in [
        (&[Scope::Keygen][..], None),
        (&Scope::ALL, None),
        (&[Scope::LicensesRead], Some(slug("mill"))),
        (&[], Some(slug("mill"))),
    ] {
        let make = app.app.write(signet::usecase::Actor::CommandLine, move |tx, ctx| {
            token::create_for(tx, ctx, "office", scopes, product.as_ref(), None)
        });
        assert!(matches!(make.await, Err(signet::usecase::Failure::Missing(_))), "{scopes:?}");
    }
}
