//! SQLite: one thread owns the writing connection and commits many jobs at once; a few connections read.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use diesel::SqliteConnection;

use super::{
    Access, blocking,
    conn::{Conn, Tx},
    error::{StoreError, classify},
    gate::{Gate, WAIT},
    job::{self, Job, Task},
    migrate,
    sqlite_file::DatabaseFile,
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

impl Sqlite {
    /// Opens the file, brings its tables up to date and starts the writer. Blocks.
    pub(super) fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let (file, lock) = DatabaseFile::find(path, access)?;
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
        let permit = self.gate.enter(WAIT).await?;
        let this = Arc::clone(self);
        blocking(move || {
            let _permit = permit;
            this.file.must_be_the_same()?;
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
