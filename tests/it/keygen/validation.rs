//! Validation codes, and the order in which they are looked for.

use rstest::rstest;
use serde_json::{Map, Value, json};
use signet::{
    base::clock::Clock as _,
    usecase::{
        keygen::scope::Code,
        merchant::Act,
        package::{self, Published, Refused, Wanted},
    },
};

use super::{Client, act, code, refused};
use crate::harness::{Backend, TestApp, slug};

/// Part of a scope that leads to the code, for a license whose machine `alive` has a seat and whose machine `dead` had one.
const OBJECTIONS: &[(&str, &str, &str)] = &[
    ("ENVIRONMENT_SCOPE_MISMATCH", "environment", "\"production\""),
    ("PRODUCT_SCOPE_MISMATCH", "product", "\"atlas\""),
    ("POLICY_SCOPE_MISMATCH", "policy", "\"fixed\""),
    ("USER_SCOPE_MISMATCH", "user", "\"C-2\""),
    ("ENTITLEMENTS_SCOPE_EMPTY", "entitlements", "[]"),
    ("ENTITLEMENTS_MISSING", "entitlements", "[\"edition\", \"weaving\"]"),
    ("MACHINE_SCOPE_MISMATCH", "machine", "\"0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21\""),
    ("FINGERPRINT_SCOPE_EMPTY", "fingerprint", "null"),
    ("FINGERPRINT_SCOPE_EMPTY", "fingerprint", "\"\""),
    ("FINGERPRINT_SCOPE_EMPTY", "fingerprints", "[]"),
    ("HEARTBEAT_DEAD", "fingerprint", "\"dead\""),
    ("FINGERPRINT_SCOPE_MISMATCH", "fingerprint", "\"nobody\""),
    ("FINGERPRINT_SCOPE_REQUIRED", "components", "[]"),
    ("CHECKSUM_SCOPE_MISMATCH", "checksum", "\"00\""),
    ("VALID", "version", "\"9.0.0\""),
];

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_objection_is_found_and_the_first_one_is_told(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "floating", Some(3)).await;
    client.seated("dead").await;
    app.pass(jiff::SignedDuration::from_mins(31));
    client.seated("alive").await;
    for (index, (expected, name, value)) in OBJECTIONS.iter().enumerate() {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let mut scope = Map::from_iter([((*name).to_owned(), parsed(value))]);
        assert_eq!(client.code(Value::Object(scope.clone())).await, *expected, "{name} {value}");
        // With everything that comes later, it is still the first.
        for (_, later, value) in &OBJECTIONS[index..] {
            let alike = name.starts_with("fingerprint") && later.starts_with("fingerprint");
            if !scope.contains_key(*later) && !alike {
                scope.insert((*later).to_owned(), parsed(value));
            }
        }
        if *expected != "FINGERPRINT_SCOPE_REQUIRED" && *expected != "VALID" {
            assert_eq!(client.code(Value::Object(scope)).await, *expected, "{name} {value} first");
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_fits_is_valid(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let mut body = client.machine("loom-1");
    let component = |name: &str| json!({ "type": "components", "attributes": { "name": name, "fingerprint": format!("{name}-1") } });
    body["data"]["relationships"]["components"] = json!({ "data": [component("disk"), component("board")] });
    let id = client.call("POST", "machines", Some(body)).await.json()["data"]["id"].clone();
    let scope = json!({
        "product": "mill", "policy": "fixed", "user": "C-1", "entitlements": ["edition", "looms"], "machine": id,
        "environment": null, "fingerprint": "loom-1", "components": ["disk-1", "other"], "version": "2.9.0",
    });
    assert_eq!(client.code(scope.clone()).await, "VALID");
    let answer = client.validate_key(scope.clone()).await.json();
    assert_eq!((&answer["meta"]["scope"], &answer["meta"]["nonce"]), (&scope, &json!(7)));
    assert_eq!(
        (&answer["data"]["id"], &answer["data"]["attributes"]["key"]),
        (&json!(client.license), &json!(client.key))
    );
    for (scope, expected) in [
        (json!({ "fingerprints": ["nobody", "loom-1"] }), "VALID"),
        (json!({ "fingerprint": "loom-1", "components": [] }), "COMPONENTS_SCOPE_EMPTY"),
        (json!({ "fingerprint": "loom-1", "components": ["other"] }), "COMPONENTS_SCOPE_MISMATCH"),
        (json!({ "components": ["disk-1"] }), "FINGERPRINT_SCOPE_REQUIRED"),
        (json!({ "fingerprints": ["loom-1"], "components": ["disk-1"] }), "FINGERPRINT_SCOPE_REQUIRED"),
        (json!({ "fingerprints": ["loom-1", "loom-1"] }), "VALID"),
        (json!({ "version": "3.0.0" }), "VERSION_SCOPE_MISMATCH"),
        // A feature that is off is none.
        (json!({ "entitlements": ["export"] }), "ENTITLEMENTS_MISSING"),
    ] {
        assert_eq!(client.code(scope.clone()).await, expected, "{scope}");
    }
    let path = format!("licenses/{}/actions/validate", client.license);
    for method in ["GET", "POST"] {
        let answer = client.call(method, &path, None).await.json();
        assert_eq!((&answer["meta"]["code"], &answer["meta"]["scope"]), (&json!("VALID"), &json!({})));
    }
    let by_key = client.call("GET", &format!("licenses/{}/actions/validate", client.key), None).await;
    assert_eq!(by_key.json()["meta"]["code"], "VALID");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_license_comes_before_its_machines(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let single = Client::of(&app, "fixed", Some(1)).await;
    let several = Client::of(&app, "fixed", Some(2)).await;
    let scope = json!({ "fingerprint": "loom-1" });
    assert_eq!(single.code(scope.clone()).await, "NO_MACHINE");
    assert_eq!(several.code(scope.clone()).await, "NO_MACHINES");
    assert_eq!(several.code(json!({ "machine": "x" })).await, "NO_MACHINES");
    act(&app, &single, Act::Suspend).await;
    assert_eq!(single.code(json!({ "product": "atlas" })).await, "SUSPENDED");
    act(&app, &single, Act::Release).await;
    let released = single.validate_key(json!({})).await.json();
    assert_eq!((&released["meta"]["code"], &released["data"]), (&json!("NOT_FOUND"), &Value::Null));
    assert!(released["meta"]["detail"].as_str().unwrap().contains("ended for good"));
    let nobody = Client { key: "no-such-key".to_owned(), ..several.clone() };
    assert_eq!(nobody.code(json!({})).await, "NOT_FOUND");
    // A downgrade leaves the seats that are taken.
    several.seated("loom-1").await;
    several.seated("loom-2").await;
    let id = several.license;
    app.write(move |tx, _| {
        let mut license = tx.license_find(id)?.unwrap();
        license.machines = 1;
        Ok(tx.license_update(&license)?)
    })
    .await;
    assert_eq!(several.code(scope.clone()).await, "TOO_MANY_MACHINES");
    app.pass_days(400);
    assert_eq!(several.code(scope).await, "TOO_MANY_MACHINES");
    let seat = several.call("DELETE", "machines/loom-2", None).await;
    assert_eq!((seat.status, several.code(json!({})).await), (204, "EXPIRED".to_owned()));
    assert_eq!(several.code(json!({ "fingerprint": "x" })).await, "FINGERPRINT_SCOPE_MISMATCH", "machines come first");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_read_is_said_with_a_pointer(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    let path = "licenses/actions/validate-key";
    for (body, expected, about) in [
        (&b"{"[..], "JSON_INVALID", None),
        (b"[]", "PARAMETERS_INVALID", Some("")),
        (b"\"\xff\"", "ENCODING_INVALID", None),
        (b"", "PARAMETERS_INVALID", Some("/meta/key")),
        (br#"{"meta":{"key":7}}"#, "PARAMETERS_INVALID", Some("/meta/key")),
        (br#"{"meta":{"key":"a\u0000b"}}"#, "PARAMETERS_INVALID", Some("/meta/key")),
        (br#"{"meta":{"key":"a","nonce":"x"}}"#, "PARAMETERS_INVALID", Some("/meta/nonce")),
        (br#"{"meta":{"key":"a","scope":{"fingerprint":7}}}"#, "PARAMETERS_INVALID", Some("/meta/scope/fingerprint")),
        (
            br#"{"meta":{"key":"a","scope":{"components":["",1]}}}"#,
            "PARAMETERS_INVALID",
            Some("/meta/scope/components/0"),
        ),
        (br#"{"meta":{"key":"a","scope":[]}}"#, "PARAMETERS_INVALID", Some("/meta/scope")),
    ] {
        let answer = client.showing(None).raw("POST", path, body).await;
        let expected = (400, expected.to_owned(), about.map(str::to_owned));
        assert_eq!(refused(&answer), expected, "{}", String::from_utf8_lossy(body));
    }
    let long = client.with("Content-Type: text/plain").raw("POST", path, b"{}").await;
    assert_eq!(code(&long), (415, "MEDIA_TYPE_INVALID".to_owned()));
}

/// The codes are a closed list: one that is added needs a line above.
#[test]
fn every_code_has_its_own_name_and_sentence() {
    let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|it| it.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(Code::ALL.is_sorted());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_checksum_is_that_of_a_package_on_offer(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    client.seated("loom-1").await;
    let expires_at = app.clock.now().plus_days(2);
    for (product, version, byte) in [("mill", "1.0.0", "0a"), ("mill", "1.1.0", "0b"), ("atlas", "1.0.0", "0c")] {
        let wanted = Wanted {
            product: slug(product),
            version: version.to_owned(),
            sha256: byte.repeat(32),
            size: 5,
            file: format!("{product}.tar.gz"),
            min_version: None,
            expires_at: (version == "1.1.0").then_some(expires_at),
        };
        let published: Result<Published, Refused> = app.write(move |tx, ctx| package::publish(tx, ctx, &wanted)).await;
        published.unwrap();
    }
    for (checksum, expected) in [
        ("0a".repeat(32), "VALID"),
        ("0A".repeat(32), "VALID"),
        ("0b".repeat(32), "VALID"),
        ("0c".repeat(32), "CHECKSUM_SCOPE_MISMATCH"),
        ("0a".repeat(31), "CHECKSUM_SCOPE_MISMATCH"),
        ("%".repeat(64), "CHECKSUM_SCOPE_MISMATCH"),
    ] {
        assert_eq!(client.code(json!({ "checksum": checksum })).await, expected, "{checksum}");
    }
    app.pass(jiff::SignedDuration::from_hours(49));
    assert_eq!(client.code(json!({ "checksum": "0b".repeat(32) })).await, "CHECKSUM_SCOPE_MISMATCH", "expired");
    assert_eq!(client.code(json!({ "checksum": "0a".repeat(32) })).await, "VALID");
}
