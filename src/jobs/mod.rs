//! What the service does by itself, on a schedule: forget what is past its time, complete orders that wait, move
//! deployments on.
//!
//! A job is a loop that survives its own failures and ends with the service. What it does in a round is a use case;
//! nothing here knows a rule.

pub mod deployments;
pub mod orders;
pub mod retention;

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

/// Runs `round` now and then every `pause`, until `stop`.
pub async fn every<F, Fut>(pause: Duration, stop: CancellationToken, mut round: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    loop {
        round().await;
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
