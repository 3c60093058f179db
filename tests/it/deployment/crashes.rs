//! Workers that die or sleep, and workers that meet.

use std::time::Duration;

use rstest::rstest;
use signet::provision::provider::{Accepted, CloudError, Trouble};
use signet::{
    jobs,
    provision::run::{Stage, Status, Wish},
    usecase::deployment::work::{self, CLAIM, Event},
};
use tokio::task::JoinSet;

use super::{Deploying, cloud::Play};
use crate::harness::Backend;

impl Deploying {
    /// A worker that is killed in the middle of `call`, with or without what it asked for having been done.
    async fn killed_in(&self, call: &'static str, play: Play) {
        self.cloud.play(call, play);
        for _ in 0..20 {
            if let Some(next) = self.record().await.next_at
                && next > self.app.now()
            {
                self.app.clock.set(next);
            }
            let mut worker = jobs::deployments::round(&self.app.app, JoinSet::new()).await;
            tokio::select! {
                _ = worker.join_next() => {}
                () = self.cloud.hangs.notified() => {
                    worker.shutdown().await;
                    return;
                }
            }
        }
        panic!("nobody called {call}");
    }
}

/// Whatever a worker did when it was killed, the next one does not order a second server, and comes to the end.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_worker_that_is_killed_leaves_one_server(
    #[case] backend: Backend,
    #[values("identity", "quota", "rehearse", "create", "progress")] call: &'static str,
    #[values(Play::HangsBefore, Play::HangsAfter)] play: Play,
) {
    let it = Deploying::begin(backend).await;
    it.killed_in(call, play).await;
    // Nobody takes it over while the dead one's claim lasts.
    let calls = it.cloud.state().calls.len();
    it.round().await;
    assert_eq!(it.cloud.state().calls.len(), calls);
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!((it.cloud.made(), it.servers()), (1, 1));
}

#[rstest]
#[tokio::test]
async fn a_worker_that_is_killed_while_it_removes_leaves_nothing(
    #[values("find", "create", "progress", "remove", "removal")] call: &'static str,
    #[values(Play::HangsBefore, Play::HangsAfter)] play: Play,
) {
    let it = Deploying::begin(Backend::Sqlite).await;
    if matches!(call, "create" | "progress") {
        it.killed_in(call, play).await;
        it.wish(Wish::Remove, None).await;
    } else {
        if call == "find" {
            it.cloud.play("create", Play::Lost(Trouble::Unknown));
            it.until(|record| record.sent).await;
        } else {
            it.until_stage(Stage::BootstrapCalled).await;
        }
        it.wish(Wish::Remove, None).await;
        it.killed_in(call, play).await;
    }
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
}

/// The order is on its way when it is asked to be removed: its answer comes later, or never.
#[tokio::test]
async fn an_order_in_flight_is_removed_when_its_answer_comes() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::Accepted).await;
    let id = it.id;
    let claimed = it.app.write(move |tx, ctx| work::claim(tx, ctx, id)).await.expect("work");
    it.wish(Wish::Remove, None).await;
    it.step().await;
    assert_eq!(it.record().await.status, Status::Running, "an order that may have been sent is waited for");
    it.cloud.state().servers.insert("srv-1".to_owned(), claimed.deployment.record.attempt.clone().unwrap());
    let answer = Event::Accepted(Accepted { job: Some("job-srv-1".to_owned()), server: None });
    it.app.write(move |tx, ctx| work::record(tx, ctx, &claimed, &answer)).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
}

/// A worker slept over its claim, another one took over: what the sleeper was told last is old news.
#[tokio::test]
async fn old_news_do_not_undo_what_another_worker_did() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::Accepted).await;
    let id = it.id;
    let sleeper = it.app.write(move |tx, ctx| work::claim(tx, ctx, id)).await.expect("work");
    it.app.pass(CLAIM);
    it.until_stage(Stage::ServerCreated).await;
    let refused = Event::Refused(CloudError::new(Trouble::Capacity, "sold out"));
    it.app.write(move |tx, ctx| work::record(tx, ctx, &sleeper, &refused)).await;
    let record = it.record().await;
    assert!(record.accepted.is_some() && record.attempt.is_some(), "{record:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_make_one_server(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    for _ in 0..super::STEPS {
        let record = it.record().await;
        if record.stage == Stage::BootstrapCalled {
            break;
        }
        if let Some(next) = record.next_at.filter(|next| *next > it.app.now()) {
            it.app.clock.set(next);
        }
        tokio::join!(it.round(), it.round(), it.round());
    }
    assert_eq!(it.record().await.stage, Stage::BootstrapCalled, "{:#?}", it.lines().await);
    assert_eq!((it.cloud.made(), it.cloud.count("create")), (1, 1));
}

/// One cloud that does not answer once kept all other deployments waiting.
#[tokio::test]
async fn a_cloud_that_hangs_keeps_no_other_deployment_waiting() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("identity", Play::HangsBefore);
    let round = jobs::deployments::round(&it.app.app, JoinSet::new());
    let worker = tokio::time::timeout(Duration::from_secs(20), round).await.expect("a round does not wait");
    assert_eq!(worker.len(), 1);
}
