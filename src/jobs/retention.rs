//! Forgets nonces, remembered answers, messages and ended activations that are past their time.

use std::time::Duration;

use crate::{
    app::App,
    usecase::{Actor, Failure, retention},
};

/// How often.
pub const PAUSE: Duration = Duration::from_secs(15 * 60);
/// Bites of one round: a backlog is worked off over several rounds rather than in one that never ends.
const BITES: u32 = 200;

/// One round.
pub async fn round(app: &App) {
    let days = app.message_days();
    for _ in 0..BITES {
        let result = app.write(Actor::Signet, move |tx, ctx| retention::forget(tx, ctx, days)).await;
        let forgotten: Result<retention::Forgotten, Failure> = result;
        match forgotten {
            Ok(forgotten) if forgotten.more() => tokio::task::yield_now().await,
            Ok(_) => return,
            Err(failure) => {
                tracing::warn!("old rows could not be deleted, the next round tries again: {failure}");
                return;
            }
        }
    }
}
