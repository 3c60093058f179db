//! What only SQLite can get wrong.

use std::{path::Path, time::Duration};

use diesel::{RunQueryDsl, dsl::sql, sql_types};
use tokio::task::JoinSet;

use super::{Access, Database, raw, unnoted};
use crate::{
    base::limits,
    store::{DatabaseUrl, StoreError, Tx, conn::Conn},
};

type Outcome<T> = Result<T, StoreError>;

/// Keeps the writer busy so that what is sent meanwhile shares one batch.
fn slow(tx: &mut Tx) -> Outcome<()> {
    std::thread::sleep(Duration::from_millis(200));
    tx.meta_set("slow", "1")
}

#[tokio::test]
async fn every_connection_is_durable_and_checks_references() {
    let database = Database::sqlite();
    let store = database.open().await;
    let look = |tx: &mut Tx| {
        let Conn::Sqlite(conn) = &mut tx.conn else { panic!("not SQLite") };
        let number = |name: &str| format!("(SELECT {name} FROM pragma_{name})");
        let numbers = [number("synchronous"), number("foreign_keys"), number("trusted_schema")]
            .map(|query| diesel::select(sql::<sql_types::BigInt>(&query)).get_result::<i64>(&mut **conn).unwrap());
        let mode = diesel::select(sql::<sql_types::Text>(&number("journal_mode")));
        Ok::<_, StoreError>((numbers, mode.get_result::<String>(&mut **conn).unwrap()))
    };
    assert_eq!(store.write(look).await.unwrap(), ([2, 1, 0], "wal".to_owned()));
    assert_eq!(store.read(look).await.unwrap(), ([2, 1, 0], "wal".to_owned()));
}

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_is_gone() {
    let database = Database::sqlite();
    let first = database.open().await;
    assert!(matches!(database.try_open(Access::Server).await, Err(StoreError::Locked { .. })));
    first.close().await;
    database.open().await.close().await;
}

/// A full disk makes SQLite roll back the whole transaction by itself: here a job does the same to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_sqlite_rolled_back_is_answered_as_lost() {
    let database = Database::sqlite();
    let store = database.open().await;
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.write(slow).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut jobs = JoinSet::new();
    for number in 0..20_u32 {
        let store = store.clone();
        jobs.spawn(async move {
            let result: Outcome<()> = store
                .write(move |tx| {
                    tx.meta_set(&format!("n{number}"), "1")?;
                    if number == 10 {
                        unnoted(tx, "ROLLBACK").unwrap();
                        return Err(StoreError::Unavailable("disk full".to_owned()));
                    }
                    Ok(())
                })
                .await;
            (number, result)
        });
    }
    first.await.unwrap().unwrap();
    for (number, result) in jobs.join_all().await {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{number}: {result:?}");
        let stored: Outcome<Option<String>> = store.read(move |tx| tx.meta_get(&format!("n{number}"))).await;
        assert_eq!(stored.unwrap(), None, "{number} is stored though it was reported lost");
    }
    store.ping().await.unwrap();
}

/// Fills the file up to its largest allowed size: whatever SQLite makes of it, no answer may be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_never_leads_to_a_false_answer() {
    let database = Database::sqlite();
    let store = database.open().await;
    let limit: Outcome<()> = store.write(|tx| raw(tx, "PRAGMA max_page_count = 1")).await;
    limit.unwrap();
    let mut jobs = JoinSet::new();
    for number in 0..40_usize {
        let store = store.clone();
        jobs.spawn(async move {
            let size = if number % 4 == 0 { 400_000 } else { 10 };
            let result: Outcome<()> =
                store.write(move |tx| tx.meta_set(&format!("n{number}"), &"x".repeat(size))).await;
            (number, result)
        });
    }
    let mut failed = 0;
    for (number, result) in jobs.join_all().await {
        failed += usize::from(result.is_err());
        let stored: Outcome<Option<String>> = store.read(move |tx| tx.meta_get(&format!("n{number}"))).await;
        assert_eq!(result.is_ok(), stored.unwrap().is_some(), "{number}: {result:?}");
    }
    assert!(failed > 0, "nothing was too big: the test tests nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_answered_at_once() {
    let database = Database::sqlite();
    let store = database.open().await;
    let mut jobs = JoinSet::new();
    for _ in 0..limits::WRITE_QUEUE + 4 * limits::WRITE_BATCH {
        let store = store.clone();
        jobs.spawn(async move { store.write(slow_first).await });
    }
    let results = jobs.join_all().await;
    let busy = results.iter().filter(|result| matches!(result, Err(StoreError::Busy))).count();
    assert!(busy > 0, "nobody was turned away");
    assert!(results.iter().all(|result| matches!(result, Ok(()) | Err(StoreError::Busy))));
    store.ping().await.unwrap();
}

fn slow_first(tx: &mut Tx) -> Outcome<()> {
    if tx.meta_insert_if_absent("first", "1")? { slow(tx) } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_process_is_an_outage_that_passes() {
    let database = Database::sqlite();
    let store = database.open().await;
    let mut other = database.connect();
    other.execute("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    let read: Outcome<_> = store.read(|tx| tx.meta_get("created_at")).await;
    assert!(read.unwrap().is_some(), "readers do not wait for writers");
    other.execute("ROLLBACK").unwrap();
    store.ping().await.unwrap();
}

fn path(database: &Database) -> &Path {
    let DatabaseUrl::Sqlite(path) = &database.url else { panic!("not SQLite") };
    path
}

/// Regression: the probe rewrote a small row in a page that was there, and a full disk was called ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_is_not_ready_until_there_is_room() {
    let database = Database::sqlite();
    let store = database.open().await;
    let limit = |pages: u32| {
        let store = store.clone();
        async move {
            let job = move |tx: &mut Tx| raw(tx, &format!("PRAGMA max_page_count = {pages}"));
            store.write::<(), StoreError, _>(job).await.unwrap();
        }
    };
    // The page count cannot be less than it is: there is no room at all.
    limit(1).await;
    for _ in 0..3 {
        let result = store.ping().await;
        assert!(matches!(&result, Err(StoreError::Unavailable(why)) if why.contains("full")), "{result:?}");
        // A connection whose transaction SQLite ended is replaced by one without the limit.
        limit(1).await;
    }
    limit(10_000).await;
    for _ in 0..5 {
        store.ping().await.unwrap();
    }
    // What the probes leave is one row: it takes no more room than two, however often.
    limit(1).await;
    for _ in 0..20 {
        store.ping().await.unwrap();
    }
}

/// Regression: with its file gone, a server went on acknowledging what it stored in a file that nobody could see.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_deleted_or_replaced_acknowledges_nothing() {
    let database = Database::sqlite();
    let store = database.open().await;
    let away = path(&database).with_extension("away");
    let outage = |result: Outcome<()>| {
        let text = result.unwrap_err().to_string();
        assert!(text.contains("signet.db was deleted or replaced") && text.contains("start it again"), "{text}");
    };
    let set = |value: &'static str| store.write::<(), StoreError, _>(move |tx| tx.meta_set("order", value));
    let get = || store.read::<_, StoreError, _>(|tx| tx.meta_get("order"));
    set("before").await.unwrap();
    assert_eq!(get().await.unwrap().as_deref(), Some("before"));

    std::fs::rename(path(&database), &away).unwrap();
    outage(set("deleted").await);
    outage(store.ping().await);
    outage(get().await.map(drop));
    assert!(!path(&database).exists(), "a new and empty file was made in its place");

    std::fs::copy(&away, path(&database)).unwrap();
    outage(set("replaced").await);
    outage(store.ping().await);

    // The same file in its place again is no other.
    std::fs::rename(&away, path(&database)).unwrap();
    assert_eq!(get().await.unwrap().as_deref(), Some("before"));
    set("after").await.unwrap();
    store.ping().await.unwrap();
}

/// The commit itself may have gone to a file that was replaced a moment before.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_vanishes_under_a_batch_is_not_acknowledged_either() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (from, away) = (path(&database).to_owned(), path(&database).with_extension("away"));
    let result: Outcome<()> = store
        .write(move |tx| {
            std::fs::rename(&from, &away).unwrap();
            tx.meta_set("order", "1")
        })
        .await;
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let database = Database::sqlite();
    let _store = database.open().await;
    assert_eq!(path(&database).metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn urls_are_read_and_never_shown() {
    use crate::store::DatabaseUrlError;

    for text in ["a/b.db", "sqlite:a/b.db", "sqlite://a/b.db"] {
        assert_eq!(format!("{:?}", text.parse::<DatabaseUrl>().unwrap()), r#"Sqlite("a/b.db")"#);
    }
    let url: DatabaseUrl = "postgres://signet:canary@host/db".parse().unwrap();
    assert!(!format!("{url:?}").contains("canary"));
    assert_eq!("".parse::<DatabaseUrl>().unwrap_err(), DatabaseUrlError::Empty);
    for text in ["mysql://signet:canary@host/db", ":memory:", "host=127.0.0.1 password=secret"] {
        assert_eq!(text.parse::<DatabaseUrl>().unwrap_err(), DatabaseUrlError::Scheme);
    }
}
