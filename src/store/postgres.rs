//! PostgreSQL: a pool of connections, one serializable transaction per job, retries where the database asks.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    PgConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, HandleError, Pool},
};

use super::{
    blocking,
    conn::{Conn, Tx},
    error::{Fault, StoreError, classify},
    gate::Gate,
    job, migrate,
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
/// What is added to the URL, unless it says otherwise.
const URL_DEFAULTS: &[(&str, &str)] =
    &[("connect_timeout", "3"), ("tcp_user_timeout", "5000"), ("application_name", "signet")];

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
    pool: Pool<ConnectionManager<PgConnection>>,
    gate: Gate,
    /// Held by the one job that goes on after [`PARALLEL_COLLISIONS`].
    alone: Mutex<()>,
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
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            .connection_timeout(PATIENCE)
            .test_on_check_out(false)
            .error_handler(Box::new(Silent))
            .connection_customizer(Box::new(Session))
            .build_unchecked(ConnectionManager::new(with_defaults(url.expose_secret())));
        let mut conn = pool.get().map_err(|error| StoreError::Unavailable(without_url(&error.to_string())))?;
        migrate::postgres(&mut conn)?;
        drop(conn);
        Ok(Self { pool, gate: Gate::new(CONNECTIONS as usize), alone: Mutex::new(()) })
    }

    /// Runs `job` until it commits, fails or has been repeated often enough.
    pub(super) async fn run<T, E, F>(self: &Arc<Self>, mode: Mode, mut job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = self.gate.enter().await?;
        let this = Arc::clone(self);
        blocking(move || {
            let _permit = permit;
            this.rounds(mode, &mut job)
        })
        .await
    }

    fn rounds<T, E, F>(&self, mode: Mode, job: &mut F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E>,
        E: From<StoreError>,
    {
        let start = Instant::now();
        let (mut collisions, mut broken) = (0, 0);
        let mut alone = None;
        loop {
            if collisions >= PARALLEL_COLLISIONS && alone.is_none() {
                alone = Some(self.alone.lock().unwrap_or_else(PoisonError::into_inner));
            }
            let conn = self.pool.get().map_err(|error| StoreError::Unavailable(without_url(&error.to_string())))?;
            match round(&mut Tx::new(Conn::Postgres(conn)), mode, job) {
                Ok(result) => return result,
                Err(Again::Collision) if collisions < limits::WRITE_RETRIES && start.elapsed() < COLLIDING => {
                    collisions += 1;
                    std::thread::sleep(backoff(collisions));
                }
                Err(Again::Collision) => return Err(StoreError::Contended { rounds: collisions + 1 }.into()),
                // After a restart of the server every idle connection is broken, and each shows it only when used.
                Err(Again::Broken(_)) if broken <= CONNECTIONS && start.elapsed() < PATIENCE => broken += 1,
                Err(Again::Broken(reason)) => return Err(StoreError::Unavailable(reason).into()),
            }
        }
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

/// What libpq says of a connection, unless it is about the URL itself: then it repeats parts of it, the password among
/// them.
fn without_url(message: &str) -> String {
    const ABOUT_THE_URL: [&str; 9] = [
        "invalid",
        "URI",
        "postgres://",
        "postgresql://",
        "unexpected character",
        "missing",
        "conninfo",
        "translate",
        "forbidden",
    ];
    if ABOUT_THE_URL.iter().any(|word| message.contains(word)) {
        "the database URL cannot be read or its host not found: check the host, and percent-encode special characters \
         in user name and password"
            .to_owned()
    } else {
        message.to_owned()
    }
}

/// The URL with time-outs, unless it names them itself.
fn with_defaults(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in URL_DEFAULTS {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{name}={value}"));
        }
    }
    url
}

/// Failures to connect reach the caller that waits for a connection; r2d2's own log would repeat them.
#[derive(Debug)]
struct Silent;

impl<E> HandleError<E> for Silent {
    fn handle_error(&self, _: E) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: libpq repeats what it cannot read of a URL, and the password with it.
    #[test]
    fn no_part_of_a_url_that_cannot_be_read_is_passed_on() {
        let urls = [
            "postgres://u:se%zzcret@127.0.0.1/db",
            "postgres://u:sec/ret@127.0.0.1/db",
            "postgres://u:secret@[::1/db",
            "postgres://u:secret@127.0.0.1:port/db",
            "postgres://u:can@secret@nowhere.invalid/db",
            "postgres://u:secret@127.0.0.1/db?sslmode=secret",
        ];
        for url in urls {
            let error = Postgres::open(&SecretString::from(url.to_owned())).unwrap_err().to_string();
            assert!(!error.contains("sec") && !error.contains("zz"), "{url}: {error}");
        }
    }
}
