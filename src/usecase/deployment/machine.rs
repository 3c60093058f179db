//! The machine's side of a deployment: it opens a session with its token, fetches what it installs, and reports.
//!
//! The token stands in user-data, which every process on the machine can read. So it is exchanged at once, for a session
//! that is bound to a key made on the machine: the same key gets the same session again, because answers get lost;
//! another key is refused, and somebody must look.

use serde_json::json;

use crate::{
    base::{
        ids::{ActivationId, DeploymentId},
        secret::SecretString,
    },
    license::activation::Reason,
    provision::{
        plan::Cloud,
        proof::{MachineKey, session_message},
        run::{LineSource, Stage, Status},
    },
    store::{StageRecord, Tx},
};
use jiff::SignedDuration;

use super::{
    super::{
        Context, Done, Failure, activation,
        alert::{self, About, AlertKind},
        code, package,
    },
    Deployment, Obstacle, log,
    model::refusal,
    secrets,
};

/// How long a token opens a session, from the order on: making and starting a server may take so long at most.
const TOKEN: SignedDuration = SignedDuration::from_mins(40);
/// The same where somebody has to log in and start the script.
const TOKEN_BY_HAND: SignedDuration = SignedDuration::from_hours(24);
/// How long a session is good for, from the order or the last wish to go on: as long as all stages may take. A machine
/// that failed polls as long for such a wish (`templates/deploy/bootstrap.sh`).
const SESSION: SignedDuration = SignedDuration::from_hours(3);

/// A machine that wants a session.
#[derive(Debug)]
pub struct Knock<'a> {
    /// Its token.
    pub token: &'a str,
    /// Its key, base64 of the DER, as it was sent.
    pub key_base64: &'a str,
    /// The same, decoded.
    pub key: &'a MachineKey,
    /// Its signature over both.
    pub proof: &'a [u8],
    /// What it calls itself, for the log.
    pub instance: &'a str,
}

/// Why a machine is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// The token or session is none, is over, or was replaced.
    #[error("the token is not good (any more): resume the deployment, or begin a new one")]
    Unknown,
    /// The signature is not the key's.
    #[error("the proof does not fit the key")]
    Proof,
    /// Another machine has used the token.
    #[error("the token was used by another machine: the deployment is marked as suspect")]
    Used,
    /// The license does not hold.
    #[error("the license does not permit it now")]
    License(Reason),
}

/// What a machine gets or is told.
pub type Told<T> = Done<Result<T, Turned>>;

/// A session, as a machine gets it.
#[derive(Debug)]
pub struct Opened {
    /// Its token.
    pub session: SecretString,
    /// The number of the last report there was: a script that is started again, after a reboot for instance, counts on.
    pub sequence: i64,
}

/// Opens a session, or finds the one that the same machine has.
///
/// # Errors
/// The database's.
pub fn open(tx: &mut Tx, ctx: Context, knock: &Knock) -> Told<Opened> {
    let Some((mut deployment, attempt)) = by_token(tx, ctx, knock.token)? else { return Ok(Err(Turned::Unknown)) };
    if !knock.key.verifies(&session_message(knock.token, knock.key_base64), knock.proof) {
        return Ok(Err(Turned::Proof));
    }
    let digest = secrets::key_digest(knock.key.as_bytes());
    let session = secrets::session(ctx, deployment.record.id, &attempt, &digest);
    let opened = Opened { session, sequence: deployment.record.sequence };
    match &deployment.record.machine_key {
        Some(known) if *known == digest && deployment.is_deploying() => return Ok(Ok(opened)),
        Some(known) if *known != digest => {
            raise_suspicion(tx, ctx, &mut deployment)?;
            return Ok(Err(Turned::Used));
        }
        None if deployment.is_deploying() => {}
        None | Some(_) => return Ok(Err(Turned::Unknown)),
    }
    deployment.record.machine_key = Some(digest);
    let what =
        format!("the machine called: {}", if knock.instance.is_empty() { "no instance id" } else { knock.instance });
    deployment.say(tx, ctx, LineSource::Machine, &what)?;
    if deployment.is_at(Stage::BootstrapCalled) {
        deployment.enter(tx, ctx, Stage::Downloading)?;
    }
    deployment.save(tx, ctx)?;
    Ok(Ok(opened))
}

/// Whether `token` is a good one now: to be asked before anything is written, because anybody can send one.
///
/// # Errors
/// The database's.
pub fn is_good(tx: &mut Tx, ctx: Context, token: &str) -> Done<bool> {
    Ok(by_token(tx, ctx, token)?.is_some())
}

fn by_token(tx: &mut Tx, ctx: Context, token: &str) -> Done<Option<(Deployment, String)>> {
    let Some(deployment) = secrets::named(token).map(|id| Deployment::load(tx, id)).transpose()?.flatten() else {
        return Ok(None);
    };
    let (Some(attempt), Some(begun)) = (deployment.record.attempt.clone(), deployment.record.attempt_at) else {
        return Ok(None);
    };
    let allowed = if deployment.plan.place.cloud == Cloud::Own { TOKEN_BY_HAND } else { TOKEN };
    let good =
        secrets::is_same(token, &secrets::token(ctx, deployment.record.id, &attempt)) && ctx.now.since(begun) < allowed;
    Ok(good.then_some((deployment, attempt)))
}

/// Somebody has the token who should not. The machine that came first goes on: it may be the right one, and cutting it
/// off would hand the decision to whoever came second.
fn raise_suspicion(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    if deployment.record.suspect {
        return Ok(());
    }
    deployment.record.suspect = true;
    let what =
        "another machine used this deployment's token: user-data was read by somebody else, or the server was copied";
    deployment.say(tx, ctx, LineSource::Signet, what)?;
    let detail = json!({ "deployment": deployment.record.id });
    let about = About { license_id: Some(deployment.record.license_id), detail: detail.clone(), ..About::default() };
    alert::raise(tx, ctx, AlertKind::BootstrapTokenReused, &about)?;
    deployment.tell(tx, ctx, "deployment_suspect", detail)?;
    deployment.save(tx, ctx)
}

/// The deployment behind a session that is still good.
///
/// # Errors
/// The database's.
pub fn resume(tx: &mut Tx, ctx: Context, session: &str) -> Told<Deployment> {
    let Some(deployment) = secrets::named(session).map(|id| Deployment::load(tx, id)).transpose()?.flatten() else {
        return Ok(Err(Turned::Unknown));
    };
    let record = &deployment.record;
    let (Some(attempt), Some(begun), Some(key)) = (&record.attempt, record.attempt_at, &record.machine_key) else {
        return Ok(Err(Turned::Unknown));
    };
    let expected = secrets::session(ctx, record.id, attempt, key);
    let allowed = if deployment.plan.place.cloud == Cloud::Own { TOKEN_BY_HAND } else { SESSION };
    let good = secrets::is_same(session, &expected) && ctx.now.since(begun) < allowed;
    Ok(if good { Ok(deployment) } else { Err(Turned::Unknown) })
}

/// The deployment behind a session that may still fetch things: it is under way, and the license holds.
///
/// # Errors
/// The database's.
pub fn may_fetch(tx: &mut Tx, ctx: Context, session: &str) -> Told<Deployment> {
    let deployment = match resume(tx, ctx, session)? {
        Ok(deployment) if deployment.is_deploying() => deployment,
        Ok(_) => return Ok(Err(Turned::Unknown)),
        Err(turned) => return Ok(Err(turned)),
    };
    let Some(license) = tx.license_find(deployment.record.license_id)? else { return Ok(Err(Turned::Unknown)) };
    Ok(match refusal(ctx, &license) {
        None => Ok(deployment),
        Some(reason) => Err(Turned::License(reason)),
    })
}

/// The license's newest code, for the machine to activate with.
///
/// # Errors
/// The database's.
pub fn license_code(tx: &mut Tx, ctx: Context, session: &str) -> Told<String> {
    match may_fetch(tx, ctx, session)? {
        Ok(deployment) => Ok(Ok(code::latest(tx, ctx, deployment.record.license_id)?)),
        Err(turned) => Ok(Err(turned)),
    }
}

/// The package that the deployment installs, the very one that its user-data names, and the deployment's id.
///
/// # Errors
/// The database's; [`Failure::Missing`] when it was deleted.
pub fn package(tx: &mut Tx, ctx: Context, session: &str) -> Told<(DeploymentId, package::Package)> {
    let deployment = match may_fetch(tx, ctx, session)? {
        Ok(deployment) => deployment,
        Err(turned) => return Ok(Err(turned)),
    };
    let pin = &deployment.plan.package;
    let (product, source) = (&deployment.record.product, &deployment.plan.recipe.package);
    let found = package::pinned(tx, ctx, product, source, &pin.version, &pin.manifest_sha256)?;
    found.map(|package| Ok((deployment.record.id, package))).ok_or_else(|| {
        Failure::Missing(format!("the package {} of {} is gone", pin.version, deployment.record.product))
    })
}

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
pub fn report(tx: &mut Tx, ctx: Context, session: &str, report: &Report) -> Told<Directive> {
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
                ..Obstacle::new(report.stage, "machine", format!("{}. {WAITS}", machine_message(reason)))
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

/// What [`SESSION`] means to whoever resumes.
const WAITS: &str = "It waits three hours for a resume; later, its script must be run again there as well";

/// What a reason of the bootstrap means, and what to do.
fn machine_message(reason: &str) -> &'static str {
    match reason {
        "digest" => "what was downloaded is not what was published: nothing of it was run. Ask the merchant",
        "signature" => "the package's signature does not verify: nothing of it was run. Ask the merchant",
        "network" => "the machine could not reach this service: check its subnet's way out, then resume",
        "disk_full" => "the machine's disk is full: remove the deployment and choose a larger disk",
        "tools" => "the machine lacks a program that the installation needs: see the log, or choose another image",
        "install" => "the package's own installation failed: see the log, then resume or ask the merchant",
        "license" => "the machine got no seat of the license: see the log",
        "health" => "the software was installed but did not become healthy in time: see the log",
        "expired" => "the package's manifest has expired: the merchant must publish it anew",
        _ => "the machine stopped: see the log",
    }
}
