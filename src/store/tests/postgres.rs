//! What only PostgreSQL can get wrong.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{Access, Database, raw};
use crate::store::{Store, StoreError, Tx};

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

/// Runs 64 jobs at once that each look for their row, find it or not, and add it when it is missing. `true`: added.
async fn look_then_add(store: &Store, row: fn(u32) -> String) -> Vec<Outcome<bool>> {
    let mut jobs = JoinSet::new();
    for number in 0..64 {
        let store = store.clone();
        jobs.spawn(async move {
            let job = move |tx: &mut Tx| {
                if tx.meta_get(&row(number))?.is_some() {
                    return Ok(false);
                }
                // Time for the others to look as well.
                std::thread::sleep(Duration::from_millis(20));
                tx.meta_set(&row(number), "1").map(|()| true)
            };
            store.write(job).await
        });
    }
    jobs.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_jobs_that_look_for_one_row_exactly_one_adds_it() {
    let database = Database::postgres();
    let store = database.open().await;
    let results = look_then_add(&store, |_| "order".to_owned()).await;
    let added = results.into_iter().collect::<Outcome<Vec<bool>>>().unwrap();
    assert_eq!(added.into_iter().filter(|added| *added).count(), 1);
}

/// SERIALIZABLE takes it for a conflict that all read the same page without their row; nobody may fail for that.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_only_came_near_each_other_all_succeed() {
    let database = Database::postgres();
    let store = database.open().await;
    let results = look_then_add(&store, |number| format!("order-{number}")).await;
    let added = results.into_iter().collect::<Outcome<Vec<bool>>>().unwrap();
    assert_eq!(added, [true; 64]);
}

/// Regression: who waited for the one job that goes on alone waited without limit, each on a thread.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_job_that_hangs_is_told_in_time() {
    let database = Database::postgres();
    let store = database.open().await;
    let (begun, alone) = mpsc::channel();
    let (release, hanging) = mpsc::channel::<()>();
    let mut rounds = 0;
    let holder = tokio::spawn({
        let store = store.clone();
        async move {
            let job = move |tx: &mut Tx| {
                rounds += 1;
                if rounds <= 2 {
                    return collide(tx);
                }
                begun.send(()).unwrap();
                hanging.recv_timeout(Duration::from_secs(8)).unwrap();
                tx.meta_set("holder", "1")
            };
            store.write::<_, StoreError, _>(job).await
        }
    });
    tokio::task::spawn_blocking(move || alone.recv_timeout(Duration::from_secs(10)).unwrap()).await.unwrap();

    let start = Instant::now();
    let mut waiting = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        waiting.spawn(async move { store.write::<(), StoreError, _>(collide).await });
    }
    for result in waiting.join_all().await {
        assert!(matches!(result, Err(StoreError::Contended { rounds: 2 })), "{result:?}");
    }
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(5), "{waited:?}");
    // Others go on meanwhile, and so does the one that hung.
    store.ping().await.unwrap();
    release.send(()).unwrap();
    holder.await.unwrap().unwrap();
}

/// Also one whose caller went away gives its turn up.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_always_collides_ends_and_leaves_room_for_others() {
    let database = Database::postgres();
    let store = database.open().await;
    let mut jobs = JoinSet::new();
    for _ in 0..3 {
        let store = store.clone();
        jobs.spawn(async move { store.write::<(), StoreError, _>(collide).await });
    }
    let dropped = tokio::time::timeout(Duration::from_millis(100), store.write::<(), StoreError, _>(collide)).await;
    assert!(dropped.is_err(), "{dropped:?}");
    for result in jobs.join_all().await {
        assert!(matches!(result, Err(StoreError::Contended { .. })), "{result:?}");
    }
    let mut rounds = 0;
    let job = move |tx: &mut Tx| {
        rounds += 1;
        if rounds <= 3 { collide(tx).map(|()| 0) } else { Ok(rounds) }
    };
    assert_eq!(store.write::<u32, StoreError, _>(job).await.unwrap(), 4);
}

/// What PostgreSQL says of transactions that cannot be put in an order.
fn collide(tx: &mut Tx) -> Outcome<()> {
    raw(tx, "DO $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '40001'; END $$")
}
