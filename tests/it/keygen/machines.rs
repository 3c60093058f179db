//! Machines come, beat, are described and go.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Client, code, refused};
use crate::harness::{Answer, Backend, TestApp};

fn attributes(answer: &Answer) -> Value {
    answer.json()["data"]["attributes"].clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_machine_lives_and_goes(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(2)).await;
    let created = client.activate("loom/1 ä").await;
    assert_eq!(created.status, 201);
    let id = created.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("Location"), Some(format!("/v1/accounts/mill/machines/{id}").as_str()));
    let said = attributes(&created);
    assert_eq!(
        (&said["fingerprint"], &said["cores"], &said["metadata"]),
        (&json!("loom/1 ä"), &json!(8), &json!({ "floor": 2 }))
    );
    assert_eq!((&said["requireHeartbeat"], &said["heartbeatStatus"]), (&json!(false), &json!("NOT_STARTED")));
    // By its id and by its fingerprint, which may hold a slash.
    for name in [id.as_str(), "loom%2F1%20%C3%A4"] {
        assert_eq!(client.call("GET", &format!("machines/{name}"), None).await.json()["data"]["id"], id, "{name}");
    }
    let changes =
        json!({ "data": { "type": "machines", "attributes": { "name": null, "ip": "10.0.0.1", "metadata": {} } } });
    let changed = attributes(&client.call("PATCH", &format!("machines/{id}"), Some(changes)).await);
    assert_eq!((&changed["name"], &changed["ip"], &changed["cores"]), (&Value::Null, &json!("10.0.0.1"), &json!(8)));
    let pinged = attributes(&client.call("POST", &format!("machines/{id}/actions/ping"), None).await);
    assert_eq!(pinged["heartbeatStatus"], "ALIVE");
    let reset = attributes(&client.call("POST", &format!("machines/{id}/actions/reset"), None).await);
    assert_eq!(reset["heartbeatStatus"], "NOT_STARTED");
    let gone = client.call("DELETE", &format!("machines/{id}"), None).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    for method in ["GET", "DELETE", "PATCH"] {
        assert_eq!(code(&client.call(method, &format!("machines/{id}"), None).await).0, 404, "{method}");
    }
    // The same machine again is the same, with another name if it has one.
    assert_eq!(client.seated("loom/1 ä").await, id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_taken_fingerprint_is_told_before_a_full_license(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    client.seated("loom-1").await;
    let pointer = Some("/data/attributes/fingerprint".to_owned());
    assert_eq!(refused(&client.activate("loom-1").await), (422, "FINGERPRINT_TAKEN".to_owned(), pointer));
    assert_eq!(code(&client.activate("loom-2").await), (422, "MACHINE_LIMIT_EXCEEDED".to_owned()));
    // Fingerprints are a license's own.
    Client::of(&app, "fixed", Some(1)).await.seated("loom-1").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn too_many_new_machines_a_day_are_refused_with_a_time_to_wait(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    for number in 0..6 {
        let id = client.seated(&format!("loom-{number}")).await;
        client.call("DELETE", &format!("machines/{id}"), None).await;
        app.pass(SignedDuration::from_secs(1));
    }
    let answer = client.activate("loom-6").await;
    assert_eq!(code(&answer), (422, "MACHINE_LIMIT_EXCEEDED".to_owned()));
    let wait: i64 = answer.header("Retry-After").unwrap().parse().unwrap();
    app.pass(SignedDuration::from_secs(wait));
    client.seated("loom-6").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_floating_seat_beats_and_dies_with_its_lease(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "floating", Some(1)).await;
    let id = client.seated("loom-1").await;
    let ping = format!("machines/{id}/actions/ping");
    let scope = || json!({ "fingerprint": "loom-1" });
    for _ in 0..4 {
        app.pass(SignedDuration::from_mins(20));
        let said = attributes(&client.call("POST", &ping, None).await);
        assert_eq!((&said["heartbeatStatus"], &said["heartbeatDuration"]), (&json!("ALIVE"), &json!(1_800)));
        assert_eq!(said["nextHeartbeat"], json!(app.now().saturating_add(SignedDuration::from_mins(30)).to_string()));
    }
    let reset = attributes(&client.call("POST", &format!("machines/{id}/actions/reset"), None).await);
    assert_eq!(reset["heartbeatStatus"], "NOT_STARTED");
    assert_eq!(client.code(scope()).await, "HEARTBEAT_NOT_STARTED");
    assert_eq!(client.code(json!({ "machine": id })).await, "HEARTBEAT_NOT_STARTED");
    client.call("POST", &ping, None).await;
    assert_eq!(client.code(scope()).await, "VALID");
    app.pass(SignedDuration::from_mins(30));
    assert_eq!(client.code(scope()).await, "HEARTBEAT_DEAD");
    assert_eq!(client.code(json!({ "machine": id })).await, "HEARTBEAT_DEAD");
    assert_eq!(code(&client.call("POST", &ping, None).await), (422, "MACHINE_HEARTBEAT_DEAD".to_owned()));
    assert_eq!(attributes(&client.call("GET", &format!("machines/{id}"), None).await)["heartbeatStatus"], "DEAD");
    // Its seat is free for another; then it gets none itself.
    client.seated("loom-2").await;
    assert_eq!(code(&client.activate("loom-1").await), (422, "MACHINE_LIMIT_EXCEEDED".to_owned()));
    app.pass(SignedDuration::from_mins(31));
    assert_eq!(client.seated("loom-1").await, id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lists_come_in_pages(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(12)).await;
    let mut ids = Vec::new();
    for number in 0..12 {
        ids.push(client.seated(&format!("loom-{number}")).await);
        app.pass(SignedDuration::from_secs(1));
    }
    let listed = async |query: &str| {
        let answer = client.call("GET", &format!("licenses/{}/machines{query}", client.license), None).await.json();
        assert_eq!(answer["meta"]["count"], 12);
        let ids: Vec<_> =
            answer["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
        (ids, answer["links"]["next"].as_str().map(str::to_owned))
    };
    assert_eq!(listed("").await.0, ids[..10]);
    assert_eq!(listed("?limit=100").await, (ids.clone(), None));
    let (second, next) = listed("?page[number]=2&page[size]=5").await;
    assert_eq!(second, ids[5..10]);
    let next = next.unwrap();
    let (_, query) = next.split_once('?').unwrap();
    assert_eq!(listed(&format!("?{query}")).await, (ids[10..].to_vec(), None));
    assert_eq!(listed("?page[cursor]=&page[size]=5").await.0, ids[..5], "as a published client begins");
    // Regression: the door refused its own links beyond page 100, and they forgot what was asked for.
    assert_eq!(listed("?page[cursor]=101&page[size]=5").await, (Vec::new(), None));
    let narrowed = format!("machines?license={}&page[number]=1&page[size]=5", client.license);
    let links = client.call("GET", &narrowed, None).await.json()["links"].clone();
    assert!(
        ["self", "next"].iter().all(|it| links[it].as_str().unwrap().contains(&format!("license={}", client.license)))
    );
    let named = client.call("GET", "machines?fingerprint=loom-3", None).await.json();
    assert_eq!((&named["meta"]["count"], &named["data"][0]["id"]), (&json!(1), &json!(ids[3])));
    for query in ["limit=0", "limit=101", "page[size]=101", "page[number]=101", "page[number]=0", "limit=x", "limit=-1"]
    {
        let answer = client.call("GET", &format!("machines?{query}"), None).await;
        let name = query.split_once('=').unwrap().0.to_owned();
        assert_eq!(refused(&answer), (400, "PARAMETERS_INVALID".to_owned(), Some(name)), "{query}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_said_of_a_machine_has_limits(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let blank = |value: Value| json!({ "data": { "type": "machines", "attributes": { "fingerprint": value } } });
    for value in [json!(""), json!("  "), Value::Null] {
        let answer = client.call("POST", "machines", Some(blank(value))).await;
        assert_eq!(code(&answer), (422, "FINGERPRINT_BLANK".to_owned()));
    }
    let many: serde_json::Map<_, _> = (0..65).map(|number| (number.to_string(), Value::Null)).collect();
    for (pointer, value) in [
        ("/data/type", json!("users")),
        ("/data/attributes/fingerprint", json!("x".repeat(256))),
        ("/data/attributes/name", json!("x".repeat(256))),
        ("/data/attributes/cores", json!(-1)),
        ("/data/attributes/metadata", json!({ "x": "y".repeat(4_096) })),
        ("/data/attributes/metadata", Value::Object(many)),
        ("/data/relationships/license/data/id", json!(7)),
        ("/data/relationships/license/data/type", json!("users")),
        ("/data/relationships/license/data", json!([{ "type": "licenses", "id": client.license }])),
    ] {
        let mut body = client.machine("loom-1");
        *body.pointer_mut(pointer).unwrap() = value;
        let answer = client.call("POST", "machines", Some(body)).await;
        assert_eq!(refused(&answer), (400, "PARAMETERS_INVALID".to_owned(), Some(pointer.to_owned())));
    }
    let mut twice = client.machine("loom-1");
    let component = json!({ "type": "components", "attributes": { "name": "disk", "fingerprint": "d-1" } });
    twice["data"]["relationships"]["components"] = json!({ "data": [component, component] });
    let answer = client.call("POST", "machines", Some(twice.clone())).await;
    assert_eq!(code(&answer), (422, "COMPONENTS_FINGERPRINT_CONFLICT".to_owned()));
    twice["data"]["relationships"]["components"] = json!({ "data": [component] });
    let id = client.call("POST", "machines", Some(twice)).await.json()["data"]["id"].as_str().unwrap().to_owned();
    let components = client.call("GET", &format!("machines/{id}/components"), None).await.json();
    assert_eq!(components["data"][0]["attributes"]["fingerprint"], "d-1");
    let renamed = json!({ "data": { "attributes": { "fingerprint": "other" } } });
    assert_eq!(client.call("PATCH", &format!("machines/{id}"), Some(renamed)).await.status, 400);
}

/// A license that is bound to a device takes the fingerprint for the device's name.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_bound_license_runs_on_its_device_only(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::bound(&app, "bound", None, Some("DEVICE-1")).await;
    assert_eq!(code(&client.activate("DEVICE-2").await), (403, "LICENSE_NOT_ALLOWED".to_owned()));
    let id = client.seated("DEVICE-1").await;
    assert_eq!(client.call("POST", &format!("machines/{id}/actions/ping"), None).await.status, 200);
}

/// Regression: a fingerprint that looks like the id of a machine of another license named nothing.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn regression_a_machine_may_be_called_like_the_id_of_anothers(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let (client, other) = (Client::of(&app, "fixed", Some(2)).await, Client::of(&app, "fixed", Some(2)).await);
    let others = other.seated("loom-1").await;
    let id = client.seated(&others).await;
    let seen = client.call("GET", &format!("machines/{others}"), None).await.json();
    assert_eq!(seen["data"]["id"], json!(id));
    assert_eq!(client.code(json!({ "fingerprint": others })).await, "VALID");
    assert_eq!(other.code(json!({ "fingerprint": others })).await, "FINGERPRINT_SCOPE_MISMATCH", "it has a name here");
}
