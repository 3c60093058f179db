//! Moves deployments on: claims what is due, asks the cloud, writes down the answer.
//!
//! What is done in which order, and what an answer means, is decided by `usecase::deployment::work`; here is only the
//! talking. A worker may be killed anywhere: everything it asks for is written down before, and can be asked again.

mod ask;
mod names;
mod preflight;

use std::{convert::Infallible, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::{
    app::App,
    base::{ids::DeploymentId, limits},
    provision::provider::{CloudError, Trouble, error::TOO_LONG},
    store::DueDeployment,
    usecase::{
        Actor, Failure,
        deployment::work::{self, Event, Work},
    },
};

/// How often the worker looks for what is due.
pub const PAUSE: Duration = Duration::from_secs(1);
/// Deployments that are worked on at once.
const AT_ONCE: usize = 16;
/// Of them, those of one license: a cloud that hangs must not keep other licenses waiting.
const AT_ONCE_OF_LICENSE: usize = 4;
/// Of them, those at endpoints in no list, of which nobody knows who answers there, and when.
const AT_ONCE_AT_ENDPOINTS: usize = 8;
/// Pages of deployments that one round looks at.
const PAGES: u32 = 50;
/// How long one task may take; its claim is held that long.
const TASK: Duration = Duration::from_secs(120);
/// How often a worker holds on to its claim.
const HOLD: Duration = Duration::from_secs(5);

/// One round: begins everything that is due, some at a time. What is still `under_way` from earlier rounds goes on: a
/// cloud that takes its time must not keep the others waiting.
pub async fn round(app: &App, mut under_way: JoinSet<()>) -> JoinSet<()> {
    while let Some(ended) = under_way.try_join_next() {
        report(ended);
    }
    let mut after = None;
    // Those that find no place stay due: behind a page full of them stand others.
    for _ in 0..PAGES {
        let due: Result<Vec<DueDeployment>, Failure> = app
            .read(Actor::Signet, move |tx, ctx| Ok(tx.deployment_due(ctx.now, after.as_ref(), limits::PAGE_ROWS)?))
            .await;
        let due = match due {
            Ok(due) => due,
            Err(failure) => {
                tracing::warn!("deployments could not be read, the next round tries again: {failure}");
                return under_way;
            }
        };
        for deployment in &due {
            // To wait for one that is under way would keep those waiting whose place is free when it ends.
            if under_way.len() >= AT_ONCE {
                return under_way;
            }
            begin(app, &mut under_way, deployment);
        }
        after = due.last().cloned();
        if after.is_none() {
            break;
        }
    }
    under_way
}

/// Begins what is due, if there is a place for it.
fn begin(app: &App, under_way: &mut JoinSet<()>, deployment: &DueDeployment) {
    let places = app.deployment_places();
    let Some(place) = places.tasks.take(deployment.license_id, AT_ONCE_OF_LICENSE) else { return };
    let endpoint = deployment.plan.pointer("/place/endpoint").filter(|endpoint| !endpoint.is_null());
    let at_endpoint = match endpoint.map(|_| places.endpoint_tasks.take((), AT_ONCE_AT_ENDPOINTS)) {
        Some(None) => return,
        taken => taken.flatten(),
    };
    let (app, id) = (app.clone(), deployment.id);
    under_way.spawn(async move {
        one(&app, id).await;
        drop((place, at_endpoint));
    });
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!("a deployment's worker ended badly: {error}");
    }
}

async fn one(app: &App, id: DeploymentId) {
    let clouds = app.clouds().clone();
    let claimed: Result<Option<Work>, Failure> =
        app.write(Actor::Signet, move |tx, ctx| work::claim(tx, ctx, &clouds, id)).await;
    let work = match claimed {
        Ok(Some(work)) => work,
        Ok(None) => return,
        Err(failure) => {
            tracing::warn!(deployment.id = %id, "a deployment could not be claimed, it is looked at in a minute: {failure}");
            let postponed: Result<(), Failure> =
                app.write(Actor::Signet, move |tx, ctx| work::postpone(tx, ctx, id)).await;
            if let Err(failure) = postponed {
                tracing::warn!(deployment.id = %id, "nor put off: {failure}");
            }
            return;
        }
    };
    let event = tokio::select! {
        done = tokio::time::timeout(TASK, ask::carry_out(app, &work)) => done.unwrap_or_else(|_| {
            Event::Failed(CloudError::new(Trouble::Unknown, TOO_LONG))
        }),
        never = keep_holding(app, &work) => match never {},
    };
    tracing::info!(deployment.id = %id, "deployment: {}", names::in_a_word(&event));
    let labels = [("provider", work.deployment.record.provider.clone()), ("event", names::name(&event).to_owned())];
    metrics::counter!("signet_deployment_events_total", &labels).increment(1);
    let recorded: Result<(), Failure> =
        app.write(Actor::Signet, move |tx, ctx| work::record(tx, ctx, &work, &event)).await;
    if let Err(failure) = recorded {
        tracing::error!(deployment.id = %id, "what a cloud answered could not be written down: {failure}");
    }
}

/// Holds on to the claim as long as it is asked. A claim that is lost ends nothing: what the cloud is about to say may be
/// something that is paid for.
async fn keep_holding(app: &App, work: &Work) -> Infallible {
    let mut ticks = interval_at(Instant::now() + HOLD, HOLD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(failure) = hold(app, work).await {
            tracing::warn!(deployment.id = %work.deployment.record.id, "a claim could not be held: {failure}");
        }
    }
}

/// Whether the claim is still held; it then is for a while.
async fn hold(app: &App, work: &Work) -> Result<bool, Failure> {
    let (id, claim) = (work.deployment.record.id, work.claim.clone());
    app.write(Actor::Signet, move |tx, ctx| work::hold(tx, ctx, id, &claim)).await
}
