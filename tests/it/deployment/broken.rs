//! Rows that cannot be read: of an installation whose master key was changed by hand, or of a hand in the database.

use signet::{
    provision::run::{Stage, Status, Wish},
    usecase::deployment::work,
};

use super::Deploying;
use crate::harness::Backend;

/// Regression: sealed credentials that do not open were tried each second, for ever, and nobody was told.
#[tokio::test]
async fn regression_credentials_that_do_not_open_are_asked_for_again() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::ServerCreated).await;
    let mut record = it.record().await;
    record.credentials = Some(b"not sealed under this key".to_vec());
    assert!(it.app.write(move |tx, _| Ok(tx.deployment_update(&record)?)).await);
    let record = it.settled(Status::NeedsCredentials).await;
    assert_eq!(record.stage, Stage::ServerCreated);
    assert_eq!(it.obstacle().await.kind, "expired");
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.servers(), 1);
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_is_looked_at_once_a_minute_and_the_others_go_on() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let mut record = it.record().await;
    let sound = record.plan.clone();
    record.plan = serde_json::json!({ "place": 7 });
    assert!(it.app.write(move |tx, _| Ok(tx.deployment_update(&record)?)).await);
    for minute in 0..3 {
        it.round().await;
        let next = it.record().await.next_at.expect("it is not forgotten");
        assert_eq!(next.since(it.app.now()).as_secs(), 60, "minute {minute}");
        it.app.clock.set(next);
    }
    let id = it.id;
    let clouds = it.app.app.clouds().clone();
    it.app
        .app
        .write::<(), signet::usecase::Failure, _>(signet::usecase::Actor::Signet, move |tx, ctx| {
            work::claim(tx, ctx, &clouds, id).map(drop)
        })
        .await
        .expect_err("it cannot be claimed");
    let mut record = it.record().await;
    record.plan = sound;
    assert!(it.app.write(move |tx, _| Ok(tx.deployment_update(&record)?)).await);
    it.until_stage(Stage::BootstrapCalled).await;
}
