//! [`Tx`]: one open transaction on either database, and `each!`, which compiles a query once per database.

use diesel::{
    PgConnection, QueryResult, SqliteConnection,
    r2d2::{ConnectionManager, PooledConnection},
};

use super::error::{Fault, StoreError, classify};

/// A connection that r2d2 takes back when it is dropped.
pub(super) type Pooled = PooledConnection<ConnectionManager<PgConnection>>;

/// A connection to one of the two databases.
pub(super) enum Conn {
    /// SQLite.
    Sqlite(Box<SqliteConnection>),
    /// PostgreSQL.
    Postgres(Pooled),
}

/// An open transaction: every table's functions are methods on it.
///
/// Once a statement has failed, the transaction runs no other and cannot commit, even when the job goes on and
/// returns `Ok`: PostgreSQL would silently roll back there, and SQLite, which may already have rolled back by itself,
/// would store what follows at once and for good.
pub struct Tx {
    pub(super) conn: Conn,
    fault: Option<Fault>,
    statements: u64,
}

impl Tx {
    pub(super) fn new(conn: Conn) -> Self {
        Self { conn, fault: None, statements: 0 }
    }

    /// Statements run so far: what is compared where two ways must cost the same.
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// The first fault since the last call, which it forgets.
    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// [`StoreError::Aborted`] once a statement has failed.
    pub(super) fn must_be_sound(&self) -> Result<(), StoreError> {
        if self.fault.is_some() { Err(StoreError::Aborted) } else { Ok(()) }
    }

    /// Translates a statement's result and remembers the first fault.
    pub(super) fn noted<T>(&mut self, result: QueryResult<T>) -> Result<T, StoreError> {
        self.statements += 1;
        result.map_err(|error| {
            let (fault, error) = classify(error);
            self.fault.get_or_insert(fault);
            error
        })
    }

    /// Makes the transaction unable to commit: a row was read that Signet cannot understand.
    pub(super) fn corrupt(&mut self, table: &'static str, what: impl Into<String>) -> StoreError {
        self.fault.get_or_insert(Fault::Statement);
        StoreError::Corrupt { table, what: what.into() }
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let backend = match self.conn {
            Conn::Sqlite(_) => "SQLite",
            Conn::Postgres(_) => "PostgreSQL",
        };
        f.debug_struct("Tx").field("backend", &backend).field("fault", &self.fault).finish()
    }
}

/// Runs `$body` (a `QueryResult`) with `$c` bound to the connection of whichever database is open.
///
/// The body is compiled once per database, so everything that both can do may be written in it.
macro_rules! each {
    ($tx:expr, $c:ident => $body:expr) => {{
        $tx.must_be_sound()?;
        let result: diesel::QueryResult<_> = match &mut $tx.conn {
            $crate::store::conn::Conn::Sqlite(plain) => {
                let $c: &mut diesel::SqliteConnection = plain;
                $body
            }
            $crate::store::conn::Conn::Postgres(pooled) => {
                let $c: &mut diesel::PgConnection = pooled;
                $body
            }
        };
        $tx.noted(result)
    }};
}

/// Reads at most one row of `$query` and holds it against other writers until the commit.
///
/// SQLite has one writer and needs no lock.
macro_rules! locked {
    ($tx:expr, $query:expr) => {{
        $tx.must_be_sound()?;
        let result = match &mut $tx.conn {
            $crate::store::conn::Conn::Sqlite(plain) => $query.first(&mut **plain),
            $crate::store::conn::Conn::Postgres(pooled) => $query.for_no_key_update().first(&mut **pooled),
        };
        $tx.noted(diesel::OptionalExtension::optional(result))
    }};
}

pub(super) use {each, locked};
