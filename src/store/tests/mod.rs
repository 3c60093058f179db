//! What both databases must do alike runs on both, from one list; `sqlite` and `postgres` add their own.
//! The PostgreSQL half needs a server: `tests/postgres.sh cargo nextest run` starts one, as `make test` does.

mod activations;
mod contract;
mod licenses;
mod migrations;
mod postgres;
mod records;
mod samples;
mod sqlite;

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::{Connection, PgConnection, QueryResult, connection::SimpleConnection};

use super::{
    Access, DatabaseUrl, Store, StoreError, Tx,
    conn::{Conn, each},
};
use crate::base::secret::ExposeSecret;

/// A database of its own, gone when dropped.
struct Database {
    url: DatabaseUrl,
    cleanup: Cleanup,
}

enum Cleanup {
    Folder(tempfile::TempDir),
    Drop { server: String, name: String },
}

impl Database {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signet.db");
        Self { url: DatabaseUrl::Sqlite(path), cleanup: Cleanup::Folder(folder) }
    }

    fn postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("SIGNET_TEST_POSTGRES_URL")
            .expect("SIGNET_TEST_POSTGRES_URL is not set: run `make test`, or leave these tests out with -E 'not test(postgres)'");
        let name = format!("signet_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::establish(&server).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{base}/{name}").parse().unwrap(), cleanup: Cleanup::Drop { server, name } }
    }

    async fn open(&self) -> Store {
        self.try_open(Access::Server).await.unwrap()
    }

    async fn try_open(&self, access: Access) -> Result<Store, StoreError> {
        Store::open(&self.url, access, samples::time(0)).await
    }

    /// A bare connection beside the store.
    fn connect(&self) -> Beside {
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                conn.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                Beside::Sqlite(Box::new(conn))
            }
            DatabaseUrl::Postgres(url) => {
                Beside::Postgres(Box::new(PgConnection::establish(url.expose_secret()).unwrap()))
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.cleanup {
            Cleanup::Folder(folder) => assert!(folder.path().exists()),
            Cleanup::Drop { server, name } => {
                let mut conn = PgConnection::establish(server).unwrap();
                conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
            }
        }
    }
}

/// A connection outside the store.
enum Beside {
    Sqlite(Box<diesel::SqliteConnection>),
    Postgres(Box<PgConnection>),
}

impl Beside {
    fn execute(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(sql),
            Self::Postgres(conn) => conn.batch_execute(sql),
        }
    }
}

/// Runs raw SQL inside a job, its error noted like any other.
fn raw(tx: &mut Tx, sql: &str) -> Result<(), StoreError> {
    each!(tx, c => c.batch_execute(sql))
}

/// Runs raw SQL inside a job behind the transaction's back.
fn unnoted(tx: &mut Tx, sql: &str) -> QueryResult<()> {
    match &mut tx.conn {
        Conn::Sqlite(conn) => conn.batch_execute(sql),
        Conn::Postgres(conn) => conn.batch_execute(sql),
    }
}

/// Runs the checks in one committed transaction; on PostgreSQL they may run twice, so they start from nothing.
async fn check(database: Database, checks: fn(&mut Tx) -> Result<(), StoreError>) {
    database.open().await.write(checks).await.unwrap();
}

/// Declares each test for both databases.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::store::tests::Database::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::store::tests::Database::postgres()).await;
            })*
        }
    };
}

use both;
