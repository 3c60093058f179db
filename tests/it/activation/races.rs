//! Many at once: the last seat goes to one, and one machine is one activation.

use std::collections::BTreeSet;

use rstest::rstest;
use signet::{
    license::activation::Reason,
    store::StoreError,
    usecase::{
        Failure,
        activation::{Granted, Outcome, Renewal},
        validate::Question,
    },
};
use tokio::task::JoinSet;

use super::{Sold, activate, deactivate, machine, reason, renew, seated, seats, try_activate};
use crate::harness::{Backend, TestApp};

/// How many new machines the history tells of. All happen at one instant here, so they have no order.
async fn activated(app: &TestApp, sold: &Sold) -> usize {
    app.history(&sold.license).await.iter().filter(|event| *event == "activated").count()
}

/// Asks until there is an answer: a server under load may say that it did nothing and ask to try again.
async fn answered(app: &TestApp, sold: &Sold, number: u32) -> Outcome<Granted> {
    for _ in 0..20 {
        match try_activate(app, &sold.key, machine(number)).await {
            Err(Failure::Store(StoreError::Contended { .. } | StoreError::Busy)) => {}
            result => return result.unwrap(),
        }
    }
    panic!("twenty times without an answer")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_machines_race_for_the_last_seat_and_one_gets_it(#[case] backend: Backend) {
    let app = std::sync::Arc::new(TestApp::start(backend).await);
    let sold = seats(&app, "fixed", 2).await;
    activate(&app, &sold.key, machine(0)).await.unwrap();
    let mut racers = JoinSet::new();
    for number in 1..=50 {
        let (app, sold) = (app.clone(), sold.clone());
        racers.spawn(async move { answered(&app, &sold, number).await });
    }
    let (granted, refused): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((granted.len(), refused.len()), (1, 49));
    assert!(refused.into_iter().all(|it| it.unwrap_err().verdict.reason == Reason::MachineLimit));
    assert_eq!(seated(&app, &sold).await.len(), 2);
    assert_eq!(activated(&app, &sold).await, 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_machine_that_starts_fifty_times_at_once_is_one_activation(#[case] backend: Backend) {
    let app = std::sync::Arc::new(TestApp::start(backend).await);
    let sold = seats(&app, "fixed", 1).await;
    let mut racers = JoinSet::new();
    for _ in 0..50 {
        let (app, sold) = (app.clone(), sold.clone());
        racers.spawn(async move { answered(&app, &sold, 1).await.unwrap() });
    }
    let granted = racers.join_all().await;
    let ids: BTreeSet<_> = granted.iter().map(|it| it.activation.id).collect();
    assert_eq!((ids.len(), granted.iter().filter(|it| it.new_seat).count()), (1, 1));
    assert_eq!(seated(&app, &sold).await.len(), 1);
    assert_eq!(activated(&app, &sold).await, 1);
}

/// Seats change hands while others renew: never more than there are, and whoever renews keeps what it has.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn floating_seats_that_change_hands_are_never_more_than_there_are(#[case] backend: Backend) {
    let app = std::sync::Arc::new(TestApp::start(backend).await);
    let sold = seats(&app, "floating", 4).await;
    let stays = activate(&app, &sold.key, machine(100)).await.unwrap().activation.id;
    let mut users = JoinSet::new();
    for number in 0..5 {
        let (app, sold) = (app.clone(), sold.clone());
        users.spawn(async move {
            let mut had = 0;
            for _ in 0..4 {
                if let Ok(granted) = activate(&app, &sold.key, machine(number)).await {
                    had += 1;
                    assert!(seated(&app, &sold).await.len() <= 4);
                    deactivate(&app, &sold.key, granted.activation.id).await.unwrap();
                }
                renew(&app, &sold.key, stays, Renewal::default()).await.unwrap();
            }
            had
        });
    }
    let had: u32 = users.join_all().await.into_iter().sum();
    assert!(had > 0);
    let left: Vec<_> = seated(&app, &sold).await.into_iter().map(|it| it.id).collect();
    assert_eq!(left, [stays]);
    assert_eq!(reason(&app, &sold.key, Question::default()).await, Reason::Valid);
}
