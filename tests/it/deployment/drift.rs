//! Servers that are gone behind the service's back, and those that are seen again.

use rstest::rstest;
use signet::{
    provision::{
        plan::Cloud,
        provider::{Entry, ServerState, Trouble},
        run::{Goal, NotNow, Stage, Status, Wish},
    },
    store::DeploymentRecord,
    usecase::deployment::{Deployment, Obstacle, Sighting, report, wish},
};

use super::{Deploying, cloud::Play, credentials};
use crate::harness::Backend;

impl Deploying {
    /// One that came to its end, and stands so.
    async fn ended(backend: Backend, status: Status) -> Self {
        let it = Self::begin(backend).await;
        it.until_stage(Stage::BootstrapCalled).await;
        it.end(status).await;
        it
    }

    async fn end(&self, status: Status) {
        let id = self.id;
        let end = self.app.write(move |tx, ctx| {
            let mut deployment = Deployment::load(tx, id)?.unwrap();
            match status {
                Status::Healthy => report::finish(tx, ctx, &mut deployment)?,
                status => {
                    let why = Obstacle::new(Stage::BootstrapCalled, "deadline", "too late");
                    deployment.stop(tx, ctx, status, &why)?;
                }
            }
            deployment.save(tx, ctx)
        });
        end.await;
    }

    async fn asked(&self, account: Option<&str>) -> Result<Deployment, NotNow> {
        let (id, given) = (self.id, account.map(|it| Entry::Keys(credentials(it))));
        let done = self.app.write(move |tx, ctx| wish::wish(tx, ctx, None, id, Wish::Check, given.as_ref())).await;
        done.expect("the deployment")
    }

    /// A look to its end; credentials are never left over.
    async fn look(&self, account: &str) -> (DeploymentRecord, Sighting) {
        assert!(self.asked(Some(account)).await.unwrap().is_checking());
        for _ in 0..super::STEPS {
            let record = self.step().await;
            if record.next_at.is_none() {
                assert_eq!((&record.credentials, record.deadline_at, record.absences), (&None, None, 0));
                let deployment = Deployment::of(record.clone()).unwrap();
                return (record, deployment.sighting().unwrap().expect("what was found"));
            }
            assert!(record.credentials.is_some());
        }
        panic!("the look never ended: {:#?}", self.lines().await);
    }
}

/// A cloud that loses sight of a server for a moment once ended its deployment.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_answer_never_makes_a_server_gone(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.until_stage(Stage::BootstrapCalled).await;
    let servers = std::mem::take(&mut it.cloud.state().servers);
    for absences in [1, 2] {
        let record = it.step().await;
        assert_eq!((record.status, record.absences), (Status::Running, absences));
        assert_eq!(it.paid().await.len(), 3);
    }
    it.cloud.state().servers.clone_from(&servers);
    assert_eq!(it.step().await.absences, 0, "they count in a row only");
    it.cloud.state().servers.clear();
    let (begun, looks) = (it.app.now(), it.cloud.count("server"));
    it.settled(Status::Gone).await;
    assert_eq!(it.cloud.count("server") - looks, 3);
    assert!(it.app.now().since(begun).as_secs() >= 10, "some seconds apart");
    // It is there after all: somebody must say that it is to go on.
    it.cloud.state().servers = servers;
    let (record, found) = it.look("account-1").await;
    assert_eq!((record.status, found.state), (Status::Failed, Some(ServerState::Running)));
    assert_eq!((it.obstacle().await.kind.as_str(), it.paid().await.len()), ("not_found", 3));
}

#[tokio::test]
async fn a_server_past_its_deadline_is_not_gone_by_one_answer_either() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let deadline = it.until_stage(Stage::BootstrapCalled).await.deadline_at.unwrap();
    it.app.clock.set(deadline);
    let servers = std::mem::take(&mut it.cloud.state().servers);
    assert_eq!(it.step().await.status, Status::Running);
    it.cloud.state().servers = servers;
    it.settled(Status::Failed).await;
    assert_eq!(it.obstacle().await.kind, "deadline");
}

#[rstest]
#[case::healthy(Status::Healthy)]
#[case::failed(Status::Failed)]
#[case::kept(Status::Kept)]
#[tokio::test]
async fn a_look_says_what_is_there_and_changes_nothing(#[case] status: Status, #[values(false, true)] stopped: bool) {
    let it = Deploying::ended(Backend::Sqlite, status).await;
    let before = it.record().await;
    it.cloud.state().stopped = stopped;
    let (after, found) = it.look("account-1").await;
    let state = if stopped { ServerState::Stopped } else { ServerState::Running };
    assert_eq!((found.state, found.address.as_deref(), found.obstacle), (Some(state), Some("203.0.113.7"), None));
    assert_eq!((after.status, after.goal, after.ended_at), (status, Goal::Deploy, before.ended_at));
    assert_eq!(after.trouble, before.trouble);
    assert!(it.lines().await.iter().any(|line| line.contains("srv-1-disk") && line.contains("203.0.113.7")));
}

#[rstest]
#[case::healthy(Status::Healthy)]
#[case::failed(Status::Failed)]
#[case::kept(Status::Kept)]
#[tokio::test]
async fn a_server_that_was_deleted_is_gone_and_one_that_is_back_is_as_before(#[case] status: Status) {
    let it = Deploying::ended(Backend::Sqlite, status).await;
    let before = it.record().await;
    let servers = std::mem::take(&mut it.cloud.state().servers);
    let looks = it.cloud.count("server");
    let (gone, found) = it.look("account-1").await;
    assert_eq!((gone.status, found.state), (Status::Gone, Some(ServerState::Gone)));
    assert_eq!(it.cloud.count("server") - looks, 3);
    assert_eq!(it.paid().await, ["srv-1-disk", "srv-1-ip"]);
    let (again, found) = it.look("account-1").await;
    assert_eq!((again.status, found.state), (Status::Gone, Some(ServerState::Gone)));
    it.cloud.state().servers = servers;
    let (back, found) = it.look("account-1").await;
    assert_eq!((back.status, found.state), (status, Some(ServerState::Running)));
    assert_eq!((back.trouble, it.paid().await.len()), (before.trouble, 3));
}

/// In somebody else's account nothing of the deployment is found, which says nothing about it.
#[tokio::test]
async fn a_look_with_another_accounts_credentials_does_not_say_gone() {
    let it = Deploying::ended(Backend::Sqlite, Status::Healthy).await;
    it.cloud.state().servers.clear();
    let (record, found) = it.look("account-2").await;
    let why = found.obstacle.expect("a reason");
    assert_eq!((record.status, found.state, why.kind.as_str()), (Status::Healthy, None, "credentials"));
    assert_eq!(it.paid().await.len(), 3);
}

#[rstest]
#[case::over(Trouble::Expired, 1)]
#[case::no_right(Trouble::Permission, 1)]
#[case::away(Trouble::Unavailable, 100)]
#[tokio::test]
async fn a_look_in_vain_leaves_the_deployment_as_it_is(#[case] trouble: Trouble, #[case] times: usize) {
    let it = Deploying::ended(Backend::Sqlite, Status::Healthy).await;
    for _ in 0..times {
        it.cloud.play("server", Play::Refused(trouble));
    }
    let (record, found) = it.look("account-1").await;
    let kind = if times > 1 { "deadline" } else { trouble.as_str() };
    assert_eq!(found.obstacle.expect("a reason").kind, kind);
    assert_eq!((record.status, found.state), (Status::Healthy, None));
}

#[tokio::test]
async fn a_look_needs_credentials_and_a_server() {
    let it = Deploying::begin(Backend::Sqlite).await;
    let running = NotNow::Stands { status: Status::Running, wish: Wish::Check };
    assert_eq!(it.asked(Some("account-1")).await, Err(running));
    it.cloud.play("create", Play::Refused(Trouble::Capacity));
    it.settled(Status::Failed).await;
    assert_eq!(it.asked(Some("account-1")).await, Err(NotNow::NoServer));
    it.wish(Wish::Resume, Some("account-1")).await;
    it.until_stage(Stage::BootstrapCalled).await;
    it.end(Status::Healthy).await;
    assert_eq!(it.asked(None).await, Err(NotNow::Credentials));
    assert!(!Deployment::of(it.record().await).unwrap().is_checking());
    let own = Deploying::begin_at(Backend::Sqlite, Cloud::Own).await;
    own.end(Status::Healthy).await;
    assert_eq!(own.asked(Some("account-1")).await, Err(NotNow::NoServer));
}

/// Who asks for something else does not wait for the look.
#[tokio::test]
async fn a_look_gives_way_to_a_removal() {
    let it = Deploying::ended(Backend::Sqlite, Status::Healthy).await;
    it.asked(Some("account-1")).await.unwrap();
    it.wish(Wish::Remove, None).await;
    it.settled(Status::Removed).await;
    assert_eq!((it.servers(), it.paid().await.len()), (0, 0));
}

/// A removal that failed, of a server that somebody deleted meanwhile, stays what it is: what is left must be removed.
#[tokio::test]
async fn a_look_does_not_end_a_removal() {
    let it = Deploying::ended(Backend::Sqlite, Status::Healthy).await;
    it.wish(Wish::Remove, Some("account-1")).await;
    it.cloud.state().keeps = Some(vec![super::troubles::disk("srv-1-disk")]);
    it.settled(Status::Failed).await;
    it.cloud.state().servers.clear();
    let (record, found) = it.look("account-1").await;
    assert_eq!((record.goal, record.status), (Goal::Remove, Status::Failed));
    assert_eq!(found.state, Some(ServerState::Gone));
    assert_eq!(it.paid().await, ["srv-1-disk"]);
}
