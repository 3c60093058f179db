//! The database: SQLite in one file or PostgreSQL, behind one [`Store`].
//!
//! The only room that names diesel. A use case hands [`Store::write`] a job; the job calls the functions of
//! [`Tx`], one file per table family; the answer comes back only after the commit. Rules of licenses,
//! ciphers and wire formats have no place here: what is sealed comes in sealed.
//!
//! Infrastructure: `conn` (both connections, `each!`), `job` (one unit of work and its answer), `sqlite` (one writer
//! thread with group commit) on `sqlite_file`, `postgres` (a pool, serializable transactions, retries) with URLs from
//! `libpq`, `gate` (who waits for a connection, and how long), `migrate`, `schema`, `types`, `error` (what the databases
//! say and what it means).

mod activations;
mod alerts;
mod catalogs;
mod codes;
mod conn;
mod deferred;
mod deployment_parts;
mod deployments;
mod error;
mod events;
mod gate;
mod history;
mod job;
mod keygen;
mod keys;
mod libpq;
mod licenses;
mod links;
mod mails;
mod messages;
mod meta;
mod migrate;
mod nonces;
mod orders;
mod packages;
mod postgres;
mod pushes;
mod redemptions;
mod revocations;
mod schema;
mod sqlite;
mod sqlite_file;
mod sqlite_writer;
#[cfg(test)]
mod tests;
mod tokens;
mod types;
mod uploads;
mod url;
mod usage;
mod webhooks;

use std::sync::Arc;

pub use activations::{ActivationFilter, ActivationRecord};
pub use alerts::AlertRecord;
pub use catalogs::CatalogRecord;
pub use codes::{CodeRecord, DeviceCodeRecord};
pub use conn::Tx;
pub use deferred::DeferredRecord;
pub use deployment_parts::{LineRecord, ResourceRecord, StageRecord};
pub use deployments::{DeploymentRecord, DueDeployment};
pub use error::{Constraint, StoreError};
pub use events::EventRecord;
pub use history::HistoryRecord;
pub use keygen::{DoorKeyRecord, KeygenComponent, KeygenMachineRecord};
pub use keys::{KeyListRecord, SigningKeyRecord};
pub use licenses::{LicenseFilter, SealedKey};
pub use links::LinkRecord;
pub use mails::{ContactRecord, MailRecord};
pub use messages::{MessageFilter, MessageRecord};
pub use orders::{OrderFilter, OrderKind, OrderRecord, OrderStatus};
pub use packages::PackageRecord;
pub use pushes::PushRecord;
pub use redemptions::{RedemptionRecord, RedemptionStatus};
pub use revocations::RevocationRecord;
pub use tokens::{IdempotencyRecord, TokenRecord};
pub use types::UnknownName;
pub use uploads::UploadRecord;
pub use url::{DatabaseUrl, DatabaseUrlError};
pub use usage::{PeriodRecord, ReportRecord, UsageRecord};
pub use webhooks::{AttemptRecord, DeliveryRecord, DeliveryState, WebhookRecord, WebhookSecretRecord};

use crate::base::{limits, time::Time};

/// Which database is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// Who opens the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server: at most one process per SQLite file.
    Server,
    /// A command-line tool: may work beside the server and waits longer for its turn.
    Tool,
}

/// An open database. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgres::Postgres>),
}

impl Store {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be opened, [`StoreError::Locked`] when another server has the
    /// SQLite file, [`StoreError::NewerSchema`] and [`StoreError::Migration`] for its tables.
    pub async fn open(url: &DatabaseUrl, access: Access, now: Time) -> Result<Self, StoreError> {
        let engine = match url.clone() {
            DatabaseUrl::Sqlite(path) => {
                let open = move || sqlite::Sqlite::open(&path, access);
                Engine::Sqlite(Arc::new(blocking(open).await?))
            }
            DatabaseUrl::Postgres(url) => {
                let open = move || postgres::Postgres::open(&url);
                Engine::Postgres(Arc::new(blocking(open).await?))
            }
        };
        let store = Self { engine };
        let born = move |tx: &mut Tx| tx.meta_insert_if_absent("created_at", &now.to_string());
        store.write::<bool, StoreError, _>(born).await?;
        Ok(store)
    }

    /// Runs `job` in a transaction and answers after its commit.
    ///
    /// On PostgreSQL the job may run several times: it must do nothing but call functions of [`Tx`] and compute.
    /// An `Err` rolls back. Dropping the future before the job's turn cancels it; later it runs to its end.
    ///
    /// # Errors
    /// What the job returns, or a [`StoreError`] when it could not run or its commit failed.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(job).await,
            Engine::Postgres(postgres) => postgres.run(postgres::Mode::Write, job).await,
        }
    }

    /// Runs `job` in a transaction that sees one moment of the database and cannot write.
    ///
    /// # Errors
    /// What the job returns, or a [`StoreError`] when it could not run.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(job).await,
            Engine::Postgres(postgres) => postgres.run(postgres::Mode::Read, job).await,
        }
    }

    /// Whether the database can store something now: writes some new pages, with a commit.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.write(Tx::meta_probe).await
    }

    /// Which database is open.
    pub fn backend(&self) -> Backend {
        match &self.engine {
            Engine::Sqlite(_) => Backend::Sqlite,
            Engine::Postgres(_) => Backend::Postgres,
        }
    }

    /// Finishes the work that was accepted and closes the database; later work gets [`StoreError::Closed`].
    pub async fn close(self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// Runs blocking work on a thread of its own.
async fn blocking<T, E, F>(work: F) -> Result<T, E>
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|join| {
        let error = if join.is_panic() { StoreError::Panicked } else { StoreError::Closed };
        Err(error.into())
    })
}

impl Tx {
    /// [`StoreError::NotFound`] when an update met no row.
    fn must_exist(&self, rows: usize, table: &'static str) -> Result<(), StoreError> {
        if rows == 0 { Err(StoreError::NotFound { table }) } else { Ok(()) }
    }
}

/// Rows of a page: one more than a page may show, so that a caller can see whether there is another.
fn page_rows(limit: u32) -> i64 {
    limit.min(limits::PAGE_ROWS + 1).into()
}

/// Rows of one round of a clean-up: few enough to be over within a moment.
fn purge_rows(limit: u32) -> i64 {
    limit.min(1_000).into()
}
