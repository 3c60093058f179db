//! How often software may call. Every limit here is so low that it does not fill up while a test runs.

use rstest::rstest;
use serde_json::json;
use signet::base::{proxies::Proxies, rate::RateLimits};

use super::{NOBODYS, Software, unknown_key};
use crate::harness::{Answer, Backend, Settings, TestApp};

/// These limits, at a service that believes proxies on this machine.
pub fn settings(license: u16, address: u16, product: u16) -> Settings {
    let trusted_proxies = Proxies::parse(&["127.0.0.1".to_owned()]).unwrap();
    Settings { rate_limits: RateLimits { license, address, product }, trusted_proxies, ..Settings::default() }
}

#[track_caller]
fn too_many(answer: &Answer, limit: &str) {
    assert_eq!((answer.status, answer.header("Ratelimit-Limit")), (429, Some(limit)), "{answer:?}");
    assert_eq!(answer.header("Ratelimit-Remaining"), Some("0"));
    let wait: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let problem = answer.json();
    assert_eq!(problem["type"], "/problems/too-many-requests");
    assert!(problem.get("reason").is_none() && problem.get("signed").is_none(), "no verdict on the license");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_license_has_one_bucket_whatever_is_shown(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(3, 0, 0)).await;
    let software = Software::of(&app, "fixed", None).await;
    let first = software.validate().await;
    let told = ["Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"].map(|name| first.header(name).unwrap());
    assert_eq!(told, ["3", "2", "20"]);
    assert_eq!(software.showing(&software.code).validate().await.header("Ratelimit-Remaining"), Some("1"));
    let lower = software.showing(&software.key.to_lowercase()).validate().await;
    assert_eq!(lower.header("Ratelimit-Remaining"), Some("0"));
    for text in [&software.key, &software.code] {
        too_many(&software.showing(text).validate().await, "3");
        too_many(&software.showing(text).behind("198.51.100.1").activate(1).await, "3");
    }
    let other = Software::of(&app, "fixed", None).await;
    assert_eq!(other.validate().await.status, 200);
}

/// A fleet sits behind one address.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn renewals_of_known_machines_do_not_count_for_their_address(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(0, 3, 0)).await;
    let software = Software::of(&app, "fixed", Some(3)).await;
    let seats = [software.seated(1).await, software.seated(2).await, software.seated(3).await];
    too_many(&software.activate(1).await, "3");
    for round in 0..5 {
        for seat in &seats {
            assert_eq!(software.renew(seat).await.status, 200, "{round}");
        }
    }
    // Whoever only says that it renews is counted: no such machine, another's machine, no such license.
    let other = Software::of(&app, "fixed", Some(1)).await;
    too_many(&software.renew(NOBODYS).await, "3");
    too_many(&other.renew(&seats[0]).await, "3");
    too_many(&software.showing(&unknown_key()).renew(&seats[0]).await, "3");
    // Giving a seat back is no renewal, and of a seat given back there is none.
    too_many(&software.deactivate(&seats[0]).await, "3");
    assert_eq!(software.behind("198.51.100.1").deactivate(&seats[0]).await.status, 200);
    too_many(&software.renew(&seats[0]).await, "3");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn guessing_keys_is_limited_by_address(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(60, 5, 0)).await;
    let software = Software::of(&app, "fixed", None).await;
    for number in 0..5 {
        assert_eq!(software.showing(&format!("GUESS-{number}")).validate().await.status, 200);
    }
    too_many(&software.showing("GUESS-5").validate().await, "5");
    too_many(&software.validate().await, "5");
    assert_eq!(software.behind("198.51.100.1").validate().await.status, 200, "the customer elsewhere is let in");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_network_of_ipv6_is_one_address(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(0, 2, 0)).await;
    let software = Software::of(&app, "fixed", None).await;
    assert_eq!(software.behind("2001:db8::1").validate().await.status, 200);
    assert_eq!(software.behind("2001:db8::ffff:2").validate().await.status, 200);
    too_many(&software.behind("2001:db8:0:0:3::").validate().await, "2");
    assert_eq!(software.behind("2001:db8:0:1::1").validate().await.status, 200);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_forged_forwarded_for_changes_nothing(#[case] backend: Backend) {
    let mut settings = settings(0, 2, 0);
    settings.trusted_proxies = Proxies::default();
    let app = TestApp::start_with(backend, settings).await;
    let software = Software::of(&app, "fixed", None).await;
    for forged in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(software.behind(forged).validate().await.status, 200);
    }
    too_many(&software.behind("198.51.100.3").validate().await, "2");
}

/// What the client itself wrote stands before what the trusted proxy added.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_several_forwarded_addresses_the_proxys_own_word_counts(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(0, 2, 0)).await;
    let software = Software::of(&app, "fixed", None).await;
    for forged in ["10.0.0.1, 198.51.100.1", "10.0.0.2, 198.51.100.1"] {
        assert_eq!(software.behind(forged).validate().await.status, 200);
    }
    too_many(&software.behind("10.0.0.3, 198.51.100.1").validate().await, "2");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_licenses_of_a_product_share_its_limit_and_strangers_cannot_use_it_up(#[case] backend: Backend) {
    let app = TestApp::start_with(backend, settings(0, 0, 3)).await;
    let software = Software::of(&app, "fixed", None).await;
    for number in 0..5 {
        let guess = software.showing(&format!("GUESS-{number}")).post("/validate", json!({ "product": "mill" })).await;
        assert_eq!(guess.status, 200);
    }
    let other = Software::of(&app, "floating", None).await;
    for software in [&software, &other, &software] {
        assert_eq!(software.validate().await.status, 200);
    }
    too_many(&other.validate().await, "3");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn without_limits_nothing_is_counted_or_said(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", None).await;
    for _ in 0..300 {
        let answer = software.validate().await;
        assert_eq!((answer.status, answer.header("Ratelimit-Limit")), (200, None));
    }
}
