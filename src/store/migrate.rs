//! Brings the tables up to date, all migrations in one transaction, under a lock.

use diesel::{
    PgConnection, SqliteConnection,
    connection::{AnsiTransactionManager, Connection, SimpleConnection},
    migration::{Migration, MigrationSource},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{
    error::{StoreError, classify},
    job,
};

pub(super) const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
pub(super) const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Names Signet's migrations among the advisory locks of a PostgreSQL server: "signet" in ASCII.
const ADVISORY_LOCK: i64 = 0x0073_6967_6e65_7400;

/// SQLite: the write lock is taken first, so that a second process waits and then finds everything done.
pub(super) fn sqlite(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    in_transaction(conn, "BEGIN IMMEDIATE", |conn| update(conn, SQLITE))
}

/// PostgreSQL: an advisory lock that ends with the transaction. READ COMMITTED, because a snapshot taken
/// before the wait would not show what the other process did meanwhile.
pub(super) fn postgres(conn: &mut PgConnection) -> Result<(), StoreError> {
    in_transaction(conn, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", |conn| {
        conn.batch_execute("SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '60s'; SET LOCAL client_min_messages = warning")
            .and_then(|()| conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")))
            .map_err(|error| classify(error).1)?;
        update(conn, POSTGRES)
    })
}

fn in_transaction<C>(
    conn: &mut C,
    begin: &str,
    work: impl FnOnce(&mut C) -> Result<(), StoreError>,
) -> Result<(), StoreError>
where
    C: Connection<TransactionManager = AnsiTransactionManager>,
{
    AnsiTransactionManager::begin_transaction_sql(conn, begin).map_err(|error| classify(error).1)?;
    match work(conn) {
        Ok(()) => job::commit(conn).map_err(|error| classify(error).1),
        Err(error) => {
            // The connection is given up by the caller: what fails here is the lesser news.
            drop(job::rollback(conn));
            Err(error)
        }
    }
}

fn update<C>(conn: &mut C, source: EmbeddedMigrations) -> Result<(), StoreError>
where
    C: Connection + MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
{
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(error.to_string());
    let known: Vec<Box<dyn Migration<C::Backend>>> =
        MigrationSource::<C::Backend>::migrations(&source).map_err(failed)?;
    for applied in conn.applied_migrations().map_err(failed)? {
        if !known.iter().any(|migration| migration.name().version() == applied) {
            return Err(StoreError::NewerSchema { version: applied.to_string() });
        }
    }
    conn.run_pending_migrations(source).map_err(failed)?;
    Ok(())
}
