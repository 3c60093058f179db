//! The machine's side of a deployment: it opens a session with its token, and fetches what it installs.
//!
//! The token stands in user-data, which every process on the machine can read. So it is exchanged at once, for a session
//! that is bound to a key made on the machine: the same key gets the same session again, because answers get lost;
//! another key is refused, and somebody must look.

use serde_json::json;

use crate::{
    base::{ids::DeploymentId, secret::SecretString},
    license::activation::Reason,
    provision::{
        bootstrap::{BootstrapError, Script},
        plan::Cloud,
        proof::{MachineKey, session_message},
        run::{LineSource, Stage},
    },
    store::Tx,
};
use jiff::SignedDuration;

use super::{
    super::{
        Context, Done, Failure,
        alert::{self, About, AlertKind},
        code, package,
    },
    Deployment,
    model::refusal,
    script, secrets,
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

/// The script of a deployment onto a server that exists, for whoever has its token: the token stands in the command that
/// fetches it, and in the script.
///
/// # Errors
/// The database's.
pub fn script_by_hand(tx: &mut Tx, ctx: Context, token: &str) -> Told<Result<Script, BootstrapError>> {
    match by_token(tx, ctx, token)? {
        Some((deployment, _)) if deployment.plan.place.cloud == Cloud::Own && deployment.is_deploying() => {
            Ok(Ok(script::script(ctx, &deployment)?))
        }
        _ => Ok(Err(Turned::Unknown)),
    }
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
