//! Tells that licenses end soon, and that they have ended.

use std::time::Duration;

use crate::{
    app::App,
    usecase::{Actor, Failure, mail::expiry},
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(5 * 60);
/// Bites of one round.
const BITES: u32 = 1_000;

/// One round.
pub async fn round(app: &App) {
    for _ in 0..BITES {
        let told: Result<bool, Failure> = app.write(Actor::Signet, expiry::announce).await;
        match told {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(failure) => {
                tracing::warn!("ends of licenses could not be told, the next round tries again: {failure}");
                return;
            }
        }
    }
}
