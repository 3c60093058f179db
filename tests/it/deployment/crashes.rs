//! Workers that die or sleep, and workers that meet.

use std::time::Duration;

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    jobs,
    provision::{
        provider::{Accepted, CloudError, Trouble},
        run::{Stage, Status, Wish},
    },
    store::DeploymentRecord,
    usecase::deployment::work::{self, CLAIM, Event, Work},
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

    /// A worker that falls asleep in the middle of `call`, after it was carried out.
    async fn asleep_in(&self, call: &'static str) -> JoinSet<()> {
        self.cloud.play(call, Play::Waits);
        for _ in 0..20 {
            if let Some(next) = self.record().await.next_at.filter(|next| *next > self.app.now()) {
                self.app.clock.set(next);
            }
            let mut worker = jobs::deployments::round(&self.app.app, JoinSet::new()).await;
            tokio::select! {
                _ = worker.join_next() => {}
                () = self.cloud.hangs.notified() => return worker,
            }
        }
        panic!("nobody called {call}");
    }

    pub async fn claim(&self) -> Option<Work> {
        let (id, clouds) = (self.id, self.app.app.clouds().clone());
        self.app.write(move |tx, ctx| work::claim(tx, ctx, &clouds, id)).await
    }

    async fn hold(&self, work: &Work) -> bool {
        let (id, claim) = (self.id, work.claim.clone());
        self.app.write(move |tx, ctx| work::hold(tx, ctx, id, &claim)).await
    }

    async fn told_late(&self, work: &Work, event: Event) {
        let work = work.clone();
        self.app.write(move |tx, ctx| work::record(tx, ctx, &work, &event)).await;
    }
}

/// What a late answer must leave alone.
fn course(record: DeploymentRecord) -> DeploymentRecord {
    DeploymentRecord { version: 0, updated_at: record.created_at, accepted: None, ..record }
}

fn order_of(server: &str) -> Accepted {
    Accepted { job: Some(format!("job-{server}")), server: Some(server.to_owned()) }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_claim_keeps_others_away_as_long_as_it_is_held_and_no_longer(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    let work = it.claim().await.expect("work");
    let before = it.record().await;
    assert_eq!((before.worker.as_ref(), work.claim.len()), (Some(&work.claim), 32));
    for _ in 0..10 {
        it.app.clock.advance(CLAIM - SignedDuration::from_secs(1));
        assert!(it.claim().await.is_none());
        assert!(it.hold(&work).await);
    }
    let held = it.record().await;
    assert_eq!(held.next_at, Some(it.app.now().saturating_add(CLAIM)));
    assert_eq!(DeploymentRecord { next_at: before.next_at, ..held }, before, "nothing else is touched");
    // Its process dies.
    it.app.clock.advance(CLAIM - SignedDuration::from_millis(1));
    assert!(it.claim().await.is_none());
    it.app.clock.advance(SignedDuration::from_millis(1));
    let next = it.claim().await.expect("nobody holds it any more");
    assert_ne!(next.claim, work.claim);
    // It did not die after all.
    let before = it.record().await;
    assert!(!it.hold(&work).await);
    assert_eq!(it.record().await, before);
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.record().await.worker, None);
}

/// The time of the runtime is stopped, so that a minute of it passes in no time.
#[tokio::test]
async fn a_worker_holds_on_to_its_claim_while_the_cloud_takes_its_time() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let worker = it.asleep_in("identity").await;
    let claim = it.record().await.worker;
    for _ in 0..6 {
        it.app.clock.advance(SignedDuration::from_secs(10));
        let until = Some(it.app.now().saturating_add(CLAIM));
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(10)).await;
        tokio::time::resume();
        while it.record().await.next_at != until {
            tokio::task::yield_now().await;
        }
        assert_eq!(it.claim().await.map(|it| it.claim), None);
    }
    assert_eq!(it.record().await.worker, claim);
    it.cloud.goes_on.notify_one();
    worker.join_all().await;
    let record = it.record().await;
    assert_eq!((record.stage, record.worker), (Stage::Accepted, None));
}

/// A process that was stopped, and whose deployment went on elsewhere, sends no order and undoes nothing.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_worker_that_wakes_up_makes_no_second_server(
    #[case] backend: Backend,
    #[values(("rehearse", 1), ("identity", 2), ("create", 1), ("progress", 1))] (call, time): (&'static str, usize),
) {
    let it = Deploying::begin(backend).await;
    if time == 2 {
        it.until_stage(Stage::Accepted).await;
    }
    let sleeper = it.asleep_in(call).await;
    it.app.pass(CLAIM);
    it.until_stage(Stage::BootstrapCalled).await;
    let before = course(it.record().await);
    it.cloud.goes_on.notify_one();
    sleeper.join_all().await;
    assert_eq!(course(it.record().await), before);
    assert_eq!((it.cloud.made(), it.cloud.count("create")), (1, 1));
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
}

/// Whatever a worker is told that was superseded: the deployment stays where the other one left it.
#[rstest]
#[case::failed(Event::Failed(CloudError::new(Trouble::Credentials, "expired")))]
#[case::refused(Event::Refused(CloudError::new(Trouble::Capacity, "sold out")))]
#[case::nothing(Event::NothingFound)]
#[case::vanished(Event::Vanished)]
#[case::overdue(Event::Overdue("the console".to_owned()))]
#[case::not_made(Event::NotMade { error: CloudError::new(Trouble::Capacity, "sold out"), left: Vec::new() })]
#[case::removed(Event::RemovalDone)]
#[case::accepted(Event::Accepted(order_of("srv-1")))]
#[case::pending(Event::Pending(Some("srv-1".to_owned())))]
#[tokio::test]
async fn late_news_move_nothing_on(#[case] event: Event) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::Accepted).await;
    let sleeper = it.claim().await.expect("work");
    it.app.pass(CLAIM);
    it.until_stage(Stage::ServerCreated).await;
    let holder = it.claim().await;
    let (before, lines) = (course(it.record().await), it.lines().await);
    it.told_late(&sleeper, event).await;
    assert_eq!((course(it.record().await), it.lines().await), (before, lines));
    drop(holder);
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(
        (it.cloud.made(), it.paid().await),
        (1, ["srv-1", "srv-1-disk", "srv-1-ip"].map(str::to_owned).to_vec())
    );
}

/// The one who took over looks for an order of which the sleeper knows that it was accepted.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_late_acceptance_is_kept_and_followed(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.until_stage(Stage::Accepted).await;
    let sleeper = it.claim().await.expect("work");
    it.cloud.state().made = 1;
    it.app.pass(CLAIM);
    let other = it.claim().await.expect("work");
    it.cloud.state().servers.insert("srv-1".to_owned(), sleeper.deployment.record.attempt.clone().unwrap());
    let before = course(it.record().await);
    it.told_late(&sleeper, Event::Accepted(order_of("srv-1"))).await;
    let record = it.record().await;
    assert!(record.accepted.is_some() && record.worker.as_ref() == Some(&other.claim), "{record:?}");
    assert_eq!((course(record), it.paid().await), (before, vec!["srv-1".to_owned()]));
    // What the other one was told before changes nothing of that.
    it.told_late(&other, Event::NothingFound).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!((it.cloud.made(), it.cloud.count("create")), (1, 0));
}

/// Nothing is known of such a server but its id; without that it would be paid for for ever.
#[tokio::test]
async fn a_late_server_of_an_earlier_order_is_in_the_inventory_and_removed() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::Accepted).await;
    let sleeper = it.claim().await.expect("work");
    it.app.pass(CLAIM);
    it.cloud.play("create", Play::Refused(Trouble::Quota));
    it.settled(Status::Failed).await;
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.cloud.state().servers.insert("srv-late".to_owned(), sleeper.deployment.record.attempt.clone().unwrap());
    it.told_late(&sleeper, Event::Accepted(order_of("srv-late"))).await;
    assert_eq!(it.paid().await, ["srv-1", "srv-1-disk", "srv-1-ip", "srv-late"]);
    assert!(it.lines().await.last().unwrap().contains("earlier order"));
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
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
    let claimed = it.claim().await.expect("work");
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
    let sleeper = it.claim().await.expect("work");
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
