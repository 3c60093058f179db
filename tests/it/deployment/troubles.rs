//! What clouds do to deployments.

use jiff::SignedDuration;
use rstest::rstest;
use signet::provision::{
    provider::{Resource, ResourceKind, Trouble},
    run::{Stage, Status, Wish},
};

use super::{Deploying, cloud::Play};
use crate::harness::Backend;

pub fn disk(id: &str) -> Resource {
    Resource { kind: ResourceKind::Disk, id: id.to_owned(), name: None }
}

#[rstest]
#[case::unknown(Trouble::Unknown)]
#[case::unavailable(Trouble::Unavailable)]
#[tokio::test]
async fn an_order_whose_answer_was_lost_is_found(#[case] trouble: Trouble) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("create", Play::Lost(trouble));
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!((it.cloud.made(), it.cloud.count("create")), (1, 1));
}

/// Clouds show some orders late; a second one in the meantime would be a second server.
#[tokio::test]
async fn an_order_that_shows_late_is_not_sent_again() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("create", Play::Lost(Trouble::Unknown));
    it.until(|record| record.sent).await;
    let hidden = std::mem::take(&mut it.cloud.state().servers);
    for _ in 0..4 {
        it.step().await;
    }
    assert_eq!(it.cloud.count("create"), 1);
    it.cloud.state().servers = hidden;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.cloud.made(), 1);
}

/// After one look where the cloud is known to honour the attempt's token; otherwise not before it must have shown.
#[rstest]
#[case::idempotent(true)]
#[case::unknown(false)]
#[tokio::test]
async fn an_order_that_never_arrived_is_sent_again(#[case] idempotent: bool) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().idempotent = idempotent;
    it.cloud.play("create", Play::Refused(Trouble::Unknown));
    let lost = it.until(|record| record.sent).await;
    let (attempt, sent_at) = (lost.attempt, it.app.now());
    it.until_stage(Stage::ServerCreated).await;
    assert_eq!((it.cloud.made(), it.cloud.count("create")), (1, 2));
    assert_eq!(it.record().await.attempt, attempt);
    let waited = it.app.now().since(sent_at);
    assert_eq!(waited < SignedDuration::from_mins(1), idempotent, "{waited}");
    assert_eq!(waited >= SignedDuration::from_mins(3), !idempotent, "{waited}");
    assert_eq!(it.cloud.count("find") == 1, idempotent, "{}", it.cloud.count("find"));
}

/// The repeat is refused, for something new; what became of the first order nobody knows yet.
#[tokio::test]
async fn a_refused_repeat_says_nothing_about_the_order_before() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().idempotent = true;
    it.cloud.play("create", Play::Lost(Trouble::Unknown));
    it.until(|record| record.sent).await;
    let hidden = std::mem::take(&mut it.cloud.state().servers);
    it.cloud.play("create", Play::Refused(Trouble::Quota));
    let record = it.settled(Status::Failed).await;
    assert!(record.sent && record.attempt.is_some(), "{record:?}");
    it.wish(Wish::Remove, Some("account-1")).await;
    it.step().await;
    it.cloud.state().servers = hidden;
    it.settled(Status::Removed).await;
    assert_eq!((it.cloud.made(), it.servers(), it.paid().await.len()), (1, 0, 0));
}

/// An answer that nobody foresaw may be that of an order that was carried out.
#[tokio::test]
async fn an_order_with_an_unforeseen_answer_is_looked_up_before_it_is_sent_again() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("create", Play::Lost(Trouble::Unexpected));
    it.settled(Status::Failed).await;
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.cloud.made(), 1);
}

#[tokio::test]
async fn a_cloud_that_asks_for_patience_gets_it() {
    let it = Deploying::begin(Backend::Sqlite).await;
    for call in ["identity", "create", "create", "progress"] {
        it.cloud.play(call, Play::Refused(Trouble::Throttled));
    }
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.cloud.made(), 1);
}

#[rstest]
#[case::capacity(Trouble::Capacity)]
#[case::quota(Trouble::Quota)]
#[case::permission(Trouble::Permission)]
#[tokio::test]
async fn an_order_that_is_refused_can_be_made_again(#[case] trouble: Trouble) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("create", Play::Refused(trouble));
    it.settled(Status::Failed).await;
    let why = it.obstacle().await;
    assert_eq!((why.kind.as_str(), why.request_id.as_deref()), (trouble.as_str(), Some("request-1")));
    assert_eq!(it.wish(Wish::Resume, None).await.status, Status::NeedsCredentials);
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.cloud.made(), 1);
}

#[rstest]
#[case::preflight("identity", Stage::Preflight)]
#[case::order("create", Stage::Accepted)]
#[case::progress("progress", Stage::ServerCreated)]
#[tokio::test]
async fn expired_credentials_are_asked_for_again(#[case] call: &'static str, #[case] stage: Stage) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play(call, Play::Refused(Trouble::Expired));
    assert_eq!(it.settled(Status::NeedsCredentials).await.stage, stage);
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.cloud.made(), 1);
}

/// The customer's token is over while the machine works: the machine needs none.
#[tokio::test]
async fn expired_credentials_do_not_stop_a_machine_that_works() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.cloud.play("server", Play::Refused(Trouble::Expired));
    let record = it.step().await;
    assert_eq!((record.status, record.next_at), (Status::Running, record.deadline_at));
}

/// In somebody else's account nothing of the deployment is found, which says nothing about it.
#[rstest]
#[case::order(Stage::Accepted)]
#[case::watch(Stage::BootstrapCalled)]
#[tokio::test]
async fn credentials_of_another_account_are_refused(#[case] stage: Stage) {
    let it = Deploying::begin(Backend::Sqlite).await;
    if stage == Stage::Accepted {
        it.cloud.play("create", Play::Refused(Trouble::Expired));
        it.settled(Status::NeedsCredentials).await;
        it.wish(Wish::Resume, Some("account-2")).await;
        it.settled(Status::NeedsCredentials).await;
        assert_eq!(it.servers(), 0);
    } else {
        it.until_stage(stage).await;
    }
    it.wish(Wish::Remove, Some("account-2")).await;
    if stage != Stage::Accepted {
        it.settled(Status::NeedsCredentials).await;
        assert_eq!((it.servers(), it.paid().await.len()), (1, 3));
        it.wish(Wish::Remove, Some("account-1")).await;
    }
    it.settled(Status::Removed).await;
    assert_eq!(it.servers(), 0);
}

/// A server that a failed order left is one that is paid for: another order would be the second.
#[tokio::test]
async fn nothing_is_ordered_beside_a_server_that_was_left() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let left = Resource { kind: ResourceKind::Server, id: "srv-1".to_owned(), name: None };
    it.cloud.state().not_made = Some((Trouble::Leftover, vec![left]));
    it.settled(Status::Failed).await;
    it.cloud.state().not_made = None;
    it.wish(Wish::Resume, Some("account-1")).await;
    it.settled(Status::Failed).await;
    assert_eq!((it.obstacle().await.kind.as_str(), it.cloud.count("create")), ("leftover", 1));
}

/// What the cloud had rolled back by itself stood in the way of every further order.
#[tokio::test]
async fn regression_an_order_that_was_rolled_back_can_be_made_again() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().building = true;
    it.until_stage(Stage::ServerCreated).await;
    it.step().await;
    {
        let mut state = it.cloud.state();
        state.servers.clear();
        state.building = false;
        state.not_made = Some((Trouble::Capacity, Vec::new()));
    }
    it.settled(Status::Failed).await;
    assert_eq!(it.paid().await, Vec::<String>::new());
    it.cloud.state().not_made = None;
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.servers(), 1);
}

#[rstest]
#[case::asked(None)]
#[case::cloud_is_away(Some(Trouble::Unavailable))]
#[case::credentials_are_over(Some(Trouble::Expired))]
#[tokio::test]
async fn a_server_that_never_calls_fails_at_its_deadline_with_its_console(#[case] away: Option<Trouble>) {
    let it = Deploying::begin(Backend::Sqlite).await;
    let deadline = it.until_stage(Stage::BootstrapCalled).await.deadline_at.unwrap();
    it.app.clock.set(deadline);
    away.into_iter().for_each(|trouble| it.cloud.play("server", Play::Refused(trouble)));
    it.round().await;
    assert_eq!(it.settled(Status::Failed).await.stage, Stage::BootstrapCalled);
    assert_eq!(it.obstacle().await.kind, "deadline");
    assert!(it.lines().await.contains(&"kernel: panic [31m".to_owned()), "{:?}", it.lines().await);
}

#[rstest]
#[case::preflight(Stage::Preflight, "quota")]
#[case::accepted(Stage::Accepted, "create")]
#[case::server_created(Stage::ServerCreated, "progress")]
#[tokio::test]
async fn a_cloud_that_is_away_fails_the_stage_at_its_deadline(#[case] stage: Stage, #[case] call: &'static str) {
    let it = Deploying::begin(Backend::Sqlite).await;
    for _ in 0..super::STEPS {
        it.cloud.play(call, Play::Refused(Trouble::Unavailable));
    }
    assert_eq!(it.settled(Status::Failed).await.stage, stage);
    assert_eq!(it.obstacle().await.kind, "deadline");
    // Whatever was made by then is still found, and not a second time.
    it.cloud.state().plays.clear();
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!(it.cloud.made(), 1);
}

/// A deployment can wait for days between what was checked and what is paid for.
#[tokio::test]
async fn nothing_is_ordered_for_a_license_that_ended_meanwhile() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("create", Play::Refused(Trouble::Capacity));
    it.settled(Status::Failed).await;
    it.app.pass_days(400);
    it.wish(Wish::Resume, Some("account-1")).await;
    it.settled(Status::Failed).await;
    assert_eq!((it.obstacle().await.kind.as_str(), it.cloud.count("create")), ("license", 1));
}

/// New credentials for what runs change nothing but the credentials: what is under way is not begun anew.
#[tokio::test]
async fn new_credentials_do_not_disturb_what_runs() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let before = it.until_stage(Stage::BootstrapCalled).await;
    it.pass(5);
    let after = it.wish(Wish::Resume, Some("account-1")).await;
    assert_eq!((after.deadline_at, after.next_at, after.again), (before.deadline_at, before.next_at, false));
    assert_ne!(after.credentials, before.credentials);
}

/// Logs of machines are large; what came of the deployment stays.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_log_of_a_deployment_is_forgotten_long_after_its_end(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.app.pass_days(1);
    it.settled(Status::Failed).await;
    for (days, forgotten) in [(89, false), (2, true)] {
        it.app.pass_days(days);
        it.app.write(|tx, ctx| signet::usecase::retention::forget(tx, ctx, 30)).await;
        assert_eq!(it.lines().await.is_empty(), forgotten);
    }
    assert_eq!(it.record().await.status, Status::Failed);
}
