//! What the operations do, and what the document says about them.

use std::collections::BTreeSet;

use super::*;

/// Method, path with a possible id, and the scope of every operation of the document that needs a token.
async fn operations(api: &Api) -> Vec<(String, String, Scope)> {
    let document = api.send("GET", "/openapi.json", &[], "").await.json();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["operationId"] == "openapi"
                || ["published", "software", "deployments"].contains(&operation["tags"][0].as_str().unwrap())
            {
                continue;
            }
            let scope = operation["security"][0]["bearer"][0].as_str().unwrap_or_else(|| panic!("{method} {path}"));
            let path = path.strip_prefix("/api/v1").unwrap();
            let path = path.replace("{id}", "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21");
            let path = path.replace("{activation}", "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a22");
            let path = path.replace("{event}", "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a23");
            let path = path.replace("{product}", "atlas").replace("{channel}", "koogallery");
            found.push((method.to_uppercase(), path, scope.parse().unwrap()));
        }
    }
    assert!(found.len() >= 24, "{found:?}");
    found
}

/// What `GET /licenses/{id}` shows of a license whose plan has no meters.
fn with_meters(license: &Value) -> Value {
    let mut detail = license.clone();
    detail["meters"] = json!([]);
    detail
}

/// What events tell of a license is written by the use cases, what the API shows by the API: they are the same.
#[tokio::test]
async fn events_tell_a_license_as_the_api_shows_it() {
    let api = Api::start().await;
    let id = api.issue().await;
    api.post(&format!("/licenses/{id}/suspend"), json!({})).await;
    let shown = api.get("/licenses").await.json();
    let id = id.parse().unwrap();
    let find = move |tx: &mut crate::store::Tx, _: crate::usecase::Context<'_>| Ok(tx.license_find(id)?);
    let license = api.app.read::<_, Failure, _>(Actor::Signet, find).await.unwrap().unwrap();
    assert_eq!(crate::usecase::event::shown(&license), shown["items"][0]);
    assert_eq!(shown["items"][0]["state"], "frozen");
}

#[tokio::test]
async fn every_operation_needs_a_token() {
    let api = Api::start().await;
    for (method, path, _) in operations(&api).await {
        let answer = api.send(&method, &path, &[], "").await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "unauthorized"), "{method} {path}");
    }
}

#[tokio::test]
async fn every_operation_needs_the_scope_it_names_and_no_other() {
    let api = Api::start().await;
    for (method, path, scope) in operations(&api).await {
        let others: Vec<_> = Scope::ALL.into_iter().filter(|it| *it != scope).collect();
        let bearer = format!("Bearer {}", api.token(&others, None).await);
        let answer = api.send(&method, &path, &[("authorization", &bearer)], "").await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{method} {path}");
        assert!(answer.text.contains(scope.as_str()), "{answer:?}");
        let bearer = format!("Bearer {}", api.token(&[scope], None).await);
        let answer = api.send(&method, &path, &[("authorization", &bearer)], "").await;
        assert!(![401, 403, 405, 500].contains(&answer.status), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let api = Api::start().await;
    let answer = api.send("GET", "/openapi.json", &[], "").await;
    let document = answer.json();
    assert_eq!((document["openapi"].as_str(), answer.header("content-type")), (Some("3.1.0"), "application/json"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let known: BTreeSet<_> = document["components"]["schemas"].as_object().unwrap().keys().collect();
    for part in answer.text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap().to_owned();
        assert!(known.contains(&name), "{name} is not described");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            let problems = responses.iter().filter(|(status, _)| status.starts_with(['4', '5']));
            for (status, response) in problems {
                assert!(response["content"]["application/problem+json"].is_object(), "{method} {path} {status}");
            }
        }
    }
}

/// The calls of licensed software, as the document for its writers lists them.
#[tokio::test]
async fn every_call_that_the_documents_name_is_described() {
    let api = Api::start().await;
    let document = api.send("GET", "/openapi.json", &[], "").await.json();
    let rows = include_str!("../../../../docs/activation.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let calls = rows.filter_map(|row| row.split('`').next()?.split_once(" /"));
    let mut found = 0;
    for (method, address) in calls {
        let path = format!("/{}", address.split('?').next().unwrap());
        let described = &document["paths"][&path][method.to_lowercase()];
        assert!(described.is_object(), "{method} {path} is not described");
        found += 1;
    }
    assert!(found >= 8, "{found}");
    for path in ["/.well-known/jwks.json", "/products/{product}/jwks.json"] {
        assert!(document["paths"][path]["get"].is_object(), "{path} is not described");
    }
}

#[tokio::test]
async fn a_license_lives_through_everything_a_merchant_can_do() {
    let api = Api::start().await;
    let wish = json!({
        "product": "atlas", "plan": "team", "expires_at": "2026-06-30T00:00:00Z", "quantity": 3, "trial": true,
        "device": "m-1", "customer": { "id": "c-1", "name": "客户" },
    });
    let issued = api.post("/licenses", wish).await.json();
    let license = &issued["license"];
    assert_eq!((&license["machines"], &license["state"], &license["rev"]), (&json!(6), &json!("active"), &json!(1)));
    assert_eq!((&license["customer"]["name"], &license["trial"]), (&json!("客户"), &json!(true)));
    let id = license["id"].as_str().unwrap();
    let keys = api.app.installation().keys.published(None);
    assert!(verify::verify_signature(issued["license_code"].as_str().unwrap(), &keys).is_ok());

    let secrets = api.get(&format!("/licenses/{id}/secrets")).await.json();
    assert_eq!(secrets["license_code"], issued["license_code"]);
    assert_eq!(secrets["license_key"], issued["license_key"]);
    let seen = api.get(&format!("/licenses/{id}")).await;
    assert_eq!(seen.json(), with_meters(license));

    // The history sorts by the millisecond.
    let act = async |verb: &str, body: Value| {
        api.clock.advance(SignedDuration::from_millis(1));
        api.post(&format!("/licenses/{id}/{verb}"), body).await
    };
    let frozen = act("suspend", json!({})).await.json();
    assert_eq!((&frozen["state"], &frozen["holds"]["merchant"]), (&json!("frozen"), &json!(true)));
    assert_eq!(act("resume", json!({})).await.json()["state"], "active");
    let extended = act("extend", json!({ "expires_at": null })).await.json();
    assert_eq!((&extended["expires_at"], &extended["expiry"]), (&Value::Null, &json!("never")));
    assert_eq!(extended["rev"], 2, "the plan's codes carry the end");
    let newest = api.get(&format!("/licenses/{id}/secrets")).await.json();
    assert_ne!(newest["license_code"], issued["license_code"]);
    assert_eq!(newest["license_key"], issued["license_key"]);

    assert_eq!(act("release", json!({})).await.json()["state"], "released");
    assert_eq!(act("release", json!({})).await.status, 200);
    for (verb, body) in [("suspend", json!({})), ("resume", json!({})), ("extend", json!({ "expires_at": null }))] {
        let answer = act(verb, body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "conflict"), "{verb}");
    }
    let history = api.get(&format!("/licenses/{id}/history?limit=4")).await.json();
    let events: Vec<_> = history["items"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["released", "extended", "resumed", "suspended"]);
    assert_eq!(history["items"][0]["actor"], "token:test");
    let next = history["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("/licenses/{id}/history?cursor={next}")).await.json();
    assert_eq!((&rest["items"][0]["event"], &rest["next_cursor"]), (&json!("issued"), &Value::Null));
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let api = Api::start().await;
    let wish = json!({ "product": "atlas", "plan": "solo", "expires_at": "2026-06-30T00:00:00Z", "customer": { "id": "c-1" } });
    api.post("/licenses", wish).await;
    api.issue().await;
    for (query, count) in [
        ("", 2),
        ("product=atlas", 2),
        ("product=beta", 0),
        ("plan=solo", 1),
        ("channel=koogallery", 0),
        ("state=active", 2),
        ("state=frozen", 0),
        ("customer_id=c-1", 1),
        ("instance_id=none", 0),
        ("order_id=none", 0),
        ("expires_before=2026-06-30T00:00:00Z", 0),
        ("expires_before=2026-07-01T00:00:00Z", 1),
        ("expires_after=2026-06-30T00:00:00Z&plan=solo", 1),
        ("expires_after=2026-07-01T00:00:00Z", 1),
    ] {
        let page = api.get(&format!("/licenses?{query}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn usage_is_added_exactly_and_once() {
    let api = Api::start().await;
    let path = format!("/licenses/{}/usage", api.issue().await);
    let report = |amount: &str| json!({ "meter": "calls", "amount": amount });
    for (amount, key, total) in [("0.1", "a", "0.1"), ("0.2", "b", "0.3"), ("0.2", "b", "0.3"), ("12.5", "c", "12.8")] {
        let answer = api.post_once(&path, report(amount), Some(key)).await.json();
        assert_eq!(answer["items"][0]["total"], total);
    }
    for amount in ["--1", "-", "+1", "1e3", "0.00001", ""] {
        assert_eq!(api.post(&path, report(amount)).await.status, 422, "{amount}");
    }
    assert_eq!(api.post(&path, json!({ "meter": "calls", "amount": 1.5 })).await.status, 422);
    assert_eq!(api.post(&path, report("-12.8001")).await.problem(), "conflict");
    let corrected = api.post_once(&path, report("-2.8"), Some("d")).await.json();
    assert_eq!(corrected["items"][0]["total"], "10");
    assert_eq!(api.post_once(&path, report("2.8"), Some("e")).await.json()["items"][0]["total"], "12.8");
    for number in 1..32 {
        assert_eq!(api.post(&path, json!({ "meter": format!("m-{number}"), "amount": "1" })).await.status, 200);
    }
    assert_eq!(api.post(&path, json!({ "meter": "one-more", "amount": "1" })).await.status, 409);
    let counters = api.get(&path).await.json();
    assert_eq!(counters["items"][0]["total"], "12.8");
    assert_eq!(counters["items"].as_array().unwrap().len(), 32);
}

#[tokio::test]
async fn a_waiting_order_is_completed_once() {
    let api = Api::start().await;
    let id = api.waiting_order(OrderKind::Purchase, None).await;
    let path = format!("/orders/{id}/complete");
    assert_eq!(api.get("/orders?status=waiting&kind=purchase").await.json()["items"][0]["id"], id);
    let unknown = api.post(&path, json!({ "product": "atlas", "plan": "gold" })).await;
    assert_eq!(unknown.status, 422);
    let done = api.post(&path, json!({ "product": "atlas", "plan": "team", "customer": { "id": "c-9" } })).await;
    assert_eq!((done.status, &done.json()["status"]), (200, &json!("fulfilled")), "{done:?}");
    let license = api.get(&format!("/licenses/{}", done.json()["license_id"].as_str().unwrap())).await.json();
    assert_eq!((&license["instance_id"], &license["customer"]["id"]), (&json!("instance-1"), &json!("c-9")));
    assert_eq!(with_meters(&api.get("/licenses?order_id=CS1").await.json()["items"][0]), license);
    assert_eq!(api.post(&path, json!({ "product": "atlas", "plan": "team" })).await.problem(), "conflict");
    assert_eq!(api.get(&format!("/orders/{id}")).await.json(), done.json());
}

#[tokio::test]
async fn an_upgrade_of_a_released_license_is_settled_as_flagged() {
    let api = Api::start().await;
    let license = api.issue().await;
    api.post(&format!("/licenses/{license}/release"), json!({})).await;
    let id = api.waiting_order(OrderKind::Upgrade, Some(&license)).await;
    let wish = json!({ "product": "atlas", "plan": "solo" });
    let answer = api.post_once(&format!("/orders/{id}/complete"), wish, Some("k")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "conflict"));
    assert_eq!(api.get(&format!("/orders/{id}")).await.json()["status"], "flagged");
    let alerts = api.get("/alerts").await.json();
    assert_eq!(alerts["items"][0]["kind"], "paid_after_release");
    let alert = alerts["items"][0]["id"].as_str().unwrap();
    let resolved = api.post(&format!("/alerts/{alert}/resolve"), json!({})).await.json();
    assert_eq!(resolved["resolved_by"], "token:test");
    api.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(api.post(&format!("/alerts/{alert}/resolve"), json!({})).await.json(), resolved);
    assert_eq!(api.get("/alerts").await.json()["items"], json!([]));
    assert_eq!(api.get("/alerts?include_resolved=true").await.json()["items"][0], resolved);
}

#[tokio::test]
async fn the_catalog_is_shown_without_secrets() {
    let api = Api::start().await;
    let channels = api.get("/channels").await;
    let channel = &channels.json()["items"][0];
    assert_eq!(channel["address"], "https://license.test/marketplace/koogallery/koogallery");
    assert_eq!(channel["access_key"], json!({ "kind": "file", "name": "key" }));
    assert_eq!(channel["access_key_readable"], true);
    assert_eq!(&api.get("/channels/koogallery").await.json(), channel);
    let products = api.get("/products?limit=1").await;
    assert_eq!(products.json()["items"][0]["slug"], "atlas", "by name");
    let next = format!("/products?cursor={}", products.json()["next_cursor"].as_str().unwrap());
    assert_eq!(api.get(&next).await.json()["items"][0]["slug"], "beta");
    assert_eq!(api.get("/products/atlas").await.json()["plans"][1]["slug"], "solo");
    for answer in [channels, products] {
        assert!(!answer.text.contains("access-key-in-clear") && !answer.text.contains("first-secret"));
    }
    std::fs::remove_file(api.dir.path().join("key")).unwrap();
    api.app.reload().await.unwrap();
    assert_eq!(api.get("/channels").await.json()["items"][0]["access_key_readable"], false);
}

#[tokio::test]
async fn a_page_moves_no_row_while_others_are_added() {
    let api = Api::start().await;
    let mut issued = Vec::new();
    for _ in 0..7 {
        api.clock.advance(SignedDuration::from_secs(1));
        issued.insert(0, api.issue().await);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("/licenses?limit=3{cursor}")).await.json();
        let ids = page["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        api.clock.advance(SignedDuration::from_secs(1));
        api.issue().await;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, issued);
    let orders = api.get(&format!("/orders?{}", &cursor[1..])).await;
    assert_eq!(orders.problem(), "malformed", "a cursor of another list");
}

#[tokio::test]
async fn a_new_link_takes_the_place_of_the_old_one_once_for_each_key() {
    let api = Api::start().await;
    let id = api.issue().await;
    let shown = async || api.get(&format!("/licenses/{id}/link")).await.json();
    let first = shown().await;
    let url = first["url"].as_str().unwrap();
    assert!(url.starts_with("https://license.test/l/") && url.len() == "https://license.test/l/".len() + 48, "{url}");
    assert_eq!((&first["version"], &first["rotated_at"]), (&json!(1), &Value::Null));
    for _ in 0..2 {
        let answer = api.post_once(&format!("/licenses/{id}/link"), json!({}), Some("once")).await;
        assert_eq!(answer.json(), json!({ "version": 2, "rotated_at": api.app.now() }), "and no link for this scope");
    }
    let second = shown().await;
    assert_eq!(second["version"], 2);
    assert_ne!(second["url"], first["url"]);
    let unknown = "/licenses/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21/link";
    assert_eq!((api.get(unknown).await.status, api.post(unknown, json!({})).await.status), (404, 404));
}
