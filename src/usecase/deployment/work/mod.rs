//! The worker's side: what is to be done next, and what came of it.
//!
//! [`claim`] writes down what is about to be asked of a cloud before it is asked; [`record`] writes down the answer. Between
//! the two a worker that lives says so with [`hold`]. One that is killed does not: another one claims the deployment once
//! [`CLAIM`] is over, and knows from what was written whether the order may have been sent. One that only slept finds that
//! its claim is not held any more, and then no more than what it learned of things that are paid for is kept. `task` decides
//! what is next, `facts` keeps what a cloud said whatever else happened meanwhile, `course` moves the deployment on,
//! `drift` is about servers that are gone or come back.

use data_encoding::HEXLOWER;
use jiff::SignedDuration;

use crate::{
    base::ids::DeploymentId,
    provision::{
        plan::Cloud,
        provider::{
            Accepted, Attempt, Bond, CloudError, Entry, Identity, Removal, Resource, Server, ServerOrder,
            clouds::Clouds,
        },
        run::{Stage, Status},
    },
    store::Tx,
};

use super::{
    super::{Context, Done},
    Deployment, Obstacle, script, secrets,
};

mod course;
pub mod drift;
mod facts;
mod task;

/// How long a claim keeps other workers away, unless it is held on to: several times as long as between two [`hold`]s.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(20);
/// How long a removal may take.
pub const REMOVAL: SignedDuration = SignedDuration::from_hours(2);

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Task {
    /// Check everything before anything is paid for.
    Preflight,
    /// Order the server. `look_first`: the order may have been sent before.
    Order {
        /// The attempt, written down.
        attempt: Attempt,
        /// Ask what the attempt made before it is sent again.
        look_first: bool,
        /// What was sent before may still be carried out, and is the same server: a refusal says nothing about it.
        undecided: bool,
    },
    /// Look what an order whose answer was lost has made.
    Find(Attempt),
    /// See how far the order is.
    Follow(Accepted),
    /// See whether the server, on which the machine works, is still there.
    Watch {
        /// The server's id.
        server: String,
        /// The deadline is over: fetch the console's last lines as well.
        overdue: bool,
    },
    /// See whether the server with this id is still there, because somebody asked for it.
    Look(String),
    /// Begin to remove what was made.
    Remove(Vec<Resource>),
    /// See how far the removal is.
    FollowRemoval(Removal),
}

/// A deployment that was claimed, with all that its task needs.
#[derive(Debug, Clone)]
pub struct Work {
    /// The deployment as it stands.
    pub deployment: Deployment,
    /// The claim: 128 random bits in hexadecimal digits.
    pub claim: String,
    /// What is to be done.
    pub task: Task,
    /// What opens the account.
    pub credentials: Entry,
    /// What ties agencies to the license.
    pub bond: Bond,
    /// What is sent, where the task may send it.
    pub order: Option<ServerOrder>,
}

/// What came of a task.
#[derive(Debug, Clone)]
pub enum Event {
    /// All checks passed.
    Checked(Identity),
    /// The order was accepted.
    Accepted(Accepted),
    /// No order of this attempt is there.
    NothingFound,
    /// The order is under way.
    Pending(Option<String>),
    /// The server is there.
    Created(Server),
    /// The server is still there.
    Alive,
    /// The server is there, and does that.
    Seen(Server),
    /// The cloud knows no such server. One such answer says little.
    Vanished,
    /// The deadline is over; what the console said last.
    Overdue(String),
    /// The removal began.
    RemovalBegun(Removal),
    /// The removal is under way.
    RemovalPending,
    /// Everything is removed.
    RemovalDone,
    /// A question got no good answer: nothing is known that was not known before.
    Failed(CloudError),
    /// The cloud refused the order: nothing was made by it.
    Refused(CloudError),
    /// The order was accepted and came to nothing.
    NotMade {
        /// Why.
        error: CloudError,
        /// What is left of it and must be removed.
        left: Vec<Resource>,
    },
    /// The removal ended without removing everything.
    RemovalFailed {
        /// Why.
        error: CloudError,
        /// What is left.
        left: Vec<Resource>,
    },
}

/// How long nobody looks at a deployment that could not be claimed.
const POSTPONED: SignedDuration = SignedDuration::from_mins(1);

/// After a failed [`claim`]: whatever is wrong with this deployment, it is looked at once a minute and not each second.
///
/// # Errors
/// The database's.
pub fn postpone(tx: &mut Tx, ctx: Context, id: DeploymentId) -> Done<()> {
    Ok(tx.deployment_postpone(id, ctx.now.saturating_add(POSTPONED))?)
}

/// Claims the deployment `id`, if it is due; `None`: there is nothing to do for a worker now. `clouds` is not called, only
/// asked what is known of one.
///
/// # Errors
/// The database's.
pub fn claim(tx: &mut Tx, ctx: Context, clouds: &Clouds, id: DeploymentId) -> Done<Option<Work>> {
    let Some(mut deployment) = Deployment::load(tx, id)? else { return Ok(None) };
    if deployment.record.next_at.is_none_or(|at| at > ctx.now) {
        return Ok(None);
    }
    let task = match task::next(tx, ctx, clouds, &mut deployment)? {
        Some(task) => task,
        None => {
            deployment.save(tx, ctx)?;
            return Ok(None);
        }
    };
    let sealed = secrets::entry(ctx, &deployment.record).unwrap_or_else(|failure| {
        // A sealed value that does not open never will: to try again each second would help nobody.
        tracing::error!(deployment.id = %id, "the credentials cannot be opened, new ones are asked for: {failure}");
        None
    });
    let Some(credentials) = sealed else {
        let why = ("云凭证已被删除：请重新填写", "the credentials were forgotten: enter them again");
        let obstacle = Obstacle::new(deployment.record.stage, "expired", why);
        if deployment.is_checking() {
            drift::end_in_vain(tx, ctx, &mut deployment, obstacle)?;
        } else {
            deployment.stop(tx, ctx, Status::NeedsCredentials, &obstacle)?;
        }
        deployment.save(tx, ctx)?;
        return Ok(None);
    };
    let order = match task {
        Task::Preflight | Task::Order { .. } => match script::order(ctx, &deployment)? {
            Ok(order) => Some(order),
            Err(why) => {
                let obstacle = Obstacle::new(deployment.record.stage, "recipe", why.to_string());
                deployment.stop(tx, ctx, Status::Failed, &obstacle)?;
                deployment.save(tx, ctx)?;
                return Ok(None);
            }
        },
        _ => None,
    };
    let claim = HEXLOWER.encode(&ctx.entropy.bytes::<16>());
    deployment.record.worker = Some(claim.clone());
    deployment.record.next_at = Some(ctx.now.saturating_add(CLAIM));
    deployment.save(tx, ctx)?;
    let bond = secrets::bond(&ctx.installation.master, deployment.record.license_id);
    Ok(Some(Work { deployment, claim, task, credentials, bond, order }))
}

/// Holds on to a claim for another [`CLAIM`]; `false`: somebody else took over, or there is nothing to do any more.
///
/// # Errors
/// The database's.
pub fn hold(tx: &mut Tx, ctx: Context, id: DeploymentId, claim: &str) -> Done<bool> {
    Ok(tx.deployment_extend(id, claim, ctx.now.saturating_add(CLAIM))?)
}

/// Moves a deployment that no cloud has part in as far as its machine, if it is not there yet.
///
/// # Errors
/// The database's.
pub fn prepare(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    if deployment.plan.place.cloud == Cloud::Own && deployment.is_at(Stage::Preflight) {
        task::next(tx, ctx, &Clouds::default(), deployment)?;
        deployment.save(tx, ctx)?;
    }
    Ok(())
}

/// Writes down what came of a task. Once the claim is not held any more, because a worker took over or somebody asked for
/// something else, the deployment does not move on: only what exists and is paid for is kept.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx, ctx: Context, work: &Work, event: &Event) -> Done<()> {
    let id = work.deployment.record.id;
    let Some(mut deployment) = Deployment::load(tx, id)? else { return Ok(()) };
    if deployment.record.worker.as_ref() != Some(&work.claim) {
        facts::keep_late(tx, ctx, &mut deployment, work, event)?;
        return deployment.save(tx, ctx);
    }
    deployment.record.worker = None;
    facts::keep(tx, ctx, &mut deployment, event)?;
    if deployment.is_deploying() {
        course::go_on(tx, ctx, &mut deployment, event)?;
    } else if deployment.is_removing() {
        course::go_on_removing(tx, ctx, &mut deployment, event)?;
    } else if deployment.is_checking() {
        drift::go_on(tx, ctx, &mut deployment, event)?;
    }
    deployment.save(tx, ctx)
}
