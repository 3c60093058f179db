//! HTTP tests of the management API: the real router on SQLite in a folder of its own.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{
    app::{App, Parts},
    base::{
        clock::ManualClock,
        entropy::{Entropy, SystemEntropy},
        ids::OrderId,
        secret::ExposeSecret,
        time::Time,
    },
    catalog::Catalog,
    license::{seal::MasterKey, verify},
    store::{Access, DatabaseUrl, OrderKind, OrderRecord, OrderStatus, Store},
    usecase::{
        Actor, Failure, catalog,
        token::{self, Scope},
    },
    web::router,
};

mod idempotency;
mod operations;

struct Api {
    app: App,
    router: Router,
    clock: Arc<ManualClock>,
    token: String,
    dir: TempDir,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's type, after making sure that it is a whole problem.
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(
            problem["title"].is_string() && problem["detail"].as_str().is_some_and(|text| text.ends_with('.')),
            "{problem}"
        );
        problem["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned()
    }
}

fn sample_catalog() -> Catalog {
    let plan = |slug: &str, carries: bool| {
        json!({
            "slug": slug, "name": { "zh": "方案", "en": slug }, "term": { "years": 1 }, "machines": 2,
            "features": { "export": true }, "quantity": { "multiply": "machines" }, "code_carries_expiry": carries,
            "expiry_slack": {}, "lease": {}, "bind_parameter": null, "delivery": { "initial_password": "first-secret" },
            "product_ids": [format!("p-{slug}")], "sku_codes": [],
        })
    };
    let product = |slug: &str| {
        json!({ "slug": slug, "name": { "zh": "产品", "en": slug }, "support": {}, "usage_guide": null,
            "plans": [plan("team", true), plan("solo", false)] })
    };
    serde_json::from_value(json!({
        "products": [product("beta"), product("atlas")],
        "channels": [{
            "slug": "koogallery", "products": ["atlas"], "access_key": { "file": "key" }, "window_v1_seconds": 60,
            "window_v2_seconds": 60, "default_plan": null, "debug_plan": null, "debug_ids": [],
            "encrypt_type": "aes256", "open_api": null,
        }],
    }))
    .unwrap()
}

impl Api {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "access-key-in-clear").unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-31T08:00:00Z".parse().unwrap()));
        let url = DatabaseUrl::Sqlite(dir.path().join("signet.db"));
        let now = "2026-01-31T08:00:00Z".parse().unwrap();
        let parts = Parts {
            store: Store::open(&url, Access::Server, now).await.unwrap(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            master: MasterKey::generate(&SystemEntropy),
            public_url: "https://license.test".to_owned(),
            data_dir: PathBuf::from(dir.path()),
            message_days: 30,
            trusted_proxies: crate::base::proxies::Proxies::default(),
            rate_limits: crate::base::rate::RateLimits::default(),
            clouds: crate::provision::provider::clouds::Clouds::default(),
            http: crate::http::Client::new(crate::http::Guard::default()).unwrap(),
            webhooks: crate::http::Client::new(crate::http::Guard::default()).unwrap(),
            webhook_networks: crate::base::networks::Networks::default(),
            mailer: None,
            post: crate::usecase::mail::Post::default(),
            depot: crate::depot::Depot::open(&crate::depot::Place::Folder(dir.path().join("packages"))).unwrap(),
        };
        let app = App::new(parts).await.unwrap();
        let wanted = sample_catalog();
        let apply = move |tx: &mut _, ctx: crate::usecase::Context<'_>| catalog::apply(tx, ctx, &wanted);
        app.write::<_, Failure, _>(Actor::CommandLine, apply).await.unwrap();
        let mut api = Self { router: router::public(&app), app, clock, token: String::new(), dir };
        api.token = api.token(&Scope::ALL, None).await;
        api
    }

    async fn token(&self, scopes: &[Scope], expires_at: Option<Time>) -> String {
        // Lists sort by the millisecond.
        self.clock.advance(SignedDuration::from_millis(1));
        let scopes = scopes.iter().copied().filter(|it| *it != Scope::Keygen).collect::<Vec<_>>();
        let create =
            move |tx: &mut _, ctx: crate::usecase::Context<'_>| token::create(tx, ctx, "test", &scopes, expires_at);
        let (_, text) = self.app.write::<_, Failure, _>(Actor::CommandLine, create).await.unwrap();
        text.expose_secret().to_owned()
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &format!("Bearer {}", self.token))], "").await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_once(path, body, None).await
    }

    async fn post_once(&self, path: &str, body: Value, key: Option<&str>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.send("POST", path, &headers, body.to_string()).await
    }

    /// Issues a license and gives its id.
    async fn issue(&self) -> String {
        let issued = self.post("/licenses", json!({ "product": "atlas", "plan": "team" })).await;
        assert_eq!(issued.status, 201, "{issued:?}");
        issued.json()["license"]["id"].as_str().unwrap().to_owned()
    }

    async fn waiting_order(&self, kind: OrderKind, license: Option<&str>) -> String {
        let now = self.app.now();
        let order = OrderRecord {
            id: OrderId::new(now, &SystemEntropy as &dyn Entropy),
            channel: Some("koogallery".parse().unwrap()),
            identity: format!("{kind:?}-{license:?}"),
            kind,
            order_id: "CS1".to_owned(),
            line_id: None,
            product_id: None,
            sku_code: None,
            instance_id: license.is_none().then(|| "instance-1".to_owned()),
            license_id: license.map(|id| id.parse().unwrap()),
            status: OrderStatus::Waiting,
            quantity: None,
            details: json!({}),
            created_at: now,
            updated_at: now,
        };
        let id = order.id.to_string();
        self.app.write::<_, Failure, _>(Actor::Signet, move |tx, _| Ok(tx.order_save(&order)?)).await.unwrap();
        id
    }
}

#[tokio::test]
async fn tokens_that_are_no_longer_good_look_like_tokens_that_never_were() {
    let api = Api::start().await;
    let soon = api.app.now().plus_days(1);
    let expiring = api.token(&Scope::ALL, Some(soon)).await;
    let revoked = api.token(&Scope::ALL, None).await;
    let revoke = |tx: &mut crate::store::Tx, ctx: crate::usecase::Context<'_>| {
        let newest = tx.token_list()?[0].id;
        Ok(tx.token_revoke(newest, ctx.now)?)
    };
    let authorization = |token: &str| format!("Bearer {token}");
    assert_eq!(api.send("GET", "/licenses", &[("authorization", &authorization(&expiring))], "").await.status, 200);
    assert_eq!(api.send("GET", "/licenses", &[("authorization", &authorization(&revoked))], "").await.status, 200);
    assert!(api.app.write::<_, Failure, _>(Actor::CommandLine, revoke).await.unwrap());
    api.clock.set(soon);
    let reference = api.send("GET", "/licenses", &[], "").await;
    assert_eq!((reference.status, reference.header("www-authenticate")), (401, "Bearer"));
    let long = "x".repeat(5000);
    for header in [
        authorization(&expiring),
        authorization(&revoked),
        authorization("sgt_unknown"),
        authorization(&long),
        authorization(""),
        format!("Basic {}", api.token),
        api.token.clone(),
    ] {
        let answer = api.send("GET", "/licenses", &[("authorization", &header)], "").await;
        assert_eq!((answer.status, &answer.text), (401, &reference.text), "{header}");
    }
    let lower = format!("bearer {}", api.token);
    assert_eq!(api.send("GET", "/licenses", &[("authorization", &lower)], "").await.status, 200);
    let twice = [("authorization", lower.as_str()), ("authorization", lower.as_str())];
    assert_eq!(api.send("GET", "/licenses", &twice, "").await.status, 401);
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_at_most_once_a_minute() {
    let api = Api::start().await;
    let noted = || async {
        let list = |tx: &mut crate::store::Tx, _: crate::usecase::Context<'_>| Ok(tx.token_list()?[0].last_used_at);
        api.app.read::<_, Failure, _>(Actor::Signet, list).await.unwrap()
    };
    assert_eq!(noted().await, None);
    let first = api.app.now();
    for seconds in [0, 30, 29] {
        api.clock.advance(SignedDuration::from_secs(seconds));
        assert_eq!(api.get("/licenses").await.status, 200);
        assert_eq!(noted().await, Some(first));
    }
    api.clock.advance(SignedDuration::from_secs(1));
    api.get("/licenses").await;
    assert_eq!(noted().await, Some(api.app.now()));
}

#[rstest]
#[case::bad_json("POST", "/licenses", "{", 400, "malformed")]
#[case::no_body("POST", "/licenses", "", 400, "malformed")]
#[case::more_than_json("POST", "/licenses", r#"{"product":"atlas","plan":"team"} x"#, 400, "malformed")]
#[case::wrong_type("POST", "/licenses", r#"{"product":"atlas","plan":7}"#, 422, "unprocessable")]
#[case::missing_field("POST", "/licenses", r#"{"product":"atlas"}"#, 422, "unprocessable")]
#[case::unknown_field("POST", "/licenses", r#"{"product":"atlas","plan":"team","days":3}"#, 422, "unprocessable")]
#[case::unknown_plan("POST", "/licenses", r#"{"product":"atlas","plan":"gold"}"#, 422, "unprocessable")]
#[case::no_slug("POST", "/licenses", r#"{"product":"../atlas","plan":"team"}"#, 422, "unprocessable")]
#[case::quantity("POST", "/licenses", r#"{"product":"atlas","plan":"team","quantity":0}"#, 422, "unprocessable")]
#[case::minus("POST", "/licenses", r#"{"product":"atlas","plan":"team","quantity":-1}"#, 422, "unprocessable")]
#[case::past(
    "POST",
    "/licenses",
    r#"{"product":"atlas","plan":"team","expires_at":"2020-01-01T00:00:00Z"}"#,
    422,
    "unprocessable"
)]
#[case::nul("POST", "/licenses", r#"{"product":"atlas","plan":"team","device":"a\u0000b"}"#, 422, "unprocessable")]
#[case::body_where_none_belongs(
    "POST",
    "/licenses/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21/suspend",
    r#"{"why":1}"#,
    422,
    "unprocessable"
)]
#[case::unknown_license("POST", "/licenses/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21/suspend", "{}", 404, "not-found")]
#[case::no_expiry("POST", "/licenses/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21/extend", "{}", 422, "unprocessable")]
#[case::bad_id("GET", "/licenses/17", "", 400, "malformed")]
#[case::bad_escape("GET", "/licenses/%ff", "", 400, "malformed")]
#[case::unknown_id("GET", "/licenses/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21", "", 404, "not-found")]
#[case::unknown_history("GET", "/licenses/0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21/history", "", 404, "not-found")]
#[case::unknown_product("GET", "/products/none", "", 404, "not-found")]
#[case::unknown_filter("GET", "/licenses?colour=red", "", 400, "malformed")]
#[case::bad_state("GET", "/licenses?state=sleeping", "", 400, "malformed")]
#[case::bad_time("GET", "/licenses?expires_before=tomorrow", "", 400, "malformed")]
#[case::nul_in_query("GET", "/licenses?customer_id=a%00b", "", 400, "malformed")]
#[case::limit_0("GET", "/licenses?limit=0", "", 400, "malformed")]
#[case::limit_101("GET", "/licenses?limit=101", "", 400, "malformed")]
#[case::limit_text("GET", "/licenses?limit=ten", "", 400, "malformed")]
#[case::bad_cursor("GET", "/licenses?cursor=AAAA", "", 400, "malformed")]
#[case::unknown_path("GET", "/licences", "", 404, "not-found")]
#[case::unknown_deep_path("POST", "/licenses/a/b/c/d", "{}", 404, "not-found")]
#[case::root("GET", "", "", 404, "not-found")]
#[case::wrong_method("DELETE", "/licenses", "", 405, "method-not-allowed")]
#[tokio::test]
async fn every_refusal_is_a_problem(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: &'static str,
    #[case] status: u16,
    #[case] name: &str,
) {
    let api = Api::start().await;
    let bearer = format!("Bearer {}", api.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json; charset=utf-8")];
    let answer = api.send(method, path, &headers, body).await;
    assert_eq!((answer.status, answer.problem().as_str()), (status, name), "{answer:?}");
    if status == 405 {
        assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    }
    assert_eq!(api.get("/licenses").await.json()["items"], json!([]), "nothing was issued");
}

#[tokio::test]
async fn bodies_of_other_types_or_sizes_are_refused() {
    let api = Api::start().await;
    let bearer = format!("Bearer {}", api.token);
    let body = r#"{"product":"atlas","plan":"team"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let answer = api.send("POST", "/licenses", &[("authorization", &bearer), ("content-type", kind)], body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"), "{kind}");
    }
    assert_eq!(api.send("POST", "/licenses", &[("authorization", &bearer)], body).await.status, 415);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let just_fits = format!("{body}{}", " ".repeat(64 * 1024 - body.len()));
    assert_eq!(api.send("POST", "/licenses", &headers, just_fits.clone()).await.status, 201);
    let answer = api.send("POST", "/licenses", &headers, just_fits + " ").await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "too-large"));
}
