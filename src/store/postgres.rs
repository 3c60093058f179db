//! PostgreSQL: a pool of connections, one serializable transaction per job, retries where the database asks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    PgConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, HandleError, Pool},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    blocking,
    conn::{Conn, Pooled, Tx},
    error::{Fault, StoreError, classify},
    gate::{Gate, WAIT},
    job,
    libpq::Url,
    migrate,
    url::DatabaseUrlError,
};
use crate::base::{
    limits,
    secret::{ExposeSecret, SecretString},
};

/// Connections, and so transactions at once.
const CONNECTIONS: u32 = 16;
/// How long a job may wait for a connection, and keep trying after connections broke.
const PATIENCE: Duration = Duration::from_secs(3);
/// What every new connection is told: nothing may hang for ever.
const SESSION: &str = "SET statement_timeout = '4s'; SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'";
/// Collisions after which a job goes on alone among those of this process that collided as well. Serializable
/// transactions that insert into the same page of an index collide though they have nothing to do with each other; side
/// by side they would keep doing so.
const PARALLEL_COLLISIONS: u32 = 2;
/// How long a job may keep colliding: the caller waits for an answer.
const COLLIDING: Duration = Duration::from_secs(2);

/// Whether a job may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Write,
    Read,
}

impl Mode {
    fn begin(self) -> &'static str {
        match self {
            Self::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

#[derive(Debug)]
pub(super) struct Postgres {
    url: Url,
    pool: Pool<ConnectionManager<PgConnection>>,
    gate: Gate,
    /// Has room for the one job that goes on after [`PARALLEL_COLLISIONS`]; the others wait in the order they came.
    alone: Gate,
}

/// A job that has its place at the gate, and what became of its rounds so far.
struct Work<F> {
    mode: Mode,
    job: F,
    /// Given back when the last round is over, also when nobody waits for the answer any more.
    places: Vec<OwnedSemaphorePermit>,
    start: Instant,
    collisions: u32,
    broken: u32,
}

/// How a job's rounds ended.
enum Rounds<T, F> {
    Over(T),
    /// As often as was allowed; nothing is stored.
    Collided(Work<F>),
}

/// Why a round must be repeated.
enum Again {
    Collision,
    Broken(String),
}

#[derive(Debug)]
struct Session;

impl CustomizeConnection<PgConnection, PoolError> for Session {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), PoolError> {
        conn.batch_execute(SESSION).map_err(PoolError::QueryError)
    }
}

impl Postgres {
    /// Opens the pool and brings the tables up to date. Blocks.
    pub(super) fn open(url: &SecretString) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unavailable(DatabaseUrlError::Url.to_string());
        let url = Url::read(url.expose_secret()).ok_or_else(unreadable)?;
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            .connection_timeout(PATIENCE)
            .test_on_check_out(false)
            .error_handler(Box::new(Silent))
            .connection_customizer(Box::new(Session))
            .build_unchecked(ConnectionManager::new(url.with_defaults().expose_secret()));
        let this = Self { url, pool, gate: Gate::new(CONNECTIONS as usize), alone: Gate::new(1) };
        migrate::postgres(&mut *this.connection()?)?;
        Ok(this)
    }

    /// Runs `job` until it commits, fails or has been repeated often enough.
    pub(super) async fn run<T, E, F>(self: &Arc<Self>, mode: Mode, job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let places = vec![self.gate.enter(WAIT).await?];
        let work = Work { mode, job, places, start: Instant::now(), collisions: 0, broken: 0 };
        let mut work = match self.rounds(work, PARALLEL_COLLISIONS).await? {
            Rounds::Over(value) => return Ok(value),
            Rounds::Collided(work) => work,
        };
        // Waiting takes no thread. It keeps its place at the gate, so that fewer newcomers run into the one that is alone.
        let turn = self.alone.enter(COLLIDING.saturating_sub(work.start.elapsed())).await;
        work.places.push(turn.map_err(|_| StoreError::Contended { rounds: work.collisions })?);
        match self.rounds(work, limits::WRITE_RETRIES).await? {
            Rounds::Over(value) => Ok(value),
            Rounds::Collided(work) => Err(StoreError::Contended { rounds: work.collisions }.into()),
        }
    }

    /// Runs rounds until the job is over, or has collided `allowed` times in all or for [`COLLIDING`].
    async fn rounds<T, E, F>(self: &Arc<Self>, mut work: Work<F>, allowed: u32) -> Result<Rounds<T, F>, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let this = Arc::clone(self);
        blocking(move || {
            loop {
                let conn = this.connection()?;
                // The connection goes back before any waiting.
                let ended = round(&mut Tx::new(Conn::Postgres(conn)), work.mode, &mut work.job);
                match ended {
                    Ok(result) => return result.map(Rounds::Over),
                    Err(Again::Collision) => {
                        work.collisions += 1;
                        if work.collisions >= allowed || work.start.elapsed() >= COLLIDING {
                            return Ok(Rounds::Collided(work));
                        }
                        std::thread::sleep(backoff(work.collisions));
                    }
                    // After a restart of the server every idle connection is broken, and each shows it only when used.
                    Err(Again::Broken(_)) if work.broken <= CONNECTIONS && work.start.elapsed() < PATIENCE => {
                        work.broken += 1;
                    }
                    Err(Again::Broken(reason)) => return Err(StoreError::Unavailable(reason).into()),
                }
            }
        })
        .await
    }

    fn connection(&self) -> Result<Pooled, StoreError> {
        self.pool.get().map_err(|error| StoreError::Unavailable(self.url.cleaned(&error.to_string())))
    }

    /// Waits for running jobs; later ones get [`StoreError::Closed`].
    pub(super) async fn close(&self) {
        self.gate.close().await;
    }
}

/// One transaction. `Err` only when the database certainly stored nothing and another round may help.
fn round<T, E, F>(tx: &mut Tx, mode: Mode, job: &mut F) -> Result<Result<T, E>, Again>
where
    F: FnMut(&mut Tx) -> Result<T, E>,
    E: From<StoreError>,
{
    if let Err(error) = AnsiTransactionManager::begin_transaction_sql(postgres(tx), mode.begin()) {
        let (fault, error) = classify(error);
        if fault == Fault::Connection {
            give_up(tx);
        }
        return again(Some(fault), &error).map_or(Ok(Err(error.into())), Err);
    }
    let (result, fault) = job::attempt(tx, job);
    let Ok(value) = result else {
        if job::rollback(postgres(tx)).is_err() {
            give_up(tx);
        }
        let reason = StoreError::Unavailable("the connection broke".to_owned());
        return again(fault, &reason).map_or(Ok(result), Err);
    };
    match job::commit(postgres(tx)) {
        Ok(()) => Ok(Ok(value)),
        Err(error) => {
            let (fault, error) = classify(error);
            if fault == Fault::Connection {
                give_up(tx);
            }
            // A connection that breaks under a commit leaves its outcome unknown: only a collision is certain.
            if fault == Fault::Collision { Err(Again::Collision) } else { Ok(Err(error.into())) }
        }
    }
}

fn again(fault: Option<Fault>, error: &StoreError) -> Option<Again> {
    match fault? {
        Fault::Collision => Some(Again::Collision),
        Fault::Connection => Some(Again::Broken(error.to_string())),
        Fault::Statement => None,
    }
}

/// Keeps r2d2 from handing a dead connection out again.
fn give_up(tx: &mut Tx) {
    <AnsiTransactionManager as TransactionManager<PgConnection>>::transaction_manager_status_mut(postgres(tx))
        .set_in_error();
}

fn postgres(tx: &mut Tx) -> &mut PgConnection {
    match &mut tx.conn {
        Conn::Postgres(conn) => conn,
        Conn::Sqlite(_) => unreachable!("this file makes only PostgreSQL transactions"),
    }
}

/// Doubling from 2 ms to 16 ms, each time between half and one and a half of it, so that colliding
/// transactions part. Numbers of a Weyl sequence serve as chance: nothing secret depends on it.
fn backoff(round: u32) -> Duration {
    static SEQUENCE: AtomicU64 = AtomicU64::new(0);
    let step =
        SEQUENCE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) ^ u64::from(std::process::id()).rotate_left(48);
    let base = 2_000_u64 << round.min(4).saturating_sub(1);
    Duration::from_micros(base / 2 + (step >> 32) % base)
}

/// Failures to connect reach the caller that waits for a connection; r2d2's own log would repeat them.
#[derive(Debug)]
struct Silent;

impl<E> HandleError<E> for Silent {
    fn handle_error(&self, _: E) {}
}
