//! Whatever leaves the door is signed: [`super::Client`] checks every answer, these bring about the odd ones.

use rstest::rstest;
use serde_json::json;
use signet::web::keygen::routes::ROUTES;

use super::{Client, code, refused};
use crate::{
    harness::{Backend, TestApp, exchange},
    software::limits::settings,
};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_answer_is_signed_also_the_odd_ones(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    for client in [client.clone(), client.elsewhere()] {
        assert_eq!(client.call("GET", "ping", None).await.status, 200);
        assert_eq!(code(&client.call("GET", "nothing/here", None).await), (404, "NOT_FOUND".to_owned()));
        assert_eq!(code(&client.call("GET", "", None).await), (404, "NOT_FOUND".to_owned()));
        assert_eq!(code(&client.call("POST", "users", None).await), (404, "NOT_SUPPORTED".to_owned()));
        assert_eq!(code(&client.call("PUT", "me", None).await), (404, "NOT_SUPPORTED".to_owned()));
        let large = vec![b' '; 70_000];
        let answer = client.raw("POST", "licenses/actions/validate-key", &large).await;
        assert_eq!(code(&answer), (413, "PAYLOAD_TOO_LARGE".to_owned()));
        let address = format!("machines/{}", "a".repeat(40_000));
        assert_eq!(code(&client.call("GET", &address, None).await), (414, "URI_TOO_LONG".to_owned()));
        let head = client.with(&format!("X-Large: {}", "a".repeat(40_000)));
        assert_eq!(code(&head.call("GET", "me", None).await), (431, "HEADERS_TOO_LARGE".to_owned()));
        // The query is signed as it was sent, also where it could be written otherwise.
        let listed = client.call("GET", "machines?page%5Bsize%5D=3&x=%7e", None).await;
        assert_eq!(listed.status, 200);
    }
}

/// Every address answers each method, signed; `HEAD` as `GET`, without the body.
#[tokio::test]
async fn methods_that_a_route_does_not_have_are_answered_in_words() {
    let app = TestApp::start(Backend::Sqlite).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    let machine = client.seated("loom").await;
    let filled = |template: &str| {
        template
            .replace("{license}", &client.license.to_string())
            .replace("{machine}", &machine)
            .replace("{entitlement}", "looms")
    };
    for (method, template, _) in ROUTES {
        let path = filled(template);
        for other in ["OPTIONS", "PUT", "TRACE"] {
            let answer = client.call(other, &path, None).await;
            assert_eq!(code(&answer), (404, "NOT_SUPPORTED".to_owned()), "{other} {path}");
        }
        if method == "GET" {
            let (whole, head) = (client.call("GET", &path, None).await, client.call("HEAD", &path, None).await);
            assert_eq!((head.status, head.body.len()), (whole.status, 0), "{path}");
            assert_eq!((whole.status, head.header("Content-Type")), (200, whole.header("Content-Type")), "{path}");
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_answered_signed_and_asks_to_come_back(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    app.app.store().clone().close().await;
    for (method, path) in [("GET", "me"), ("POST", "machines"), ("GET", "machines/loom")] {
        let answer = client.call(method, path, Some(client.machine("loom"))).await;
        assert_eq!(code(&answer), (503, "UNAVAILABLE".to_owned()), "{method} {path}");
        assert!(answer.header("Retry-After").is_some(), "{}", answer.head);
    }
    assert_eq!(client.validate_key(json!({})).await.status, 503);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn too_many_calls_are_answered_signed_and_say_when_to_come_back(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(2, 0, 0)).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    let first = client.call("GET", "me", None).await;
    assert_eq!((first.status, first.header("X-Ratelimit-Remaining")), (200, Some("1")));
    // The key that is shown and the key in the body have one bucket.
    assert_eq!(client.code(json!({})).await, "VALID");
    let answer = client.call("GET", "me", None).await;
    assert_eq!(code(&answer), (429, "TOO_MANY_REQUESTS".to_owned()));
    let wait: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let told = ["Window", "Count", "Limit", "Remaining"];
    let told = told.map(|name| answer.header(&format!("X-Ratelimit-{name}")).unwrap());
    assert_eq!(told, ["1m", "2", "2", "0"]);
    let reset: i64 = answer.header("X-Ratelimit-Reset").unwrap().parse().unwrap();
    assert!((1..=60).contains(&(reset - app.now().as_seconds())));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn versions_and_algorithms_that_are_not_spoken_are_refused(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    for (asked, spoken) in [("1.7", "1.7"), ("1.8", "1.8"), (" 1.8 ", "1.8")] {
        let answer = client.with(&format!("Keygen-Version: {asked}")).call("GET", "me", None).await;
        assert_eq!((answer.status, answer.header("Keygen-Version")), (200, Some(spoken)));
    }
    assert_eq!(client.call("GET", "me", None).await.header("Keygen-Version"), Some("1.8"));
    for asked in ["1.6", "2.0", "x"] {
        let answer = client.with(&format!("Keygen-Version: {asked}")).call("GET", "me", None).await;
        assert_eq!(refused(&answer), (400, "INVALID_API_VERSION".to_owned(), Some("Keygen-Version".to_owned())));
    }
    let accepts = |what: &str| client.with(&format!("Keygen-Accept-Signature: {what}"));
    for what in ["algorithm=\"ed25519\"", "keyid=\"mill\", algorithm=\"ed25519\""] {
        assert_eq!(accepts(what).call("GET", "me", None).await.status, 200);
    }
    for what in ["algorithm=\"rsa-sha256\"", "ed25519"] {
        assert_eq!(accepts(what).call("GET", "me", None).await.status, 400, "{what}");
    }
    let environment = client.with("Keygen-Environment: sandbox").call("GET", "me", None).await;
    assert_eq!(code(&environment), (400, "ENVIRONMENT_NOT_SUPPORTED".to_owned()));
}

#[tokio::test]
async fn the_door_of_no_product_has_no_key_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    for path in ["/v1/accounts/nobody/me", "/v1/accounts/NOBODY/me", "/keygen/nobody/v1/me", "/v1/accounts/nobody"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n\r\n");
        let answer = exchange(app.address, request.as_bytes()).await;
        assert_eq!((code(&answer), answer.header("Keygen-Signature")), ((404, "NOT_FOUND".to_owned()), None), "{path}");
    }
}

/// Regression: an address that is no UTF-8 was answered without the product's signature.
#[tokio::test]
async fn an_address_that_is_no_text_is_answered_signed() {
    let app = TestApp::start(Backend::Sqlite).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    for path in ["%ff", "machines/%ff", "licenses/%c3%28/machines"] {
        assert_eq!(client.call("GET", path, None).await.status, 404, "{path}");
    }
}

/// Regression: which host an answer was signed for was left to chance, and a version was not known as some clients write it.
#[tokio::test]
async fn regression_the_host_is_named_once_and_versions_are_known_with_a_v() {
    let app = TestApp::start(Backend::Sqlite).await;
    for (version, hosts, status) in [
        ("1.1", "Host: a.example\r\n", 200),
        ("1.1", "Host: a.example\r\nHost: b.example\r\n", 400),
        ("1.1", "", 400),
        ("1.0", "", 200),
    ] {
        let head = format!("GET /v1/accounts/mill/ping HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        let answer = exchange(app.address, head.as_bytes()).await;
        assert_eq!(answer.status, status, "{version} {hosts:?}: {answer:?}");
        assert!(answer.header("Keygen-Signature").is_some());
    }
    let client = Client::of(&app, "fixed", Some(1)).await;
    for (asked, told) in [("1.7", "1.7"), ("v1.7", "1.7"), ("v1.8", "1.8")] {
        let answer = client.with(&format!("Keygen-Version: {asked}")).call("GET", "me", None).await;
        assert_eq!((answer.status, answer.header("Keygen-Version")), (200, Some(told)));
    }
    let answer = client.with("Keygen-Version: vv1.7").call("GET", "me", None).await;
    assert_eq!(code(&answer), (400, "INVALID_API_VERSION".to_owned()));
}

/// Regression: whoever guessed tokens, or products, was never counted.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn regression_strangers_with_tokens_count_for_their_address(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(0, 3, 0)).await;
    let client = Client::of(&app, "fixed", Some(1)).await;
    let known = format!("Bearer {}", super::door_token(&app, "mill", None).await);
    let unknown = format!("{}{}", &known[..known.len() - 2], if known.ends_with("AA") { "EE" } else { "AA" });
    for _ in 0..2 {
        assert_eq!(client.showing(Some(&unknown)).call("GET", "machines", None).await.status, 401);
    }
    let nowhere = async || {
        let head = "GET /v1/accounts/nowhere/ping HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        exchange(app.address, head.as_bytes()).await.status
    };
    assert_eq!((nowhere().await, nowhere().await), (404, 429));
    assert_eq!(client.showing(Some(&unknown)).call("GET", "machines", None).await.status, 429);
    let path = format!("licenses/{}/machines", client.license);
    assert_eq!(client.showing(Some(&known)).call("GET", &path, None).await.status, 200, "who is known is not counted");
}
