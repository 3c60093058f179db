//! What only PostgreSQL can get wrong.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Access, Database, raw};
use crate::store::{Store, StoreError};

type Outcome<T> = Result<T, StoreError>;

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_cut_are_replaced_unseen() {
    let database = Database::postgres();
    let store = database.open().await;
    let mut warm = JoinSet::new();
    for _ in 0..32 {
        let store = store.clone();
        warm.spawn(async move { store.read::<_, StoreError, _>(|tx| raw(tx, "SELECT pg_sleep(0.05)")).await });
    }
    warm.join_all().await.into_iter().collect::<Outcome<Vec<()>>>().unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.connect().execute(cut).unwrap();
    for number in 0..20 {
        let result: Outcome<()> = store.write(move |tx| tx.meta_set("n", &number.to_string())).await;
        result.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_inside_a_transaction_repeats_it() {
    let database = Database::postgres();
    let store = database.open().await;
    let mut rounds = 0;
    let result: Outcome<u32> = store
        .write(move |tx| {
            rounds += 1;
            tx.meta_set("n", "1")?;
            if rounds == 1 {
                raw(tx, "SELECT pg_terminate_backend(pg_backend_pid())")?;
            }
            Ok(rounds)
        })
        .await;
    assert_eq!(result.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_repeated() {
    let database = Database::postgres();
    let store = database.open().await;
    let mut jobs = JoinSet::new();
    for pair in [("a", "b"), ("b", "a")] {
        let store = store.clone();
        jobs.spawn(async move {
            store
                .write::<_, StoreError, _>(move |tx| {
                    tx.meta_set(pair.0, "1")?;
                    std::thread::sleep(Duration::from_millis(300));
                    tx.meta_set(pair.1, "1")
                })
                .await
        });
    }
    jobs.join_all().await.into_iter().collect::<Outcome<Vec<()>>>().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_hangs_is_cut_off() {
    let database = Database::postgres();
    let store = database.open().await;
    let start = Instant::now();
    let result: Outcome<()> = store.write(|tx| raw(tx, "SELECT pg_sleep(60)")).await;
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    assert!(start.elapsed() < Duration::from_secs(8));
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_outage_without_secrets() {
    // Needs no server; the name keeps it with the others.
    let url = "postgres://signet:canary@127.0.0.1:1/none".parse().unwrap();
    let start = Instant::now();
    let error = Store::open(&url, Access::Server, super::samples::time(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert!(start.elapsed() < Duration::from_secs(8));
}
