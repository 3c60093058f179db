//! What one license may have, and what is forgotten.

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    base::{
        ids::{DeploymentId, LicenseId},
        secret::SecretString,
    },
    jobs,
    license::model::License,
    provision::{
        password::PasswordHash,
        plan::{Cloud, Place},
        provider::{Entry, Trouble},
        run::{Goal, Stage, Status, Wish},
    },
    usecase::{
        deployment::{Deployment, secrets, start},
        retention,
    },
};
use tokio::task::JoinSet;

use super::{Deploying, HASH, cloud::Play, credentials};
use crate::{customer::deploy::Service, harness::Backend};

impl Deploying {
    /// Others like it, of some license.
    async fn others(&self, license: LicenseId, number: usize, status: Status) {
        self.others_at(license, number, status, None).await;
    }

    /// The same at an endpoint.
    async fn others_at(&self, license: LicenseId, number: usize, status: Status, endpoint: Option<&'static str>) {
        let first = self.id;
        let copy = self.app.write(move |tx, ctx| {
            let like = Deployment::load(tx, first)?.unwrap();
            // Seats are not what is short here.
            let roomy = tx.license_for_update(license)?.unwrap();
            tx.license_update(&License { machines: 1_000, ..roomy })?;
            for _ in 0..number {
                let mut other = like.clone();
                let id = DeploymentId::new(ctx.now, ctx.entropy);
                other.record.id = id;
                other.record.license_id = license;
                other.record.version = 1;
                other.record.status = status;
                other.plan.place.endpoint = endpoint.map(str::to_owned);
                other.record.plan = serde_json::json!(other.plan);
                other.record.credentials = Some(secrets::seal_entry(ctx, id, &Entry::Keys(credentials("account-1"))));
                let hash = PasswordHash::kept(SecretString::from(HASH));
                other.record.password = Some(secrets::seal_password(ctx, id, &hash));
                tx.deployment_insert(&other.record)?;
                other.enter(tx, ctx, Stage::Preflight)?;
                other.look_again(ctx.now, 0);
                if status != Status::Running {
                    other.rest();
                }
                other.save(tx, ctx)?;
            }
            Ok(())
        });
        copy.await;
    }
}

impl Deploying {
    /// Until so many tasks hang: claimed, and asking the cloud.
    async fn hang(&self, number: usize) {
        let hang = async {
            while self.cloud.count("identity") < number {
                self.cloud.hangs.notified().await;
            }
        };
        let patience = std::time::Duration::from_secs(60);
        tokio::time::timeout(patience, hang).await.expect("all claimed and asked");
    }
}

/// A license whose cloud hangs once took all workers.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_license_does_not_keep_all_workers(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    let other = crate::customer::issued(&it.app, "mill/fixed").await;
    it.others(it.license.id, 9, Status::Running).await;
    for _ in 0..10 {
        it.cloud.play("identity", Play::HangsBefore);
    }
    let mut under_way = jobs::deployments::round(&it.app.app, JoinSet::new()).await;
    assert_eq!(under_way.len(), 4);
    it.hang(4).await;
    under_way = jobs::deployments::round(&it.app.app, under_way).await;
    assert_eq!(under_way.len(), 4, "nor a round later");
    it.others(other.id, 1, Status::Running).await;
    under_way = jobs::deployments::round(&it.app.app, under_way).await;
    assert_eq!(under_way.len(), 5);
    under_way.shutdown().await;
    let under_way = jobs::deployments::round(&it.app.app, JoinSet::new()).await;
    assert!(under_way.len() >= 4, "those that died gave their places back");
}

/// Four licenses with an endpoint that never answers took all workers, and a page full of deployments that found no place
/// hid those behind it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn endpoints_in_no_list_do_not_keep_the_workers_from_known_clouds(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    for _ in 0..40 {
        it.cloud.play("identity", Play::HangsBefore);
    }
    for _ in 0..6 {
        let hostile = crate::customer::issued(&it.app, "mill/fixed").await;
        it.others_at(hostile.id, 20, Status::Running, Some("https://tarpit.example.com/")).await;
    }
    it.pass(5);
    let other = crate::customer::issued(&it.app, "mill/fixed").await;
    it.others(other.id, 3, Status::Running).await;
    let mut under_way = jobs::deployments::round(&it.app.app, JoinSet::new()).await;
    assert_eq!(under_way.len(), 12, "eight at endpoints, the first deployment, and the three that came last");
    it.hang(12).await;
    under_way = jobs::deployments::round(&it.app.app, under_way).await;
    assert_eq!(under_way.len(), 12, "nor a round later");
    it.others(it.license.id, 9, Status::Running).await;
    under_way = jobs::deployments::round(&it.app.app, under_way).await;
    assert_eq!(under_way.len(), 15, "four of each license");
    it.hang(15).await;
    let more = crate::customer::issued(&it.app, "mill/fixed").await;
    it.others(more.id, 3, Status::Running).await;
    let asked =
        tokio::time::timeout(std::time::Duration::from_secs(30), jobs::deployments::round(&it.app.app, under_way));
    let mut under_way = asked.await.expect("a round that is full waits for nobody");
    assert_eq!(under_way.len(), 16);
    under_way.shutdown().await;
}

#[tokio::test]
async fn a_license_has_twenty_deployments_that_are_not_removed() {
    let service = Service::start().await;
    let license = crate::customer::issued(&service.app, "atlas/standard").await.id;
    let begin = async |ends: Status| {
        let answers = [("SITE_NAME", "x"), ("LANGUAGE", "en")];
        let order = start::Order {
            id: None,
            place: Place { cloud: Cloud::Own, region: String::new(), endpoint: None, session_tokens: false },
            server: None,
            answers: answers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            credentials: None,
            password: None,
        };
        let begun = service.app.write(move |tx, ctx| {
            Ok(match start::start(tx, ctx, license, &order)? {
                Ok(mut begun) => {
                    begun.settle(ctx, ends);
                    begun.save(tx, ctx)?;
                    None
                }
                Err(refused) => Some(refused),
            })
        });
        begun.await
    };
    assert_eq!(begin(Status::Removed).await, None);
    for _ in 0..20 {
        assert_eq!(begin(Status::Failed).await, None);
    }
    assert_eq!(begin(Status::Failed).await, Some(start::Refusal::TooMany(20)));
}

/// Seats that deployments are about to take were counted among the newest hundred only.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_seat_that_is_about_to_be_taken_counts_however_old_the_deployment(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    let license = it.license.clone();
    let more = usize::try_from(license.machines).unwrap() - 1;
    it.others(license.id, more, Status::NeedsCredentials).await;
    it.app.pass(SignedDuration::from_secs(1));
    it.others(license.id, 110, Status::Removed).await;
    let own = it.id;
    let [taken, without] = it
        .app
        .read(move |tx, ctx| {
            Ok([start::has_seat(tx, ctx, &license, None)?, start::has_seat(tx, ctx, &license, Some(own))?])
        })
        .await;
    assert_eq!((taken, without), (false, true));
}

/// The hash of a password is kept for a resume, but not for ever.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_sealed_is_forgotten_a_month_after_the_end(#[case] backend: Backend) {
    let it = Deploying::begin(backend).await;
    it.cloud.play("create", Play::Refused(Trouble::Capacity));
    it.settled(Status::Failed).await;
    for (days, kept) in [(29, true), (2, false)] {
        it.app.pass_days(days);
        it.app.write(|tx, ctx| retention::forget(tx, ctx, 30)).await;
        assert_eq!(it.record().await.password.is_some(), kept);
    }
    // Without it the server would be one that nobody can log in to.
    it.wish(Wish::Resume, Some("account-1")).await;
    it.settled(Status::Failed).await;
    assert_eq!((it.obstacle().await.kind.as_str(), it.servers()), ("password", 0));
    it.wish(Wish::Remove, Some("account-1")).await;
    assert_eq!(it.settled(Status::Removed).await.goal, Goal::Remove);
}

#[tokio::test]
async fn what_is_sealed_stays_while_it_is_worked_on() {
    let it = Deploying::begin(Backend::Sqlite).await;
    it.cloud.play("create", Play::Refused(Trouble::Unknown));
    it.until(|record| record.sent).await;
    it.app.pass_days(40);
    it.app.write(|tx, ctx| retention::forget(tx, ctx, 30)).await;
    let record = it.record().await;
    assert!(record.password.is_some() && record.credentials.is_some());
}
