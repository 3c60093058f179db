//! Real clients at once.

use rstest::rstest;
use tokio::task::JoinSet;

use super::{Client, code};
use crate::harness::{Answer, Backend, TestApp};

/// Asks until there is an answer: a server under load may say that it did nothing and ask to try again.
async fn answered(client: &Client, fingerprint: &str) -> Answer {
    for _ in 0..20 {
        let answer = client.activate(fingerprint).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(answer.header("Retry-After").is_some());
    }
    panic!("twenty times without an answer")
}

/// What 32 clients at once are answered, beside the one that gets a seat.
async fn race(client: &Client, fingerprint: fn(u32) -> String) -> Vec<(u16, String)> {
    let mut racers = JoinSet::new();
    for racer in 0..32 {
        let client = client.clone();
        racers.spawn(async move { answered(&client, &fingerprint(racer)).await });
    }
    let answers = racers.join_all().await;
    let (seated, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|it| it.status == 201);
    assert_eq!((seated.len(), refused.len()), (1, 31));
    refused.iter().map(code).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_machines_race_for_the_last_seat_and_one_gets_it(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(2)).await;
    client.seated("first").await;
    for refused in race(&client, |racer| format!("loom-{racer}")).await {
        assert_eq!(refused, (422, "MACHINE_LIMIT_EXCEEDED".to_owned()));
    }
    assert_eq!(client.call("GET", "machines", None).await.json()["meta"]["count"], 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_machine_that_asks_thirty_two_times_at_once_is_created_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let client = Client::of(&app, "fixed", Some(3)).await;
    for refused in race(&client, |_| "loom".to_owned()).await {
        assert_eq!(refused, (422, "FINGERPRINT_TAKEN".to_owned()));
    }
    assert_eq!(client.call("GET", "machines", None).await.json()["meta"]["count"], 1);
}
