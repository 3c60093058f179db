//! What a machine says about its work, and what it is told to do next.

use serde_json::json;

use crate::{
    base::ids::ActivationId,
    provision::{
        plan::Cloud,
        run::{LineSource, Stage, Status},
    },
    store::{StageRecord, Tx},
};

use super::{
    super::{Context, Done, activation},
    Deployment, Obstacle, log,
    machine::{Told, resume},
    words,
};

/// What a machine says about its work.
#[derive(Debug, Clone)]
pub struct Report {
    /// From 1 on; a number that was there before is a repeat.
    pub sequence: i64,
    /// What it works on.
    pub stage: Stage,
    /// What happened.
    pub event: Happened,
    /// The seat it took.
    pub activation: Option<ActivationId>,
    /// Why it failed: a short code.
    pub reason: Option<String>,
    /// Lines of its log.
    pub text: String,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A stage begins.
    Begin,
    /// Nothing but lines.
    Log,
    /// A stage ended.
    Done,
    /// The machine cannot go on.
    Failed,
}

/// What the machine is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// Go on.
    Go,
    /// Wait: somebody looks at what failed.
    Wait,
    /// Start over with the download.
    Again,
    /// Stop asking.
    Stop,
}

impl Directive {
    /// As the machine reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Wait => "wait",
            Self::Again => "again",
            Self::Stop => "stop",
        }
    }
}

/// Takes a report.
///
/// # Errors
/// The database's.
pub fn take(tx: &mut Tx, ctx: Context, session: &str, report: &Report) -> Told<Directive> {
    let mut deployment = match resume(tx, ctx, session)? {
        Ok(deployment) => deployment,
        Err(turned) => return Ok(Err(turned)),
    };
    if report.sequence <= deployment.record.sequence {
        return Ok(Ok(directive(&deployment)));
    }
    deployment.record.sequence = report.sequence;
    let before = tx.lines_last_text(deployment.record.id, LineSource::Machine)?.unwrap_or_default();
    let lines = log::clean_after(&before, &report.text);
    let (id, stage) = (deployment.record.id, report.stage);
    log::add(tx, ctx, id, stage, LineSource::Machine, lines)?;
    if let Some(seat) = report.activation {
        remember_seat(tx, ctx, &mut deployment, seat)?;
    }
    if deployment.is_deploying() {
        follow(tx, ctx, &mut deployment, report)?;
    }
    let directive = directive(&deployment);
    deployment.save(tx, ctx)?;
    Ok(Ok(directive))
}

fn directive(deployment: &Deployment) -> Directive {
    match deployment.record.status {
        Status::Running if !deployment.is_deploying() => Directive::Stop,
        Status::Running if deployment.record.again => Directive::Again,
        Status::Running | Status::Healthy => Directive::Go,
        Status::Failed | Status::NeedsCredentials => Directive::Wait,
        Status::Kept | Status::Gone | Status::Removed => Directive::Stop,
    }
}

/// Moves the deployment on. A machine works forwards: a report about a stage that is over changes nothing but the log,
/// unless the machine was told to start over.
fn follow(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, report: &Report) -> Done<()> {
    let begins_anew = report.event == Happened::Begin && report.stage == Stage::Downloading;
    if deployment.record.again && !begins_anew {
        return Ok(());
    }
    deployment.record.again = false;
    // A machine is faster than its cloud at times: its stages count once the server is known to be there.
    let early = !deployment.record.stage.is_on_the_machine();
    match report.event {
        Happened::Log => {}
        // Until the cloud says what it made, there is more to lose than time: the machine tries again meanwhile.
        Happened::Failed if early => {
            let reason = report.reason.as_deref().unwrap_or("unknown");
            let what = format!("the machine stopped ({reason}) before the cloud said that it runs: it starts over");
            deployment.say(tx, ctx, LineSource::Signet, &what)?;
            deployment.record.again = true;
        }
        Happened::Failed => {
            let reason = report.reason.as_deref().unwrap_or("unknown");
            let obstacle = Obstacle {
                code: Some(reason.to_owned()),
                ..Obstacle::new(report.stage, "machine", words::machine(reason))
            };
            deployment.stop(tx, ctx, Status::Failed, &obstacle)?;
        }
        Happened::Begin if !early && (report.stage > deployment.record.stage || begins_anew) => {
            deployment.enter(tx, ctx, report.stage)?;
        }
        // Without the cloud's word nobody knows yet what was made: the worker ends it with the server's addresses.
        Happened::Done if report.stage == Stage::Healthy && early => {
            let (id, now) = (deployment.record.id, ctx.now);
            let (stage, ended_at) = (Stage::Healthy, Some(now));
            tx.stage_save(&StageRecord { deployment_id: id, stage, started_at: now, deadline_at: now, ended_at })?;
        }
        Happened::Done if report.stage == Stage::Healthy => finish(tx, ctx, deployment)?,
        Happened::Done if !early && report.stage == deployment.record.stage => {
            if let Some(next) = report.stage.next() {
                deployment.enter(tx, ctx, next)?;
            }
        }
        Happened::Begin | Happened::Done => {}
    }
    Ok(())
}

/// Only a seat of this very license, taken since the deployment began: a machine can name any id. It is remembered however
/// the deployment stands, because whoever removes it wants the seat back; where that has happened already, it is freed now.
fn remember_seat(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, seat: ActivationId) -> Done<()> {
    let record = &deployment.record;
    // The first that is named stays: whoever gets into the machine later could name another machine's.
    if record.activation_id.is_some_and(|known| known != seat) {
        return Ok(());
    }
    let found = tx.activation_find(seat)?;
    // A server that exists may have had its seat before.
    let own = deployment.plan.place.cloud == Cloud::Own;
    if found.is_some_and(|it| {
        let since = if own { it.last_seen_at } else { it.created_at };
        it.license_id == record.license_id && it.has_seat(ctx.now) && since >= record.created_at
    }) {
        deployment.record.activation_id = Some(seat);
        if deployment.record.status == Status::Removed {
            activation::free(tx, ctx, deployment.record.license_id, seat)?;
        }
    }
    Ok(())
}

/// Ends a deployment whose software runs.
///
/// # Errors
/// The database's.
pub fn finish(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    if deployment.record.stage != Stage::Healthy {
        deployment.enter(tx, ctx, Stage::Healthy)?;
    }
    tx.stage_end(deployment.record.id, Stage::Healthy, ctx.now)?;
    deployment.say(tx, ctx, LineSource::Signet, "the software runs and is healthy")?;
    deployment.record.password = None;
    deployment.settle(ctx, Status::Healthy);
    let seconds = ctx.now.since(deployment.record.created_at).as_secs();
    let detail = json!({ "deployment": deployment.record.id, "seconds": seconds });
    deployment.tell(tx, ctx, "deployment_healthy", detail)
}
