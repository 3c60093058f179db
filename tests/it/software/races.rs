//! Real clients at once, over HTTP.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rstest::rstest;
use tokio::task::JoinSet;

use super::{Software, refusal};
use crate::harness::{Answer, Backend, TestApp};

/// Asks until there is an answer: a server under load may say that it did nothing and ask to try again.
async fn answered(software: &Software, number: u32) -> Answer {
    for _ in 0..20 {
        let answer = software.activate(number).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(answer.header("Retry-After").is_some());
    }
    panic!("twenty times without an answer")
}

async fn race(software: &Software, number: fn(u32) -> u32) -> Vec<Answer> {
    let mut racers = JoinSet::new();
    for racer in 1..=50 {
        let software = software.clone();
        racers.spawn(async move { answered(&software, number(racer)).await });
    }
    racers.join_all().await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_clients_race_for_the_last_seat_and_one_gets_it(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(2)).await;
    let seat = software.seated(0).await;
    app.pass(SignedDuration::from_secs(1));
    let answers = race(&software, |racer| racer).await;
    let (seated, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 201);
    assert_eq!((seated.len(), refused.len()), (1, 49));
    let winner = seated[0].json()["activation"]["id"].clone();
    for answer in refused {
        assert_eq!(refusal(&answer), "machine_limit");
        let holders: Vec<_> =
            answer.json()["holders"].as_array().unwrap().iter().map(|it| it["activation"].clone()).collect();
        assert_eq!(holders, [seat.clone().into(), winner.clone()], "whoever lost is told who won");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_machine_that_asks_fifty_times_at_once_has_one_seat(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let software = Software::of(&app, "fixed", Some(1)).await;
    let answers = race(&software, |_| 1).await;
    let ids: BTreeSet<String> = answers.iter().map(|it| it.json()["activation"]["id"].to_string()).collect();
    assert_eq!((ids.len(), answers.iter().filter(|it| it.status == 201).count()), (1, 1));
    assert!(answers.iter().all(|it| [200, 201].contains(&it.status)));
}
