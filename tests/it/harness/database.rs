//! A database of a test's own, gone when dropped.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use signet::{base::secret::ExposeSecret, store::DatabaseUrl};
use tempfile::TempDir;

/// On which database a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// The database and the data folder.
#[derive(Debug)]
pub struct Database {
    pub url: DatabaseUrl,
    pub folder: TempDir,
    server: Option<(String, String)>,
}

impl Database {
    pub fn create(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match backend {
            Backend::Sqlite => {
                let url = DatabaseUrl::Sqlite(folder.path().join("signet.db"));
                Self { url, folder, server: None }
            }
            Backend::Postgres => {
                static NUMBER: AtomicU32 = AtomicU32::new(0);
                let server = std::env::var("SIGNET_TEST_POSTGRES_URL").expect(
                    "SIGNET_TEST_POSTGRES_URL is not set: run `make test`, which starts a PostgreSQL for the tests, \
                     or leave these out with `make quick`",
                );
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let name = format!("signet_it_{}_{number}", std::process::id());
                let mut conn = PgConnection::establish(&server).unwrap();
                conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
                let (base, _) = server.rsplit_once('/').unwrap();
                Self { url: format!("{base}/{name}").parse().unwrap(), folder, server: Some((server, name)) }
            }
        }
    }

    /// Throws every connection out of the PostgreSQL database and lets none in.
    pub fn shut_out(&self) {
        let (server, name) = self.server.as_ref().expect("a PostgreSQL database");
        let mut conn = PgConnection::establish(server).unwrap();
        let terminate = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        conn.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
        conn.batch_execute(&terminate).unwrap();
    }

    /// Ends what [`Self::shut_out`] began.
    pub fn let_in(&self) {
        let (server, name) = self.server.as_ref().expect("a PostgreSQL database");
        let mut conn = PgConnection::establish(server).unwrap();
        conn.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).unwrap();
    }

    /// A bare connection to the PostgreSQL database, beside the store.
    pub fn postgres(&self) -> Option<PgConnection> {
        match &self.url {
            DatabaseUrl::Sqlite(_) => None,
            DatabaseUrl::Postgres(url) => Some(PgConnection::establish(url.expose_secret()).unwrap()),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server
            && let Ok(mut conn) = PgConnection::establish(server)
        {
            // A panic here would hide the failure of the test itself.
            let dropped = conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
            assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
        }
    }
}
