//! What the service does by itself, on a schedule: forget what is past its time, complete orders that wait, move
//! deployments on, hand licenses of devices over, look after codes of the marketplace, tell it what was used, and others what
//! happened.
//!
//! A job is a loop that survives its own failures and ends with the service. What it does in a round is a use case;
//! nothing here knows a rule.

pub mod codes;
pub mod deployments;
pub mod expiry;
pub mod mails;
pub mod orders;
pub mod pushes;
pub mod retention;
pub mod uploads;
pub mod webhooks;

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

/// Runs `round` now and then every `pause`, until `stop`. Each round is given what the one before it returned, the first
/// one `kept`.
pub async fn every<S, F, Fut>(pause: Duration, stop: CancellationToken, mut kept: S, mut round: F)
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = S>,
{
    loop {
        kept = round(kept).await;
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
