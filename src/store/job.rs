//! One unit of work and its answer, and the steps of a transaction that both databases share.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::{Connection, QueryResult, connection::TransactionManager};
use tokio::sync::oneshot;

use super::{
    conn::Tx,
    error::{Fault, StoreError},
};

/// Runs a job once. A panic is caught here, below every transaction, so that none is left open by it;
/// an `Ok` after a failed statement is none.
pub(super) fn attempt<T, E, F>(tx: &mut Tx, job: &mut F) -> (Result<T, E>, Option<Fault>)
where
    F: FnMut(&mut Tx) -> Result<T, E>,
    E: From<StoreError>,
{
    tx.take_fault();
    let result = catch_unwind(AssertUnwindSafe(|| job(tx)));
    let fault = tx.take_fault();
    let result = match result {
        Ok(Ok(_)) if fault.is_some() => Err(StoreError::Aborted.into()),
        Ok(result) => result,
        Err(_) => {
            tracing::error!("a database job panicked: it is rolled back");
            Err(StoreError::Panicked.into())
        }
    };
    (result, fault)
}

/// A job that waits for the writer, its types hidden.
pub(super) trait Job: Send {
    /// Whether anybody still waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Runs the job and keeps its answer; `false` when its savepoint must be rolled back.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Sends the kept answer: the transaction has ended as it should.
    fn answer(self: Box<Self>);
    /// Sends `error` instead: the transaction is lost, with whatever the job did or saw in it.
    fn fail(self: Box<Self>, error: StoreError);
}

/// A job with its answer's way back.
pub(super) struct Task<T, E, F> {
    job: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Task<T, E, F> {
    pub(super) fn new(job: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { job, result: None, reply }, answer)
    }
}

impl<T, E, F> Job for Task<T, E, F>
where
    F: FnMut(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut Tx) -> bool {
        let (result, _) = attempt(tx, &mut self.job);
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>) {
        let result = self.result.unwrap_or_else(|| Err(StoreError::Aborted.into()));
        // Nobody listens when the caller went away: the commit stands all the same.
        drop(self.reply.send(result));
    }

    fn fail(self: Box<Self>, error: StoreError) {
        drop(self.reply.send(Err(error.into())));
    }
}

/// Opens a savepoint (or a transaction, when none is open).
pub(super) fn begin<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::begin_transaction(conn)
}

/// Ends the innermost savepoint or transaction well.
pub(super) fn commit<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::commit_transaction(conn)
}

/// Undoes the innermost savepoint or transaction.
pub(super) fn rollback<C: Connection>(conn: &mut C) -> QueryResult<()> {
    C::TransactionManager::rollback_transaction(conn)
}

/// How many transactions and savepoints diesel believes to be open; `None` when it lost track.
pub(super) fn depth<C: Connection>(conn: &mut C) -> Option<u32> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    status.transaction_depth().ok().map(|depth| depth.map_or(0, std::num::NonZeroU32::get))
}
