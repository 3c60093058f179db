//! SQLite: one thread owns the writing connection and commits many jobs at once; a few connections read.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use super::{
    Access, blocking,
    conn::{Conn, Tx},
    error::{StoreError, classify},
    gate::Gate,
    job::{self, Job, Task},
    migrate,
    sqlite_writer::Writer,
};
use crate::base::limits;

/// Connections that read.
const READERS: usize = 4;

/// A job on its way to the writer.
pub(super) type Queued = Box<dyn Job>;

#[derive(Debug)]
pub(super) struct Sqlite {
    file: DatabaseFile,
    queue: Mutex<Option<SyncSender<Queued>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Tx>>,
    gate: Gate,
}

/// Where the database is and how long to wait for another process that writes.
#[derive(Debug, Clone)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    access: Access,
}

/// What every new connection is told.
const SESSION: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864";
/// Pause before the switch to WAL is asked for again.
const WAL_PAUSE: Duration = Duration::from_millis(10);

impl DatabaseFile {
    /// Opens a connection that writes. `busy_timeout` comes first: switching to WAL already needs the lock.
    pub(super) fn connect(&self) -> Result<SqliteConnection, StoreError> {
        let path = self.path.to_str().ok_or_else(|| {
            StoreError::Unavailable(format!("the path {} is not UTF-8: choose another", self.path.display()))
        })?;
        let mut conn = SqliteConnection::establish(path)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", self.path.display())))?;
        let busy_millis = match self.access {
            Access::Server => 2_000,
            Access::Tool => 10_000,
        };
        conn.batch_execute(&format!("PRAGMA busy_timeout = {busy_millis}")).map_err(|error| classify(error).1)?;
        let deadline = Instant::now() + Duration::from_millis(busy_millis);
        // Several first starts at once: SQLite answers the switch to WAL with "locked" at once, whatever the time-out,
        // because waiting could end in a deadlock. So it is asked again.
        while let Err(error) = conn.batch_execute(SESSION) {
            if !error.to_string().contains("locked") || Instant::now() >= deadline {
                return Err(classify(error).1);
            }
            std::thread::sleep(WAL_PAUSE);
        }
        Ok(conn)
    }

    fn connect_reader(&self) -> Result<Tx, StoreError> {
        let mut conn = self.connect()?;
        conn.batch_execute("PRAGMA query_only = ON").map_err(|error| classify(error).1)?;
        Ok(Tx::new(Conn::Sqlite(Box::new(conn))))
    }

    /// Creates the file for its owner alone: SQLite gives its other files the same permissions.
    fn create(&self) -> Result<(), StoreError> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path).map(drop).map_err(|error| unavailable(&self.path, &error))
    }

    /// Takes the lock that only one server can hold; tools do without.
    fn lock(&self) -> Result<Option<File>, StoreError> {
        if self.access == Access::Tool {
            return Ok(None);
        }
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|error| unavailable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
            Err(TryLockError::Error(error)) => Err(unavailable(&path, &error)),
        }
    }
}

fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

impl Sqlite {
    /// Opens the file, brings its tables up to date and starts the writer. Blocks.
    pub(super) fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).map_err(|error| unavailable(path, &error))?;
        let file = DatabaseFile { path, access };
        let lock = file.lock()?;
        file.create()?;
        let mut conn = file.connect()?;
        migrate::sqlite(&mut conn)?;
        let (queue, jobs) = sync_channel(limits::WRITE_QUEUE);
        let writer = spawn_writer(Writer::new(file.clone(), conn), jobs, lock)?;
        Ok(Self {
            file,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
            readers: Mutex::new(Vec::new()),
            gate: Gate::new(READERS),
        })
    }

    /// Hands `job` to the writer and waits for its commit.
    pub(super) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (task, answer) = Task::new(job);
        self.enqueue(Box::new(task))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    fn enqueue(&self, job: Queued) -> Result<(), StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = queue.as_ref().ok_or(StoreError::Closed)?.try_send(job);
        sent.map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }

    /// Runs `job` on one of the reading connections.
    pub(super) async fn read<T, E, F>(self: &Arc<Self>, mut job: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = self.gate.enter().await?;
        let this = Arc::clone(self);
        blocking(move || {
            let _permit = permit;
            let spare = this.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut tx = spare.map_or_else(|| this.file.connect_reader(), Ok)?;
            begin(&mut tx)?;
            let (result, _) = job::attempt(&mut tx, &mut job);
            // There is nothing to keep. A connection that cannot even roll back is dropped, not reused.
            if job::rollback(sqlite(&mut tx)).is_ok() && job::depth(sqlite(&mut tx)) == Some(0) {
                this.readers.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
            }
            result
        })
        .await
    }

    /// Lets the writer finish what was accepted and closes every connection.
    pub(super) async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.gate.close().await;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let joined = blocking(move || writer.join().map_err(|_| StoreError::Panicked)).await;
            if joined.is_err() {
                tracing::error!("the database's writer had panicked");
            }
        }
    }
}

fn begin(tx: &mut Tx) -> Result<(), StoreError> {
    job::begin(sqlite(tx)).map_err(|error| classify(error).1)
}

/// The connection of a transaction that was made here.
pub(super) fn sqlite(tx: &mut Tx) -> &mut SqliteConnection {
    match &mut tx.conn {
        Conn::Sqlite(conn) => conn,
        Conn::Postgres(_) => unreachable!("this file makes only SQLite transactions"),
    }
}

/// The thread ends when the last sender is gone; the lock file is held until then.
fn spawn_writer(mut writer: Writer, jobs: Receiver<Queued>, lock: Option<File>) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name("signet-writer".to_owned())
        .spawn(move || {
            while let Ok(first) = jobs.recv() {
                let mut batch = vec![first];
                batch.extend(jobs.try_iter().take(limits::WRITE_BATCH - 1));
                writer.run(batch);
            }
            drop(writer);
            drop(lock);
        })
        .map_err(|error| StoreError::Unavailable(format!("no thread for the database: {error}")))
}
