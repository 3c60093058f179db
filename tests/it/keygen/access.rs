//! Who may see what.

use data_encoding::BASE64;
use rstest::rstest;
use signet::base::{rate::RateLimits, secret::ExposeSecret};
use signet::usecase::{
    merchant::Act,
    token::{self, Scope},
};

use super::{Client, act, code, door_token};
use crate::harness::{Backend, Settings, TestApp};

/// Every route that needs a guest, with what stands in its address.
fn guarded(license: &str, machine: &str) -> Vec<(&'static str, String)> {
    let routes = signet::web::keygen::routes::ROUTES.iter();
    let open = ["ping", "licenses/actions/validate-key"];
    let routes = routes.filter(|(_, path, _)| !open.contains(path));
    let filled = |path: &str| {
        path.replace("{license}", license).replace("{machine}", machine).replace("{entitlement}", "edition")
    };
    routes.map(|(method, path, _)| (method.as_str(), filled(path))).map(|(m, p)| (name(m), p)).collect()
}

fn name(method: &str) -> &'static str {
    ["GET", "POST", "PATCH", "DELETE"].into_iter().find(|it| *it == method).unwrap()
}

/// A body that each of them would take.
fn body(client: &Client, method: &str, path: &str) -> Option<serde_json::Value> {
    (method == "POST" && path == "machines").then(|| client.machine("loom-9"))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn without_a_good_credential_every_route_is_closed(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let machine = client.seated("loom-1").await;
    let expired = door_token(&app, "mill", Some("2026-03-02T08:00:30Z")).await;
    app.pass_days(1);
    let foreign = door_token(&app, "atlas", None).await;
    let made = app.write(|tx, ctx| token::create(tx, ctx, "crm", Scope::ALL.split_last().unwrap().1, None)).await;
    let general = made.1.expose_secret().to_owned();
    // One in sixteen ends like that already.
    let (rest, last) = general.split_at(general.len() - 1);
    let unknown = format!("{rest}{}", if last == "A" { "E" } else { "A" });
    let basic = |text: &str| format!("Basic {}", BASE64.encode(text.as_bytes()));
    let cases = [
        (None, 401, "TOKEN_MISSING"),
        (Some("License".to_owned()), 401, "TOKEN_MISSING"),
        (Some("Digest x".to_owned()), 401, "TOKEN_MISSING"),
        (Some("License ABCDE-FGHJK".to_owned()), 401, "LICENSE_INVALID"),
        (Some("Bearer x".to_owned()), 401, "TOKEN_FORMAT_INVALID"),
        (Some(basic("somebody:x")), 401, "TOKEN_FORMAT_INVALID"),
        (Some(basic("license:x")), 401, "LICENSE_INVALID"),
        (Some(format!("Bearer {expired}")), 401, "TOKEN_EXPIRED"),
        (Some(format!("Bearer {unknown}")), 401, "TOKEN_"),
        (Some(format!("Bearer {foreign}")), 403, "TOKEN_NOT_ALLOWED"),
        (Some(format!("Bearer {general}")), 403, "TOKEN_NOT_ALLOWED"),
    ];
    for (method, path) in guarded(&client.license.to_string(), &machine) {
        for (shows, status, expected) in &cases {
            let answer = client.showing(shows.as_deref()).call(method, &path, body(&client, method, &path)).await;
            let (found, code) = code(&answer);
            assert!(found == *status && code.starts_with(expected), "{method} {path} {shows:?}: {found} {code}");
        }
        let query = format!("{path}?auth=license:{}", client.key);
        let answer = client.showing(None).call(method, &query, body(&client, method, &path)).await;
        assert_eq!(code(&answer), (400, "PARAMETERS_INVALID".to_owned()), "{method} {path}");
    }
    // Nothing of all that was done.
    assert_eq!(client.call("GET", "machines", None).await.json()["meta"]["count"], 1);
}

/// What was sent is judged after who sent it, and counts as a call.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn regression_a_stranger_is_turned_away_before_anything_else_is_told(#[case] backend: Backend) {
    let rate_limits = RateLimits { license: 3, ..RateLimits::default() };
    let app = TestApp::start_with(backend, Settings { rate_limits, ..Settings::default() }).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let unreadable = [
        ("POST", "machines", "{"),
        ("GET", "machines?limit=none", ""),
        ("POST", "machines", "{\"data\": 1}"),
        ("POST", "licenses/x/actions/validate", "[]"),
        ("POST", "licenses/x/actions/check-out?ttl=soon", ""),
    ];
    for (method, path, body) in unreadable {
        let unknown = format!("License {}", path.replace('/', "-"));
        for (shows, expected) in [(None, "TOKEN_MISSING"), (Some(unknown.as_str()), "LICENSE_INVALID")] {
            let answer = client.showing(shows).raw(method, path, body.as_bytes()).await;
            assert_eq!((answer.status, code(&answer).1.as_str()), (401, expected), "{method} {path}");
        }
    }
    for (method, path, body) in &unreadable[..3] {
        let answer = client.raw(method, path, body.as_bytes()).await;
        assert!([400, 422].contains(&answer.status), "{method} {path}: {answer:?}");
    }
    let (method, path, body) = unreadable[0];
    assert_eq!(client.raw(method, path, body.as_bytes()).await.status, 429);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_license_sees_only_itself_and_a_token_all_of_its_product(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    let other = Client::of(&app, "fixed", Some(3)).await;
    let machine = client.seated("loom-1").await;
    for (method, path) in guarded(&client.license.to_string(), &machine) {
        if path == "me" || (method, path.as_str()) == ("GET", "machines") {
            continue;
        }
        let answer = other.call(method, &path, body(&client, method, &path)).await;
        assert_eq!(code(&answer), (404, "NOT_FOUND".to_owned()), "{method} {path}");
    }
    assert_eq!(other.call("GET", "machines", None).await.json()["meta"]["count"], 0);
    assert_eq!(code(&other.call("GET", "machines/loom-1", None).await).0, 404);
    let token = door_token(&app, "mill", None).await;
    let office = client.showing(Some(&format!("Bearer {token}")));
    let basic = client.showing(Some(&format!("Basic {}", BASE64.encode(format!("token:{token}").as_bytes()))));
    for office in [office, basic] {
        for client in [&client, &other] {
            let seen = office.call("GET", &format!("licenses/{}", client.license), None).await.json();
            assert_eq!(seen["data"]["attributes"]["key"], client.key);
            let by_key = office.call("GET", &format!("licenses/{}", client.key), None).await.json();
            assert_eq!(by_key["data"]["id"], client.license.to_string());
        }
        assert_eq!(office.call("GET", "machines/loom-1", None).await.json()["data"]["id"], machine);
        assert_eq!(code(&office.call("GET", "machines", None).await), (400, "PARAMETERS_INVALID".to_owned()));
        let listed = office.call("GET", &format!("machines?license={}", client.license), None).await.json();
        assert_eq!(listed["meta"]["count"], 1);
    }
    let basic = client.showing(Some(&format!("Basic {}", BASE64.encode(format!("license:{}", client.key).as_bytes()))));
    assert_eq!(basic.call("GET", "me", None).await.json()["data"]["id"], client.license.to_string());
    let code_shown = client.showing(Some(&format!("License {}", client.code)));
    assert_eq!(code_shown.call("GET", "me", None).await.json()["data"]["attributes"]["key"], client.code);
}

/// A token of a door opens nothing else.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_token_of_a_door_is_refused_by_the_management_api(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let make = |tx: &mut _, ctx: signet::usecase::Context<'_>| {
        token::create_for(tx, ctx, "office", &Scope::ALL, Some(&crate::harness::slug("mill")), None)
    };
    let token = app.write(make).await.1;
    let request = format!(
        "GET /api/v1/licenses HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        token.expose_secret()
    );
    assert_eq!(crate::harness::exchange(app.address, request.as_bytes()).await.status, 403);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_license_is_decides_what_it_may(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    client.seated("loom-1").await;
    act(&app, &client, Act::Suspend).await;
    assert_eq!(code(&client.call("GET", "me", None).await), (403, "LICENSE_SUSPENDED".to_owned()));
    assert_eq!(code(&client.activate("loom-2").await), (403, "LICENSE_SUSPENDED".to_owned()));
    let office = client.showing(Some(&format!("Bearer {}", door_token(&app, "mill", None).await)));
    assert_eq!(code(&office.activate("loom-2").await), (403, "LICENSE_SUSPENDED".to_owned()));
    let seen = office.call("GET", &format!("licenses/{}", client.license), None).await.json();
    assert_eq!(seen["data"]["attributes"]["status"], "SUSPENDED");
    act(&app, &client, Act::Resume).await;
    app.pass_days(400);
    let me = client.call("GET", "me", None).await.json();
    assert_eq!(me["data"]["attributes"]["status"], "EXPIRED", "over, but it may be looked at");
    assert_eq!(code(&client.activate("loom-2").await), (403, "LICENSE_EXPIRED".to_owned()));
    let path = format!("licenses/{}/actions/check-out", client.license);
    assert_eq!(code(&client.call("POST", &path, None).await), (403, "LICENSE_EXPIRED".to_owned()));
    act(&app, &client, Act::Release).await;
    assert_eq!(code(&client.call("GET", "me", None).await), (401, "LICENSE_INVALID".to_owned()));
    let gone = office.call("GET", &format!("licenses/{}", client.license), None).await;
    assert_eq!(code(&gone), (404, "NOT_FOUND".to_owned()));
}
