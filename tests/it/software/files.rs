//! License files and the exchange with machines without network, over HTTP.

use rstest::rstest;
use serde_json::json;
use signet_verify::{bundle::Bundle, read, request::Request};

use super::{NOBODYS, Software, refusal, ring};
use crate::harness::{Backend, TestApp};

fn request(number: u32) -> String {
    let components = serde_json::from_value(super::components(number)).unwrap();
    Request { product: "mill".to_owned(), name: "press-room".to_owned(), components, ..Request::default() }
        .to_text()
        .unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_license_file_is_what_is_saved(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(2)).await;
    let none = software.call("POST", "/license-file", None).await;
    assert_eq!((none.status, refusal(&none).as_str()), (404, "machine_unknown"));
    let seats = [software.seated(1).await, software.seated(2).await];
    for (body, machines) in [(json!({}), 2), (json!({ "activations": [seats[1]] }), 1)] {
        let answer = software.post("/license-file", body).await;
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")), "{answer:?}");
        let bundle = Bundle::parse(std::str::from_utf8(&answer.body).unwrap()).unwrap();
        let ring = ring(&app, "mill", &answer.json()).await;
        let file = read::read_license_file(bundle.license_file.as_deref().unwrap(), &ring, "mill").unwrap();
        assert_eq!(file.claims.bound_to.len(), machines);
    }
    let other = software.post("/license-file", json!({ "activations": [NOBODYS] })).await;
    assert_eq!((other.status, refusal(&other).as_str()), (404, "machine_unknown"));
    let many = vec![NOBODYS; 2_000];
    assert_eq!(software.post("/license-file", json!({ "activations": many })).await.status, 413);
    assert_eq!(software.post("/license-file", json!({ "activations": ["x"] })).await.status, 422);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_machine_without_network_is_activated_by_its_request_text(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    let first = software.post("/offline-activations", json!({ "request": request(1) })).await;
    assert_eq!(first.status, 201, "{first:?}");
    let bundle = Bundle::parse(std::str::from_utf8(&first.body).unwrap()).unwrap();
    let ring = ring(&app, "mill", &first.json()).await;
    let lease = read::read_lease(bundle.lease.as_deref().unwrap(), &ring, "mill").unwrap().claims;
    assert_eq!(software.post("/offline-activations", json!({ "request": request(1) })).await.status, 200);
    assert_eq!(software.renew(&lease.activation).await.json()["activation"]["name"], "press-room");
    let full = software.post("/offline-activations", json!({ "request": request(2) })).await;
    assert_eq!((full.status, refusal(&full).as_str()), (409, "machine_limit"));
}

#[tokio::test]
async fn a_typing_error_in_a_request_text_is_named_by_its_line_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    let mut lines: Vec<String> = request(1).lines().map(str::to_owned).collect();
    let last = lines[1].pop().unwrap();
    lines[1].push(if last == 'A' { 'B' } else { 'A' });
    let answer = software.post("/offline-activations", json!({ "request": lines.join("\n") })).await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("line 2"), "{answer:?}");
}
