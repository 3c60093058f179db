//! [`Gate`]: lets so many jobs run at once, so many wait for a while, and turns the rest away at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::error::StoreError;
use crate::base::limits;

/// How long a job may wait for its place: nobody waits for an answer longer.
pub(super) const WAIT: Duration = Duration::from_secs(5);

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

    /// Waits for a place, `patience` at most. Places are given in the order in which they were asked for.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait, or for too long; [`StoreError::Closed`].
    pub(super) async fn enter(&self, patience: Duration) -> Result<OwnedSemaphorePermit, StoreError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= limits::WRITE_QUEUE {
            return Err(StoreError::Busy);
        }
        let place = timeout(patience, Arc::clone(&self.places).acquire_owned()).await;
        place.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)
    }

    /// Waits until every place is free, then lets nobody in again.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let permits = self.places.acquire_many(all).await;
        self.places.close();
        drop(permits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_for_a_place_ends() {
        let gate = Gate::new(1);
        let held = gate.enter(WAIT).await.unwrap();
        assert!(matches!(gate.enter(Duration::from_millis(20)).await, Err(StoreError::Busy)));
        drop(held);
        drop(gate.enter(Duration::ZERO).await.unwrap());
        assert_eq!(gate.waiting.load(Ordering::Relaxed), 0, "who gave up is still counted");
    }

    /// One thread runs the tasks in the order they were made, so each waits before the next one asks.
    #[tokio::test]
    async fn places_are_given_in_the_order_they_were_asked_for() {
        let gate = Arc::new(Gate::new(1));
        let held = gate.enter(WAIT).await.unwrap();
        let served = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut jobs = tokio::task::JoinSet::new();
        for number in 0..100 {
            let (gate, served) = (Arc::clone(&gate), Arc::clone(&served));
            jobs.spawn(async move {
                let _place = gate.enter(WAIT).await.unwrap();
                served.lock().unwrap().push(number);
                tokio::task::yield_now().await;
            });
        }
        while gate.waiting.load(Ordering::Relaxed) < 100 {
            tokio::task::yield_now().await;
        }
        drop(held);
        jobs.join_all().await;
        assert_eq!(*served.lock().unwrap(), (0..100).collect::<Vec<_>>());
    }
}
