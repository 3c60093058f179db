//! [`Gate`]: lets so many jobs run at once, so many wait, and turns the rest away at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::StoreError;
use crate::base::limits;

#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    size: usize,
    waiting: AtomicUsize,
}

/// Counts a waiting job, also when its future is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(size: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(size)), size, waiting: AtomicUsize::new(0) }
    }

    /// Waits for a place.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= limits::WRITE_QUEUE {
            return Err(StoreError::Busy);
        }
        Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)
    }

    /// Waits until every place is free, then lets nobody in again.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let permits = self.places.acquire_many(all).await;
        self.places.close();
        drop(permits);
    }
}
