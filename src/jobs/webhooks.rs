//! Tells the merchant's systems what happened: hands events on, sends what is due, some at a time.
//!
//! What is sent when, and what an answer means, is decided by `usecase::webhook::deliver`; here is only the talking. A worker
//! may be killed anywhere: what it was sending is sent again, with the same id.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::{
    app::App,
    base::{ids::WebhookId, places::Places},
    usecase::{
        Actor, Failure,
        webhook::deliver::{self, Now, Outcome, Outgoing},
    },
};

/// How often events are handed on and what is due is looked for.
pub const PAUSE: Duration = Duration::from_secs(1);
/// Messages to one webhook at once: one that is slow must not keep the others waiting.
const AT_ONCE: usize = 4;
/// Messages that one worker sends before another round decides anew.
const IN_A_ROW: usize = 100;

/// The workers under way.
#[derive(Debug, Default)]
pub struct Workers {
    tasks: JoinSet<()>,
    places: Places<WebhookId>,
}

impl Workers {
    /// Waits until all of them are done.
    pub async fn done(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// One round: hands events on, and begins to send what is due. What is still under way from earlier rounds goes on.
pub async fn round(app: &App, mut workers: Workers) -> Workers {
    while let Some(ended) = workers.tasks.try_join_next() {
        if let Err(error) = ended {
            tracing::error!("a worker that tells webhooks ended badly: {error}");
        }
    }
    hand_on(app).await;
    let due: Result<Vec<(WebhookId, usize)>, Failure> =
        app.read(Actor::Signet, |tx, ctx| deliver::due(tx, ctx, 1 + AT_ONCE as u32)).await;
    match due {
        Ok(due) => {
            for (webhook, count) in due {
                for _ in 0..count {
                    let Some(place) = workers.places.take(webhook, AT_ONCE) else { break };
                    let app = app.clone();
                    workers.tasks.spawn(async move {
                        work(&app, webhook).await;
                        drop(place);
                    });
                }
            }
        }
        Err(failure) => {
            tracing::warn!("what is due to webhooks could not be read, the next round tries again: {failure}");
        }
    }
    workers
}

/// Hands all events on that are pending.
async fn hand_on(app: &App) {
    // A look costs nothing beside a commit, and mostly there is nothing.
    let pending: Result<bool, Failure> = app.read(Actor::Signet, |tx, _| Ok(!tx.events_pending(1)?.is_empty())).await;
    let mut more = pending.unwrap_or(false);
    while more {
        let handed_on: Result<bool, Failure> = app
            .write(Actor::Signet, {
                let post = app.post().clone();
                move |tx, ctx| deliver::hand_on(tx, ctx, &post)
            })
            .await;
        more = handed_on.unwrap_or_else(|failure| {
            tracing::warn!("events could not be handed on, the next round tries again: {failure}");
            false
        });
    }
}

/// Sends what is due to one webhook, one after the other.
async fn work(app: &App, webhook: WebhookId) {
    for _ in 0..IN_A_ROW {
        let claimed: Result<Option<Outgoing>, Failure> =
            app.write(Actor::Signet, move |tx, ctx| deliver::claim(tx, ctx, webhook)).await;
        match claimed {
            Ok(Some(message)) => one(app, message).await,
            Ok(None) => return,
            Err(failure) => {
                tracing::warn!(webhook.id = %webhook, "a message could not be claimed, it is tried again: {failure}");
                return;
            }
        }
    }
}

async fn one(app: &App, message: Outgoing) {
    let (at, began) = (app.now(), Instant::now());
    let told = app.tell_webhook(&message.url, message.headers(at), message.body.clone()).await;
    let millis = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let wait = told.as_ref().ok().and_then(|it| it.retry_after).map(|it| SignedDuration::from_secs(it.into()));
    let outcome = Outcome { at, millis, status: told.map(|it| it.status), wait };
    let (webhook, event, kind) = (message.webhook, message.event, message.kind.clone());
    let noted: Result<Now, Failure> =
        app.write(Actor::Signet, move |tx, ctx| deliver::record(tx, ctx, &message, &outcome)).await;
    match noted {
        Ok(now) => {
            let word = match now {
                Now::Delivered => "delivered",
                Now::Again => "again",
                Now::Dead => "dead",
                Now::Gone => "gone",
                Now::Lost => "lost",
            };
            tracing::info!(webhook.id = %webhook, event.id = %event, event.kind = kind, "webhook: {word}");
            metrics::counter!("signet_webhook_messages_total", "outcome" => word).increment(1);
        }
        // The claim runs out, and it is sent again.
        Err(failure) => {
            tracing::warn!(webhook.id = %webhook, event.id = %event, "what came of a message could not be noted: {failure}");
        }
    }
}
