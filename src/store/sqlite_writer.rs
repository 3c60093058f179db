//! [`Writer`]: runs a batch of jobs in one SQLite transaction, each in its savepoint, and answers them after
//! the one commit (group commit: one fsync for all).

use diesel::{
    SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection},
};

use super::{
    conn::{Conn, Tx},
    error::{StoreError, classify},
    job,
    sqlite::{Queued, sqlite},
    sqlite_file::DatabaseFile,
};

pub(super) struct Writer {
    file: DatabaseFile,
    /// `None` after a failure that leaves the connection's state in doubt.
    tx: Option<Tx>,
}

impl Writer {
    pub(super) fn new(file: DatabaseFile, conn: SqliteConnection) -> Self {
        Self { file, tx: Some(Tx::new(Conn::Sqlite(Box::new(conn)))) }
    }

    /// Runs the jobs and answers every one of them.
    pub(super) fn run(&mut self, mut jobs: Vec<Queued>) {
        jobs.retain(|job| job.is_wanted());
        if jobs.is_empty() {
            return;
        }
        match self.transact(&mut jobs) {
            Ok(()) => jobs.into_iter().for_each(|job| job.answer()),
            Err(reason) => {
                // Reopening is cheap; finding out what state the connection is in is not.
                self.tx = None;
                tracing::error!(reason, jobs = jobs.len(), "a batch of database writes was lost: all are answered so");
                for job in jobs {
                    job.fail(StoreError::Unavailable(reason.clone()));
                }
            }
        }
    }

    /// One transaction for all jobs; `Err` when nothing of it counts.
    fn transact(&mut self, jobs: &mut [Queued]) -> Result<(), String> {
        let text = |error| reason(classify(error).1);
        self.file.must_be_the_same().map_err(reason)?;
        let tx = self.open().map_err(reason)?;
        AnsiTransactionManager::begin_transaction_sql(sqlite(tx), "BEGIN IMMEDIATE").map_err(text)?;
        for job in jobs {
            job::begin(sqlite(tx)).map_err(text)?;
            if job.run(tx) {
                job::commit(sqlite(tx)).map_err(text)?;
            } else {
                undo(sqlite(tx))?;
            }
            // The commit of a batch whose depth is wrong would only release a savepoint, and acknowledge nothing real.
            if job::depth(sqlite(tx)) != Some(1) {
                return Err("the transaction's depth is wrong".to_owned());
            }
        }
        job::commit(sqlite(tx)).map_err(text)?;
        if job::depth(sqlite(tx)) != Some(0) {
            return Err("the transaction did not end".to_owned());
        }
        // Again, because only now it is certain where the commit went.
        self.file.must_be_the_same().map_err(reason)
    }

    fn open(&mut self) -> Result<&mut Tx, StoreError> {
        let tx = match self.tx.take() {
            Some(tx) => tx,
            None => Tx::new(Conn::Sqlite(Box::new(self.file.connect()?))),
        };
        Ok(self.tx.insert(tx))
    }
}

/// Undoes a failed job's savepoint.
///
/// A full disk, an I/O error or a lack of memory makes SQLite roll back the *whole* transaction by itself; what
/// came after would run in autocommit. A `BEGIN` tells: it must fail, because a transaction is open.
fn undo(conn: &mut SqliteConnection) -> Result<(), String> {
    if job::rollback(conn).is_err() || conn.batch_execute("BEGIN").is_ok() {
        return Err("SQLite rolled the whole transaction back, as it does on a full or failing disk".to_owned());
    }
    Ok(())
}

fn reason(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) => reason,
        other => other.to_string(),
    }
}
