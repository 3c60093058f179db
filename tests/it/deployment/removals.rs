//! What is removed, what is left, and what is never said to be gone before it is.

use jiff::SignedDuration;
use rstest::rstest;
use signet::provision::{
    provider::Trouble,
    run::{Goal, Stage, Status, Wish},
};

use super::{Deploying, cloud::Play, troubles::disk};
use crate::harness::Backend;

/// To a server that runs, and to nothing left of it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_server_is_made_and_removed_with_all_that_belongs_to_it(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    let waits = it.until_stage(Stage::BootstrapCalled).await;
    assert_eq!((waits.address.as_deref(), waits.password), (Some("203.0.113.7"), None));
    assert_eq!(it.paid().await, ["srv-1", "srv-1-disk", "srv-1-ip"]);
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await), (0, Vec::new()));
}

#[rstest]
#[case::found(true)]
#[case::never_made(false)]
#[tokio::test]
async fn an_order_whose_answer_was_lost_is_removed(#[case] made: bool) {
    let it = Deploying::begin(Backend::Sqlite).await;
    let play = if made { Play::Lost } else { Play::Refused };
    it.cloud.play("create", play(Trouble::Unknown));
    it.until(|record| record.sent).await;
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.cloud.count("create")), (0, 1));
}

#[tokio::test]
async fn what_a_failed_order_left_is_removed() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().not_made = Some((Trouble::Leftover, vec![disk("disk-9")]));
    it.settled(Status::Failed).await;
    assert_eq!(it.paid().await, ["disk-9"]);
    it.wish(Wish::Remove, Some("account-1")).await;
    it.settled(Status::Removed).await;
    assert_eq!(it.paid().await, Vec::<String>::new());
    assert_eq!(it.cloud.count("remove"), 1);
}

/// A call that failed says nothing about what is there. It once counted as removed, and the server was paid for on.
#[rstest]
#[case::remove("remove")]
#[case::removal("removal")]
#[tokio::test]
async fn a_removal_that_cannot_be_asked_about_removes_nothing(
    #[case] call: &'static str,
    #[values(Trouble::Throttled, Trouble::Unavailable, Trouble::Unknown, Trouble::Expired, Trouble::Permission)]
    trouble: Trouble,
) {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.wish(Wish::Remove, None).await;
    it.cloud.play(call, Play::Refused(trouble));
    it.until(|record| it.cloud.count(call) == 1 || record.status != Status::Running).await;
    assert_eq!(it.paid().await.len(), 3, "{trouble:?}");
    if it.record().await.status != Status::Running {
        it.wish(Wish::Resume, Some("account-1")).await;
    }
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
}

#[tokio::test]
async fn what_a_removal_left_stays_in_the_inventory() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.wish(Wish::Remove, None).await;
    it.cloud.state().keeps = Some(vec![disk("srv-1-disk")]);
    it.settled(Status::Failed).await;
    assert_eq!(it.paid().await, ["srv-1-disk"]);
    it.wish(Wish::Resume, Some("account-1")).await;
    it.settled(Status::Removed).await;
    assert_eq!(it.paid().await, Vec::<String>::new());
}

/// A cloud that lost sight of a server for a moment billed it for ever: it counted as removed, and `remove` left it out.
#[tokio::test]
async fn regression_a_server_that_was_out_of_sight_is_removed_all_the_same() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::BootstrapCalled).await;
    let servers = std::mem::take(&mut it.cloud.state().servers);
    it.settled(Status::Gone).await;
    it.cloud.state().servers = servers;
    it.wish(Wish::Remove, Some("account-1")).await;
    it.settled(Status::Removed).await;
    assert_eq!(it.servers(), 0);
}

/// Disks and addresses may outlive their server.
#[tokio::test]
async fn what_a_server_that_is_gone_left_is_removed_on_demand() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.cloud.state().servers.clear();
    it.settled(Status::Gone).await;
    assert_eq!(it.paid().await, ["srv-1-disk", "srv-1-ip"]);
    it.wish(Wish::Remove, Some("account-1")).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.paid().await.len(), it.cloud.count("remove")), (0, 1));
}

/// An order under way is looked at with pauses, also when it is to be removed.
#[tokio::test]
async fn a_server_that_is_being_made_is_removed_without_haste() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().building = true;
    it.until_stage(Stage::ServerCreated).await;
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
    assert!(it.cloud.state().calls.len() < 30, "{:?}", it.cloud.state().calls);
}

#[rstest]
#[case(Stage::Preflight)]
#[case(Stage::Accepted)]
#[case(Stage::ServerCreated)]
#[case(Stage::BootstrapCalled)]
#[tokio::test]
async fn a_deployment_is_cancelled_at_any_stage(#[case] stage: Stage) {
    let it = Deploying::begin(Backend::Sqlite).await;
    if stage != Stage::Preflight {
        it.until_stage(stage).await;
    }
    it.wish(Wish::Remove, None).await;
    let removed = it.settled(Status::Removed).await;
    assert_eq!((removed.goal, it.servers(), it.paid().await.len()), (Goal::Remove, 0, 0));
}

#[tokio::test]
async fn what_failed_is_kept_until_it_is_removed() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let deadline = it.until_stage(Stage::BootstrapCalled).await.deadline_at.unwrap();
    it.app.clock.set(deadline);
    it.settled(Status::Failed).await;
    assert_eq!(it.wish(Wish::Keep, None).await.status, Status::Kept);
    assert_eq!(it.servers(), 1);
    it.wish(Wish::Remove, Some("account-1")).await;
    it.settled(Status::Removed).await;
    assert_eq!(it.servers(), 0);
}

/// A removal soon after the order was told that there is no such server, and the deployment counted as removed while the
/// server came to life and was paid for.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_server_that_does_not_show_yet_does_not_count_as_removed(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.cloud.state().hidden = true;
    it.until(|record| record.accepted.as_deref().is_some_and(|accepted| accepted.contains("srv-1"))).await;
    it.wish(Wish::Remove, None).await;
    for _ in 0..12 {
        assert_eq!(it.step().await.status, Status::Running);
    }
    assert_eq!(it.cloud.count("remove"), 0, "nobody knows yet what belongs to it");
    it.cloud.state().hidden = false;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await), (0, Vec::new()));
}

/// One that never shows is removed by its id all the same, once it must have shown.
#[tokio::test]
async fn a_server_that_never_shows_is_removed_in_the_end() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().hidden = true;
    it.until(|record| record.accepted.as_deref().is_some_and(|accepted| accepted.contains("srv-1"))).await;
    let ordered = it.record().await.attempt_at.unwrap();
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert!(it.app.now().since(ordered) >= SignedDuration::from_mins(3));
    assert_eq!(it.cloud.count("remove"), 1);
}

/// An order that failed and left something nobody knows was forgotten: a second server was ordered, and a removal said that
/// all was removed.
#[tokio::test]
async fn what_a_failed_order_left_without_a_name_is_not_forgotten() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.state().not_made = Some((Trouble::Leftover, Vec::new()));
    it.settled(Status::Failed).await;
    it.wish(Wish::Resume, Some("account-1")).await;
    it.settled(Status::Failed).await;
    assert_eq!(it.cloud.made(), 1, "no other server while something is left of the first");
    it.wish(Wish::Remove, Some("account-1")).await;
    assert_eq!(it.settled(Status::Failed).await.status, Status::Failed);
    assert_eq!(it.obstacle().await.kind, "leftover");
    it.wish(Wish::Keep, None).await;
    it.settled(Status::Kept).await;
}
