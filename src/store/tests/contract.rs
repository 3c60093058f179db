//! What [`Store`] promises of every transaction.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use super::{
    Access, Database, both, raw,
    samples::{history, key, license, order, slug, time},
    unnoted,
};
use crate::store::{Constraint, StoreError, Tx};

both!(
    a_failed_job_stores_nothing,
    a_panic_is_answered_to_its_job_alone,
    a_swallowed_failure_cannot_commit,
    readers_cannot_write_and_see_what_was_committed,
    read_modify_write_loses_no_update,
    the_same_order_fifty_times_is_one_row,
    conflicts_name_their_constraint,
    a_missing_license_is_named,
    a_trigger_that_fails_one_insert_undoes_the_use_case,
    an_unreadable_row_is_reported,
    a_closed_store_says_so,
    a_tool_works_beside_the_server,
);

type Outcome<T> = Result<T, StoreError>;

fn set(name: &str) -> impl FnMut(&mut Tx) -> Outcome<()> + Send + use<> {
    let name = name.to_owned();
    move |tx| tx.meta_set(&name, "1")
}

async fn a_failed_job_stores_nothing(database: Database) {
    let store = database.open().await;
    let failed: Outcome<()> = store
        .write(|tx| {
            tx.meta_set("gone", "1")?;
            Err(StoreError::Busy)
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Busy)));
    store.write(set("kept")).await.unwrap();
    assert_eq!(store.read(|tx| tx.meta_get("gone")).await.unwrap_or_else(|e: StoreError| panic!("{e}")), None);
    assert_eq!(store.read(|tx| tx.meta_get("kept")).await.unwrap_or_else(|e: StoreError| panic!("{e}")).unwrap(), "1");
}

async fn a_panic_is_answered_to_its_job_alone(database: Database) {
    let store = database.open().await;
    // One slow job lets the others gather behind it, so that on SQLite they share a batch.
    let mut jobs = JoinSet::new();
    for number in 0..40_u32 {
        let store = store.clone();
        jobs.spawn(async move {
            let result: Outcome<()> = store
                .write(move |tx| {
                    tx.meta_set(&format!("n{number}"), "1")?;
                    match number {
                        0 => std::thread::sleep(Duration::from_millis(100)),
                        7 | 23 => panic!("as the test wants it"),
                        _ => (),
                    }
                    Ok(())
                })
                .await;
            (number, result)
        });
    }
    for (number, result) in jobs.join_all().await {
        let stored: Outcome<Option<String>> = store.read(move |tx| tx.meta_get(&format!("n{number}"))).await;
        assert_eq!(result.is_ok(), stored.unwrap().is_some(), "{number}: acknowledged and stored must agree");
        assert_eq!(matches!(result, Err(StoreError::Panicked)), matches!(number, 7 | 23), "{number}: {result:?}");
    }
    store.write(set("after")).await.unwrap();
}

async fn a_swallowed_failure_cannot_commit(database: Database) {
    let store = database.open().await;
    store.write(|tx| tx.catalog_insert(1, "a", time(0))).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let result: Outcome<()> = store
        .write(|tx| {
            tx.meta_set("before", "1")?;
            assert!(tx.catalog_insert(1, "b", time(0)).is_err());
            assert!(matches!(tx.meta_set("after", "1"), Err(StoreError::Aborted)));
            assert!(matches!(tx.order_by_identity(&slug("koo"), "x"), Err(StoreError::Aborted)));
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(StoreError::Aborted)), "{result:?}");
    let stored: Outcome<Option<String>> = store.read(|tx| tx.meta_get("before")).await;
    assert_eq!(stored.unwrap(), None);
}

async fn readers_cannot_write_and_see_what_was_committed(database: Database) {
    let store = database.open().await;
    store.write(set("seen")).await.unwrap();
    let refused: Outcome<()> = store.read(set("unseen")).await;
    assert!(refused.is_err());
    for _ in 0..10 {
        let seen: Outcome<_> = store.read(|tx| Ok((tx.meta_get("seen")?, tx.meta_get("unseen")?))).await;
        assert_eq!(seen.unwrap(), (Some("1".to_owned()), None));
    }
}

async fn read_modify_write_loses_no_update(database: Database) {
    let store = database.open().await;
    let mut tasks = JoinSet::new();
    let acknowledged = Arc::new(AtomicU32::new(0));
    for _ in 0..16 {
        let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            for _ in 0..5 {
                let result: Outcome<()> = store
                    .write(|tx| {
                        let count: u32 = tx.meta_get("count")?.map_or(0, |text| text.parse().unwrap());
                        tx.meta_set("count", &(count + 1).to_string())
                    })
                    .await;
                match result {
                    Ok(()) => _ = acknowledged.fetch_add(1, Ordering::SeqCst),
                    Err(error) => assert!(matches!(error, StoreError::Contended { .. }), "{error}"),
                }
            }
        });
    }
    tasks.join_all().await;
    let count: Outcome<Option<String>> = store.read(|tx| tx.meta_get("count")).await;
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert_eq!(count.unwrap().unwrap(), acknowledged.to_string());
    assert!(acknowledged >= 40, "only {acknowledged} of 80 came through");
}

async fn the_same_order_fifty_times_is_one_row(database: Database) {
    let store = database.open().await;
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            let job = move |tx: &mut Tx| {
                let mut mine = order(number);
                mine.identity = "same".to_owned();
                match tx.order_by_identity(&slug("koo"), "same")? {
                    Some(first) => Ok(first.id),
                    None => tx.order_save(&mine).map(|()| mine.id),
                }
            };
            for _ in 0..20 {
                match store.write(job).await {
                    Err(StoreError::Conflict(Constraint::OrderIdentity) | StoreError::Contended { .. }) => (),
                    result => return result.unwrap(),
                }
            }
            panic!("twenty conflicts in a row");
        });
    }
    let ids = tasks.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

async fn conflicts_name_their_constraint(database: Database) {
    let store = database.open().await;
    let mut other = license(2);
    other.instance_id = license(1).instance_id;
    let cases = [
        (license(1), key(9), Constraint::LicenseId),
        (other, key(8), Constraint::LicenseInstance),
        (license(3), key(1), Constraint::LicenseKey),
    ];
    store.write(|tx| tx.license_insert(&license(1), &key(1))).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    for (mut row, key, expected) in cases {
        if expected == Constraint::LicenseId {
            // With two constraints broken the databases may name different ones.
            row.instance_id = None;
        }
        let result: Outcome<()> = store.write(move |tx| tx.license_insert(&row, &key)).await;
        assert!(matches!(result, Err(StoreError::Conflict(found)) if found == expected), "{expected:?}: {result:?}");
    }
}

async fn a_missing_license_is_named(database: Database) {
    let store = database.open().await;
    let result: Outcome<()> = store.write(|tx| tx.history_insert(&history(1, license(1).id))).await;
    assert!(matches!(result, Err(StoreError::MissingReference)), "{result:?}");
    let result: Outcome<()> = store.write(|tx| tx.license_update(&license(1))).await;
    assert!(matches!(result, Err(StoreError::NotFound { table: "licenses" })), "{result:?}");
}

async fn a_trigger_that_fails_one_insert_undoes_the_use_case(database: Database) {
    let store = database.open().await;
    let trigger = match store.backend() {
        crate::store::Backend::Sqlite => {
            "CREATE TRIGGER fail BEFORE INSERT ON history BEGIN SELECT RAISE(ABORT, 'as the test wants it'); END"
        }
        crate::store::Backend::Postgres => {
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'as the test wants it'; END $$; \
             CREATE TRIGGER fail BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION fail()"
        }
    };
    database.connect().execute(trigger).unwrap();
    let result: Outcome<()> = store
        .write(|tx| {
            tx.license_insert(&license(1), &key(1))?;
            tx.history_insert(&history(1, license(1).id))
        })
        .await;
    assert!(result.is_err());
    let found: Outcome<_> = store.read(|tx| tx.license_find(license(1).id)).await;
    assert_eq!(found.unwrap(), None);
}

async fn an_unreadable_row_is_reported(database: Database) {
    let store = database.open().await;
    store.write(|tx| tx.license_insert(&license(1), &key(1))).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    for change in ["features = '{'", "state = 'active'", "expires_at = NULL", "machines = -1", "product = 'No Slug'"] {
        let result: Outcome<_> = store
            .write(move |tx| {
                unnoted(tx, &format!("UPDATE licenses SET {change}")).unwrap();
                tx.license_find(license(1).id)
            })
            .await;
        assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{change}: {result:?}");
    }
}

async fn a_closed_store_says_so(database: Database) {
    let store = database.open().await;
    store.ping().await.unwrap();
    store.clone().close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Closed)));
    let read: Outcome<_> = store.read(|tx| tx.meta_get("x")).await;
    assert!(matches!(read, Err(StoreError::Closed)));
    // Another server may follow at once.
    database.open().await.close().await;
}

async fn a_tool_works_beside_the_server(database: Database) {
    let server = database.open().await;
    let tool = database.try_open(Access::Tool).await.unwrap();
    tool.write(set("tool")).await.unwrap();
    server
        .write(|tx| raw(tx, "UPDATE meta SET value = 'server' WHERE name = 'tool'"))
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"));
    let seen: Outcome<Option<String>> = tool.read(|tx| tx.meta_get("tool")).await;
    assert_eq!(seen.unwrap().unwrap(), "server");
}
