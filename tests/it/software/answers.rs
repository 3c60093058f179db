//! What each call answers, and that nothing of it can be forged.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::json;
use signet::{license::activation::Reason, usecase::merchant::Act};
use signet_verify::{
    claims::Asked,
    read,
    validation::{self, NotAnAnswer},
};

use super::{NOBODYS, Software, act, components, lease, manage, members, refusal, ring, signed, unknown_key};
use crate::harness::{Answer, Backend, TestApp};

const LEASE: [&str; 7] = ["activation", "lease", "code", "keys", "server_time", "warnings", "meters"];
const FREED: [&str; 4] = ["activation", "reason", "signed", "keys"];
const REFUSAL: [&str; 8] = ["type", "title", "status", "detail", "reason", "conclusive", "signed", "keys"];

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_machine_is_activated_renewed_and_given_back(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(2)).await;
    let body =
        json!({ "components": components(1), "name": "host-1", "version": "2.4", "nonce": "n-1", "container": true });
    let first = software.post("/activations", body.clone()).await;
    assert_eq!((first.status, members(&first)), (201, LEASE.map(str::to_owned).to_vec()), "{first:?}");
    let said = lease(&app, &first).await;
    let id = first.json()["activation"]["id"].as_str().unwrap().to_owned();
    assert_eq!((said.activation.as_str(), said.nonce.as_deref()), (id.as_str(), Some("n-1")));
    assert_eq!(first.json()["warnings"][0]["code"], "container_identity");
    assert_eq!(first.json()["activation"]["name"], "host-1");

    let again = software.post("/activations", body).await;
    assert_eq!((again.status, &again.json()["activation"]["id"]), (200, &json!(id)));
    app.pass(SignedDuration::from_hours(24));
    let renewed = software.renew(&id).await;
    assert_eq!((renewed.status, members(&renewed)), (200, LEASE.map(str::to_owned).to_vec()));
    assert!(lease(&app, &renewed).await.exp > said.exp);
    // With the code as with the key.
    assert_eq!(software.showing(&software.code).renew(&id).await.status, 200);

    for _ in 0..2 {
        let freed = software.deactivate(&id).await;
        assert_eq!((freed.status, members(&freed)), (200, FREED.map(str::to_owned).to_vec()), "{freed:?}");
        let ring = ring(&app, "mill", &freed.json()).await;
        let text = freed.json()["signed"].as_str().unwrap().to_owned();
        let said = read::read_validation(&text, &ring, "mill").unwrap().claims;
        assert_eq!((said.reason.as_str(), said.activation.as_ref()), ("machine_unknown", Some(&id)));
        assert!(!said.valid && said.asked == Asked::about(&software.key));
    }
    let gone = software.renew(&id).await;
    assert_eq!((gone.status, refusal(&gone).as_str()), (404, "machine_unknown"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_question_is_answered_with_200_and_a_signature_whatever_the_answer_is(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", None).await;
    let nonce = |nonce: &str| Asked { nonce: Some(nonce.to_owned()), ..Asked::about(&software.key) };
    let yes = software.post("/validate", json!({ "nonce": "n-1" })).await;
    assert_eq!(
        (yes.status, &yes.json()["valid"], &yes.json()["license"]["plan"]),
        (200, &json!(true), &json!("fixed"))
    );
    let claims = signed(&app, "mill", &yes, &nonce("n-1")).await;
    assert!(claims.valid);
    let server_time: signet::base::time::Time = yes.json()["server_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(server_time.as_micros(), claims.time, "to the microsecond");

    // No body at all is a question without conditions.
    assert_eq!(software.call("POST", "/validate", None).await.json()["reason"], "valid");
    act(&app, &software, Act::Suspend).await;
    let no = software.post("/validate", json!({ "nonce": "n-2" })).await;
    assert_eq!((no.status, &no.json()["valid"], &no.json()["reason"]), (200, &json!(false), &json!("license_frozen")));
    assert!(!signed(&app, "mill", &no, &nonce("n-2")).await.valid);
}

/// A proxy that lies can neither say yes nor no, nor show an old answer again.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_forged_answer_is_detected(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", None).await;
    let yes = software.post("/validate", json!({ "nonce": "n-1" })).await.json();
    act(&app, &software, Act::Release).await;
    let no = software.post("/validate", json!({ "nonce": "n-2" })).await.json();
    let ring = ring(&app, "mill", &no).await;
    let old = read::read_validation(yes["signed"].as_str().unwrap(), &ring, "mill").unwrap();
    let asked = Asked { nonce: Some("n-2".to_owned()), ..Asked::about(&software.key) };
    assert_eq!(validation::answers(&old, &asked), Err(NotAnAnswer::OtherNonce));
    let fresh = no["signed"].as_str().unwrap();
    let [header, payload, signature] = fresh.split('.').collect::<Vec<_>>().try_into().unwrap();
    let old_payload = yes["signed"].as_str().unwrap().split('.').nth(1).unwrap();
    for forged in [format!("{header}.{old_payload}.{signature}"), format!("{header}.{payload}.{}", "A".repeat(86))] {
        assert!(read::read_validation(&forged, &ring, "mill").is_err(), "{forged}");
    }
    // Signed by keys of the same service, but of another product.
    let other = software.post("/validate", json!({ "product": "desk", "nonce": "n-2" })).await.json();
    assert!(read::read_validation(other["signed"].as_str().unwrap(), &ring, "mill").is_err());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_refusal_has_its_status_and_is_signed(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    let seat = software.seated(1).await;
    let about = Asked::about(&software.key);
    let version = software.post("/activations", json!({ "components": components(1), "version": "3.0" })).await;
    let product = software.post("/activations", json!({ "components": components(1), "product": "desk" })).await;
    let full = software.activate(2).await;
    let unknown = software.renew(NOBODYS).await;
    let other = software
        .post(&format!("/activations/{seat}/renew"), json!({ "components": components(2), "nonce": "n" }))
        .await;
    for (answer, status, reason) in [
        (&version, 403, "version_not_allowed"),
        (&product, 403, "product_mismatch"),
        (&full, 409, "machine_limit"),
        (&unknown, 404, "machine_unknown"),
        (&other, 409, "machine_mismatch"),
    ] {
        assert_eq!((answer.status, refusal(answer).as_str()), (status, reason));
        let holders = (reason == "machine_limit").then_some("holders");
        assert_eq!(members(answer), REFUSAL.into_iter().chain(holders).collect::<Vec<_>>());
    }
    let holder = &full.json()["holders"][0];
    assert_eq!((&holder["activation"], &holder["name"]), (&json!(seat), &json!("host-1")));
    signed(&app, "mill", &unknown, &about).await;
    let components = serde_json::from_value(components(2)).unwrap();
    let asked = Asked { nonce: Some("n".to_owned()), components, ..about.clone() };
    assert_eq!(signed(&app, "mill", &other, &asked).await.activation.as_deref(), Some(seat.as_str()));

    act(&app, &software, Act::Release).await;
    let released = software.renew(&seat).await;
    assert_eq!((released.status, refusal(&released).as_str()), (403, "license_released"));
    for (text, reason) in [("ABCDE", "license_malformed"), (&unknown_key(), "license_not_found")] {
        let stranger = software.showing(text);
        for answer in [stranger.activate(1).await, stranger.renew(&seat).await, stranger.deactivate(&seat).await] {
            assert_eq!((answer.status, refusal(&answer).as_str()), (403, reason));
            signed_by_the_installation(&app, &answer).await;
        }
    }
}

async fn signed_by_the_installation(app: &TestApp, answer: &Answer) {
    let ring = ring(app, "installation", &answer.json()).await;
    let claims =
        read::read_validation(answer.json()["signed"].as_str().unwrap(), &ring, "installation").unwrap().claims;
    assert_eq!(answer.json()["reason"], claims.reason);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_machine_that_comes_and_goes_is_told_to_wait(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    for number in 0..6 {
        let seat = software.seated(number).await;
        assert_eq!(software.deactivate(&seat).await.status, 200);
    }
    let cycling = software.activate(6).await;
    assert_eq!((cycling.status, refusal(&cycling).as_str()), (429, "activation_cycling"));
    // All of the places were taken just now, so the first gets free in a day.
    assert_eq!((cycling.json()["conclusive"].clone(), cycling.header("Retry-After")), (json!(false), Some("86401")));
    app.pass(SignedDuration::from_secs(86_401));
    assert_eq!(software.activate(6).await.status, 201);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_floating_seat_that_went_back_is_no_definite_no(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "floating", Some(1)).await;
    let seat = software.seated(1).await;
    app.pass(SignedDuration::from_mins(31));
    let answer = software.renew(&seat).await;
    assert_eq!((answer.status, refusal(&answer).as_str()), (409, "lease_ended"));
    assert_eq!(answer.json()["conclusive"], false);
    let again = software.activate(1).await;
    assert_eq!(again.json()["activation"]["id"], seat, "{again:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_merchant_sees_and_frees_the_machines(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(3)).await;
    let mut seats = Vec::new();
    for number in 1..=3 {
        seats.push(software.seated(number).await);
        app.pass(SignedDuration::from_secs(1));
    }
    let path = format!("/licenses/{}/activations", software.license);
    let first = manage(&app, "GET", &format!("{path}?limit=2")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = manage(&app, "GET", &format!("{path}?limit=2&cursor={cursor}")).await.json();
    let ids = [&first["items"][0]["id"], &first["items"][1]["id"], &rest["items"][0]["id"]];
    assert_eq!(ids, [&json!(seats[0]), &json!(seats[1]), &json!(seats[2])]);
    assert_eq!((&rest["next_cursor"], &rest["items"][0]["seated"]), (&json!(null), &json!(true)));
    assert_eq!(rest["items"][0]["components"], json!(["board", "disk", "machine-id"]), "names only, no digest");

    let freed = manage(&app, "DELETE", &format!("{path}/{}", seats[1])).await;
    assert_eq!((freed.status, &freed.json()["ended_by"]), (200, &json!("token:crm")), "{freed:?}");
    let seated = manage(&app, "GET", &format!("{path}?seated=true")).await.json();
    assert_eq!(seated["items"].as_array().unwrap().len(), 2);
    let validated = software.post("/validate", json!({ "components": components(2) })).await.json();
    assert_eq!(validated["reason"], Reason::MachineUnknown.as_str());
    let other = Software::of(&app, "fixed", Some(1)).await;
    for path in [format!("{path}/{NOBODYS}"), format!("/licenses/{}/activations/{}", other.license, seats[0])] {
        assert_eq!(manage(&app, "DELETE", &path).await.status, 404, "{path}");
    }
    assert_eq!(manage(&app, "GET", &format!("/licenses/{NOBODYS}/activations")).await.status, 404);
    assert_eq!(software.renew(&seats[0]).await.status, 200);
}
