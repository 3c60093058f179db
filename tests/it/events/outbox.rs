//! Events are written with what they tell: all of it or nothing, each once, those of a license in their order.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::json;
use signet::{
    store::{EventRecord, StoreError},
    usecase::{
        Failure,
        alert::{self, About, AlertKind},
        merchant::{self, Act},
    },
};
use tokio::task::JoinSet;

use super::told;
use crate::harness::{Backend, TestApp};

fn kinds(events: &[EventRecord]) -> Vec<&str> {
    events.iter().map(|it| it.kind.as_str()).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_told_once_with_the_license_as_it_is_then(#[case] backend: Backend) {
    let it = TestApp::start(backend).await;
    let license = it.issued().await;
    let later = it.now().plus_days(900);
    for act in [Act::Suspend, Act::Suspend, Act::Resume, Act::Extend(Some(later)), Act::Release, Act::Release] {
        it.pass(SignedDuration::from_secs(1));
        it.act(&license, act).await;
    }
    let events = it.events(&license).await;
    let wanted = ["license.issued", "license.frozen", "license.unfrozen", "license.renewed", "license.released"];
    assert_eq!(kinds(&events), wanted);
    assert_eq!(events.iter().map(|it| it.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let states: Vec<_> = events.iter().map(|it| told(it)["data"]["license"]["state"].clone()).collect();
    assert_eq!(states, ["active", "frozen", "active", "active", "released"]);
    let renewed = told(&events[3]);
    assert_eq!((&renewed["type"], &renewed["timestamp"]), (&json!("license.renewed"), &json!(events[3].at)));
    assert_eq!(renewed["data"]["detail"]["expires_at"]["to"], json!(later));
    assert_eq!((&renewed["data"]["line"], &renewed["data"]["actor"]), (&json!("extended"), &json!("command-line")));
    assert_eq!(renewed["data"]["license"]["customer"]["name"], "港口公司");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rolled_back_is_not_told(#[case] backend: Backend) {
    let it = TestApp::start(backend).await;
    let license = it.issued().await;
    let id = license.id;
    let failed: Result<(), Failure> = it
        .app
        .write(signet::usecase::Actor::CommandLine, move |tx, ctx| {
            merchant::act(tx, ctx, id, Act::Release)?;
            Err(StoreError::Busy.into())
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(kinds(&it.events(&license).await), ["license.issued"]);
}

/// Two that are pending at once could otherwise be told in the wrong order, or have the same place.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_side_by_side_are_told_in_the_order_in_which_they_happened(#[case] backend: Backend) {
    let it = std::sync::Arc::new(TestApp::start(backend).await);
    let license = it.issued().await;
    let id = license.id;
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let it = std::sync::Arc::clone(&it);
        tasks.spawn(async move {
            for round in 0..4 {
                let act = if (number + round) % 2 == 0 { Act::Suspend } else { Act::Resume };
                let done = it.app.write(signet::usecase::Actor::CommandLine, move |tx, ctx| {
                    merchant::act(tx, ctx, id, act).map(drop)
                });
                // Who finds no turn among so many has changed nothing, and told nothing.
                let done: Result<(), Failure> = done.await;
                assert!(done.as_ref().is_ok() || done.is_err_and(|it| it.to_string().contains("again")), "no turn");
            }
        });
    }
    tasks.join_all().await;
    let events = it.events(&license).await;
    let places: Vec<i64> = events.iter().map(|it| it.seq).collect();
    assert_eq!(places, (1..).take(events.len()).collect::<Vec<i64>>());
    for (place, event) in events.iter().enumerate().skip(1) {
        let wanted = if place % 2 == 1 { "license.frozen" } else { "license.unfrozen" };
        assert_eq!(event.kind, wanted, "{place}: {:?}", kinds(&events));
    }
    assert!(events.len() > 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_told_when_it_is_opened_and_when_it_is_opened_again(#[case] backend: Backend) {
    let it = TestApp::start(backend).await;
    let license = it.issued().await;
    let raise = |order: &'static str| {
        let license = license.clone();
        it.write(move |tx, ctx| {
            let about = About { license_id: Some(license.id), order_id: Some(order), ..About::default() };
            alert::raise(tx, ctx, AlertKind::CallRejected, &about)
        })
    };
    raise("CS1").await;
    raise("CS1").await;
    let failing = ["license.issued", "marketplace.call_failing", "alert.opened"];
    assert_eq!(kinds(&it.events(&license).await), failing);
    let id = it.alerts().await[0].id;
    it.write(move |tx, ctx| alert::resolve(tx, ctx, id).map(drop)).await;
    raise("CS1").await;
    let events = it.events(&license).await;
    assert_eq!(kinds(&events), [&failing[..], &failing[1..]].concat());
    assert_eq!(told(&events[4])["data"]["alert"]["id"], json!(id), "the same alert");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_forgotten_after_a_month(#[case] backend: Backend) {
    let it = TestApp::start(backend).await;
    let license = it.issued().await;
    let forget = || it.write(|tx, ctx| signet::usecase::retention::forget(tx, ctx, 1));
    it.pass_days(31);
    assert_eq!(forget().await.events, 0, "nobody looked whom to tell");
    it.write(|tx, _| {
        let pending: Vec<_> = tx.events_pending(10)?.iter().map(|it| it.id).collect();
        Ok(tx.events_handed_on(&pending)?)
    })
    .await;
    it.act(&license, Act::Suspend).await;
    assert_eq!(forget().await.events, 1);
    assert_eq!(kinds(&it.events(&license).await), ["license.frozen"]);
}
