//! Publishing and choosing packages, on both databases.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    base::time::Time,
    provision::recipe::PackageSource,
    usecase::package::{self, Package, Published, Refused, Wanted},
};

use crate::harness::{Backend, TestApp, slug};

fn wanted(version: &str, byte: &str) -> Wanted {
    Wanted {
        product: slug("atlas"),
        version: version.to_owned(),
        sha256: byte.repeat(32),
        size: 5,
        file: "atlas.tar.gz".to_owned(),
        min_version: None,
        expires_at: None,
    }
}

async fn publish(app: &TestApp, wanted: &Wanted) -> Result<Published, Refused> {
    let wanted = wanted.clone();
    app.write(move |tx, ctx| package::publish(tx, ctx, &wanted)).await
}

async fn current(app: &TestApp, version: Option<&str>) -> Option<Package> {
    let source = PackageSource::Published { version: version.map(str::to_owned) };
    app.read(move |tx, ctx| package::for_recipe(tx, ctx, &slug("atlas"), &source)).await
}

async fn current_version(app: &TestApp) -> Option<String> {
    current(app, None).await.map(|it| it.version)
}

async fn list(app: &TestApp) -> Vec<(String, String)> {
    let list = app.read(|tx, _| Ok(tx.package_list(Some(&slug("atlas")))?)).await;
    list.into_iter().map(|it| (it.version, it.sha256)).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_version_never_changes(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let first = publish(&app, &wanted("1.4.0", "0a")).await.unwrap();
    assert!(!first.unchanged);
    let again = publish(&app, &wanted("1.4.0", "0a")).await.unwrap();
    assert!(again.unchanged && again.record == first.record, "the same manifest, to the byte");
    let refused = publish(&app, &wanted("1.4.0", "0b")).await.unwrap_err();
    assert_eq!(refused, Refused::OtherBytes { version: "1.4.0".to_owned(), sha256: "0a".repeat(32) });
    assert_eq!(list(&app).await, [("1.4.0".to_owned(), "0a".repeat(32))]);
}

/// Fifty at once with two contents: one content wins, and everybody else is told which.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn of_two_contents_published_at_once_one_wins(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let contents: Vec<_> = (0..50).map(|number| wanted("1.4.0", if number % 2 == 0 { "0a" } else { "0b" })).collect();
    let outcomes = futures_util::future::join_all(contents.iter().map(|it| publish(&app, it))).await;
    let kept = list(&app).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    for (content, outcome) in contents.iter().zip(&outcomes) {
        assert_eq!(outcome.is_ok(), content.sha256 == kept[0].1, "{content:?}: {outcome:?}");
    }
    assert_eq!(outcomes.iter().flatten().filter(|it| !it.unchanged).count(), 1, "published once");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_installs_the_newest_that_may_be_installed(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    assert_eq!(current(&app, None).await, None);
    for (version, byte) in [("1.10.0", "0a"), ("1.9.0", "0b"), ("1.11.0-rc.1", "0c")] {
        publish(&app, &wanted(version, byte)).await.unwrap();
    }
    assert_eq!(current_version(&app).await.as_deref(), Some("1.11.0-rc.1"));
    assert_eq!(current(&app, Some("1.9.0")).await.unwrap().version, "1.9.0");
    assert_eq!(current(&app, Some("7.0.0")).await, None);

    app.write(|tx, ctx| package::withdraw(tx, ctx, &slug("atlas"), "1.11.0-rc.1")).await.unwrap();
    assert_eq!(current_version(&app).await.as_deref(), Some("1.10.0"), "numbers, not texts, are compared");
    let back = publish(&app, &wanted("1.11.0-rc.1", "0c")).await;
    assert_eq!(back.unwrap_err(), Refused::Withdrawn("1.11.0-rc.1".to_owned()));

    let end: Time = app.now().plus_days(1);
    publish(&app, &Wanted { expires_at: Some(end), ..wanted("1.12.0", "0d") }).await.unwrap();
    assert_eq!(current_version(&app).await.as_deref(), Some("1.12.0"));
    app.pass(SignedDuration::from_hours(24));
    assert_eq!(current_version(&app).await.as_deref(), Some("1.10.0"), "it ends at its end, not after");

    publish(&app, &Wanted { min_version: Some("2.0.0".to_owned()), ..wanted("2.0.0", "0e") }).await.unwrap();
    assert_eq!(current(&app, Some("1.9.0")).await, None, "older than the minimum");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_package_is_refused_and_everything_published_is_needed(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let good = wanted("1.4.0", "0a");
    let refused = [
        Wanted { product: slug("nobody"), ..good.clone() },
        Wanted { version: "1.4".to_owned(), ..good.clone() },
        Wanted { version: format!("1.4.0-{}", "x".repeat(100)), ..good.clone() },
        Wanted { file: "../atlas.tar.gz".to_owned(), ..good.clone() },
        Wanted { file: "-x".to_owned(), ..good.clone() },
        Wanted { file: String::new(), ..good.clone() },
        Wanted { size: 0, ..good.clone() },
        Wanted { min_version: Some("1.5.0".to_owned()), ..good.clone() },
    ];
    for wrong in refused {
        assert!(publish(&app, &wrong).await.is_err(), "{wrong:?}");
    }
    assert_eq!(list(&app).await, []);
    publish(&app, &good).await.unwrap();
    app.write(|tx, ctx| package::withdraw(tx, ctx, &slug("atlas"), "1.4.0")).await.unwrap();
    let needed = app.read(|tx, _| package::needed(tx)).await;
    assert_eq!(needed, BTreeSet::from([format!("atlas/{}", "0a".repeat(32))]), "a withdrawn one is kept");
    let unknown = app.write(|tx, ctx| package::withdraw(tx, ctx, &slug("atlas"), "9.0.0")).await;
    assert_eq!(unknown.unwrap_err(), Refused::Unknown("9.0.0".to_owned()));
}
