//! The worker's side: what is to be done next, and what came of it.
//!
//! [`claim`] writes down what is about to be asked of a cloud before it is asked; [`record`] writes down the answer. Between
//! the two the worker may be killed: another one claims the deployment once [`CLAIM`] is over, and knows from what was
//! written whether the order may have been sent.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    base::{entropy::Entropy, ids::DeploymentId, time::Time},
    license::activation::Reason,
    provision::{
        plan::Cloud,
        provider::{
            Accepted, Attempt, CloudError, Credentials, Identity, Removal, Resource, ResourceKind, Server, ServerOrder,
            Trouble,
        },
        run::{LineSource, Stage, Status},
    },
    store::Tx,
};

use super::{
    super::{Context, Done, activation},
    Deployment, Obstacle, machine,
    model::{in_words, refusal},
    script, secrets, start,
};

/// How long a claim keeps other workers away: longer than any call to a cloud may take, retries included.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(150);
/// How long a removal may take.
pub const REMOVAL: SignedDuration = SignedDuration::from_hours(2);
/// Seconds between two looks at an order under way.
const POLL: i64 = 6;
/// Seconds between two looks at a server whose machine works.
const WATCH: i64 = 30;
/// Seconds until something that passes is tried again.
const PAUSE: i64 = 15;
/// How long an order is looked for whose answer was lost, before it counts as never made.
const LOST: SignedDuration = SignedDuration::from_mins(3);

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
    /// What is to be done.
    pub task: Task,
    /// What opens the account.
    pub credentials: Credentials,
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
    /// The server is not there any more.
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

/// Claims the deployment `id`, if it is due; `None`: there is nothing to do for a worker now.
///
/// # Errors
/// The database's.
pub fn claim(tx: &mut Tx, ctx: Context, id: DeploymentId) -> Done<Option<Work>> {
    let Some(mut deployment) = Deployment::load(tx, id)? else { return Ok(None) };
    if deployment.record.next_at.is_none_or(|at| at > ctx.now) || deployment.record.status != Status::Running {
        return Ok(None);
    }
    let task = match next_task(tx, ctx, &mut deployment)? {
        Some(task) => task,
        None => {
            deployment.save(tx, ctx)?;
            return Ok(None);
        }
    };
    let Some(credentials) = secrets::credentials(ctx, &deployment.record)? else {
        let obstacle =
            Obstacle::new(deployment.record.stage, "expired", "the credentials were forgotten: enter them again");
        deployment.stop(tx, ctx, Status::NeedsCredentials, &obstacle)?;
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
    deployment.record.next_at = Some(ctx.now.saturating_add(CLAIM));
    deployment.save(tx, ctx)?;
    Ok(Some(Work { deployment, task, credentials, order }))
}

/// Moves a deployment that no cloud has part in as far as its machine, if it is not there yet.
///
/// # Errors
/// The database's.
pub fn prepare(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    if deployment.plan.place.cloud == Cloud::Own && deployment.is_at(Stage::Preflight) {
        next_task(tx, ctx, deployment)?;
        deployment.save(tx, ctx)?;
    }
    Ok(())
}

/// `None`: nothing for a cloud to do; the deployment may have moved on.
fn next_task(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<Option<Task>> {
    if deployment.is_removing() {
        return removal_task(tx, ctx, deployment);
    }
    let overdue = deployment.record.deadline_at.is_some_and(|deadline| deadline <= ctx.now);
    let own = deployment.plan.place.cloud == Cloud::Own;
    let stage = deployment.record.stage;
    match stage {
        Stage::Preflight => {
            if let Some(why) = objection(tx, ctx, deployment)? {
                deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(stage, "license", why))?;
                return Ok(None);
            }
            if own {
                begin_attempt(ctx, deployment);
                deployment.enter(tx, ctx, Stage::BootstrapCalled)?;
                deployment.record.next_at = deployment.record.deadline_at;
                return Ok(None);
            }
            give_up_if(tx, ctx, deployment, overdue, Task::Preflight)
        }
        Stage::Accepted => {
            if overdue {
                fail_overdue(tx, ctx, deployment)?;
                return Ok(None);
            }
            order_task(tx, ctx, deployment)
        }
        Stage::ServerCreated => match deployment.accepted()? {
            Some(accepted) => give_up_if(tx, ctx, deployment, overdue, Task::Follow(accepted)),
            None => {
                deployment.enter(tx, ctx, Stage::Accepted)?;
                deployment.look_again(ctx.now, 0);
                Ok(None)
            }
        },
        _ => match server_id(deployment)?.filter(|_| !own) {
            Some(server) => Ok(Some(Task::Watch { server, overdue })),
            None if overdue => {
                fail_overdue(tx, ctx, deployment)?;
                Ok(None)
            }
            None => {
                deployment.record.next_at = deployment.record.deadline_at;
                Ok(None)
            }
        },
    }
}

/// Orders the server, or looks what an earlier order of the same attempt has made: it is sent again only when that can no
/// longer become visible, because not every cloud knows an attempt when it sees it again.
fn order_task(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<Option<Task>> {
    let stage = deployment.record.stage;
    let look_first = deployment.record.sent;
    if !look_first {
        if let Some(why) = objection(tx, ctx, deployment)? {
            deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(stage, "license", why))?;
            return Ok(None);
        }
        let servers = tx.resources_of(deployment.record.id)?;
        if servers.iter().any(|it| it.kind == ResourceKind::Server && it.removed_at.is_none()) {
            let why = "a server of an earlier order is left and paid for: remove this deployment, then begin a new one";
            deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(stage, "leftover", why))?;
            return Ok(None);
        }
    }
    let token = begin_attempt(ctx, deployment);
    if look_first && may_show_up(ctx, deployment) {
        return Ok(Some(Task::Find(Attempt { token })));
    }
    // From here on the order may be at the cloud, whatever happens to this process.
    deployment.record.sent = true;
    deployment.record.attempt_at = Some(ctx.now);
    Ok(Some(Task::Order { attempt: Attempt { token }, look_first }))
}

/// The license may have ended, or its last seat been taken, since the deployment was asked for.
fn objection(tx: &mut Tx, ctx: Context, deployment: &Deployment) -> Done<Option<String>> {
    let Some(license) = tx.license_find(deployment.record.license_id)? else {
        return Ok(Some("the license does not exist".to_owned()));
    };
    if let Some(reason) = refusal(ctx, &license) {
        return Ok(Some(in_words(reason)));
    }
    let free = start::has_seat(tx, ctx, &license, Some(deployment.record.id))?;
    Ok((!free).then(|| in_words(Reason::MachineLimit)))
}

fn give_up_if(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, overdue: bool, task: Task) -> Done<Option<Task>> {
    if overdue {
        fail_overdue(tx, ctx, deployment)?;
        return Ok(None);
    }
    Ok(Some(task))
}

fn fail_overdue(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    let stage = deployment.record.stage;
    let minutes = deployment.plan.allowed(stage).as_mins();
    let what = match stage {
        Stage::BootstrapCalled => {
            "the server started but its bootstrap never called: does its network let it reach this service, \
                                   and does its security group let it reach 169.254.169.254 port 80?"
        }
        _ => "the stage did not end in time",
    };
    let obstacle = Obstacle::new(stage, "deadline", format!("{what} (limit: {minutes} minutes)"));
    deployment.stop(tx, ctx, Status::Failed, &obstacle)
}

fn begin_attempt(ctx: Context, deployment: &mut Deployment) -> String {
    let record = &mut deployment.record;
    match &record.attempt {
        Some(token) => token.clone(),
        None => {
            let token = new_token(ctx.now, ctx.entropy);
            record.attempt = Some(token.clone());
            record.attempt_at = Some(ctx.now);
            record.sent = false;
            record.machine_key = None;
            record.sequence = 0;
            record.again = false;
            token
        }
    }
}

/// Clouds want a UUID; ours are version 7.
fn new_token(now: Time, entropy: &dyn Entropy) -> String {
    crate::base::ids::uuid_v7(now, entropy.bytes()).to_string()
}

fn server_id(deployment: &Deployment) -> Done<Option<String>> {
    Ok(deployment.accepted()?.and_then(|accepted| accepted.server))
}

fn removal_task(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<Option<Task>> {
    if deployment.plan.place.cloud == Cloud::Own {
        finish_removal(tx, ctx, deployment)?;
        return Ok(None);
    }
    if deployment.record.deadline_at.is_some_and(|deadline| deadline <= ctx.now) {
        let why = "not everything could be removed in time: look at the inventory, and at the cloud's console";
        deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(deployment.record.stage, "deadline", why))?;
        return Ok(None);
    }
    if let Some(removal) = deployment.removal()? {
        return Ok(Some(Task::FollowRemoval(removal)));
    }
    match (deployment.accepted()?, deployment.record.attempt.clone()) {
        (Some(accepted), _) if accepted.server.is_none() => return Ok(Some(Task::Follow(accepted))),
        (None, Some(token)) if deployment.record.sent => return Ok(Some(Task::Find(Attempt { token }))),
        _ => {}
    }
    let left: Vec<Resource> = tx
        .resources_of(deployment.record.id)?
        .into_iter()
        // Servers also when they count as gone: a cloud that lost sight of one for a moment would bill it for ever, and to
        // remove what is not there does no harm.
        .filter(|it| it.removed_at.is_none() || it.kind == ResourceKind::Server)
        .map(|it| Resource { kind: it.kind, id: it.provider_id, name: it.name })
        .collect();
    if left.is_empty() {
        finish_removal(tx, ctx, deployment)?;
        return Ok(None);
    }
    Ok(Some(Task::Remove(left)))
}

fn finish_removal(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    let record = &deployment.record;
    tx.resources_removed(record.id, &[], ctx.now)?;
    if let Some(seat) = record.activation_id {
        activation::free(tx, ctx, record.license_id, seat)?;
    }
    let own = deployment.plan.place.cloud == Cloud::Own;
    let what = if own {
        "the deployment is removed here; the software on the server stops with its lease"
    } else {
        "everything that the deployment made is removed"
    };
    deployment.say(tx, ctx, LineSource::Signet, what)?;
    deployment.tell(tx, ctx, "deployment_removed", json!({ "deployment": deployment.record.id }))?;
    deployment.record.password = None;
    deployment.settle(ctx, Status::Removed);
    Ok(())
}

/// Writes down what came of a task. What is known of the cloud is kept in any case; the deployment moves on only if
/// nobody asked for something else meanwhile.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx, ctx: Context, work: &Work, event: &Event) -> Done<()> {
    let id = work.deployment.record.id;
    let Some(mut deployment) = Deployment::load(tx, id)? else { return Ok(()) };
    if deployment.record.attempt != work.deployment.record.attempt {
        // Another worker took over while this one slept: what it learned of an earlier order changes nothing any more.
        return Ok(());
    }
    keep_facts(tx, ctx, &mut deployment, event)?;
    if deployment.is_deploying() {
        go_on(tx, ctx, &mut deployment, event)?;
    } else if deployment.is_removing() {
        go_on_removing(tx, ctx, &mut deployment, event)?;
    }
    deployment.save(tx, ctx)
}

fn keep_facts(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
    let id = deployment.record.id;
    let server = |id: &str| Resource { kind: ResourceKind::Server, id: id.to_owned(), name: None };
    match event {
        Event::Checked(identity) => {
            deployment.plan.account = Some(identity.account.clone());
            deployment.record.plan = json!(deployment.plan);
        }
        Event::Accepted(accepted) => {
            deployment.record.accepted = Some(json!(accepted).to_string());
            if let Some(known) = &accepted.server {
                tx.resources_seen(id, &[server(known)], ctx.now)?;
            }
        }
        Event::Pending(Some(known)) => remember_server(tx, ctx, deployment, known)?,
        Event::Created(made) => {
            remember_server(tx, ctx, deployment, &made.id)?;
            tx.resources_seen(id, &made.resources, ctx.now)?;
            deployment.record.address = made.public_ip.clone().or_else(|| made.private_ip.clone());
            deployment.record.password = None;
        }
        // An order can become visible late: as long as it may, it counts as sent.
        Event::NothingFound => deployment.record.sent = may_show_up(ctx, deployment),
        // Another worker, that was told otherwise, was faster.
        Event::Refused(_) if deployment.record.accepted.is_some() => {}
        Event::Refused(error) => {
            deployment.record.sent = false;
            if !error.trouble.passes() && !error.trouble.wants_credentials() {
                deployment.record.attempt = None;
            }
        }
        Event::NotMade { error, left } => {
            tx.resources_seen(id, left, ctx.now)?;
            // What the cloud rolled back is not there any more; where it says that it could not, all may be.
            if error.trouble != Trouble::Leftover {
                tx.resources_removed(id, left, ctx.now)?;
            }
            deployment.record.accepted = None;
            deployment.record.attempt = None;
            deployment.record.sent = false;
        }
        Event::Vanished => server_gone(tx, ctx, id)?,
        Event::RemovalDone => tx.resources_removed(id, &[], ctx.now)?,
        Event::RemovalBegun(removal) => deployment.record.removal = Some(json!(removal).to_string()),
        Event::RemovalFailed { left, .. } => {
            deployment.record.removal = None;
            if !left.is_empty() {
                tx.resources_seen(id, left, ctx.now)?;
                tx.resources_removed(id, left, ctx.now)?;
            }
        }
        Event::Failed(_) | Event::Pending(None) | Event::Alive | Event::Overdue(_) | Event::RemovalPending => {}
    }
    Ok(())
}

/// Only the server is known to be gone: its disks and addresses may be there, and paid for, until they are removed.
fn server_gone(tx: &mut Tx, ctx: Context, id: DeploymentId) -> Done<()> {
    let left: Vec<Resource> = tx
        .resources_of(id)?
        .into_iter()
        .filter(|it| it.kind != ResourceKind::Server)
        .map(|it| Resource { kind: it.kind, id: it.provider_id, name: it.name })
        .collect();
    Ok(tx.resources_removed(id, &left, ctx.now)?)
}

/// Whether an order whose answer was lost may still become visible.
fn may_show_up(ctx: Context, deployment: &Deployment) -> bool {
    deployment.record.attempt_at.is_some_and(|sent_at| ctx.now.since(sent_at) < LOST)
}

fn remember_server(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, server: &str) -> Done<()> {
    let known = deployment.accepted()?.unwrap_or(Accepted { job: None, server: None });
    if known.server.as_deref() == Some(server) {
        return Ok(());
    }
    let accepted = Accepted { server: Some(server.to_owned()), ..known };
    deployment.record.accepted = Some(json!(accepted).to_string());
    let resource = Resource { kind: ResourceKind::Server, id: server.to_owned(), name: None };
    Ok(tx.resources_seen(deployment.record.id, &[resource], ctx.now)?)
}

fn go_on(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
    match event {
        Event::Checked(identity) if deployment.is_at(Stage::Preflight) => {
            deployment.say(tx, ctx, LineSource::Signet, &format!("all checks passed; account {}", identity.account))?;
            deployment.enter(tx, ctx, Stage::Accepted)?;
            deployment.look_again(ctx.now, 0);
        }
        Event::Accepted(accepted) if deployment.is_at(Stage::Accepted) => {
            let job = accepted.job.as_deref().or(accepted.server.as_deref()).unwrap_or("no id yet");
            deployment.say(tx, ctx, LineSource::Signet, &format!("the cloud accepted the order ({job})"))?;
            deployment.enter(tx, ctx, Stage::ServerCreated)?;
            deployment.look_again(ctx.now, 2);
        }
        Event::Created(server) if deployment.is_at(Stage::ServerCreated) => {
            let address = deployment.record.address.as_deref().unwrap_or("no address");
            deployment.say(tx, ctx, LineSource::Signet, &format!("the server {} runs at {address}", server.id))?;
            // Fast machines call before the cloud says that they run.
            let next =
                if deployment.record.machine_key.is_some() { Stage::Downloading } else { Stage::BootstrapCalled };
            deployment.enter(tx, ctx, next)?;
            deployment.look_again(ctx.now, WATCH);
            if said_healthy(tx, deployment)? {
                machine::finish(tx, ctx, deployment)?;
            }
        }
        Event::Vanished => {
            let obstacle = Obstacle::new(deployment.record.stage, "not_found", "the server is no longer at the cloud");
            deployment.stop(tx, ctx, Status::Gone, &obstacle)?;
        }
        Event::Overdue(console) => {
            let (id, stage) = (deployment.record.id, deployment.record.stage);
            super::log::add(tx, ctx, id, stage, LineSource::Cloud, super::log::clean(console))?;
            fail_overdue(tx, ctx, deployment)?;
        }
        Event::Failed(error) if error.trouble.wants_credentials() && deployment.record.stage.is_on_the_machine() => {
            let what = "the cloud takes the credentials no more: the machine works on, nobody looks after its server";
            deployment.say(tx, ctx, LineSource::Signet, what)?;
            deployment.record.next_at = deployment.record.deadline_at;
        }
        Event::Failed(error) | Event::Refused(error) | Event::NotMade { error, .. } => {
            fail(tx, ctx, deployment, error)?;
        }
        Event::NothingFound => deployment.look_again(ctx.now, PAUSE),
        Event::Alive => deployment.look_again(ctx.now, WATCH),
        _ => deployment.look_again(ctx.now, POLL),
    }
    Ok(())
}

/// Whether the machine of this attempt was done before the cloud said that it runs.
fn said_healthy(tx: &mut Tx, deployment: &Deployment) -> Done<bool> {
    let begun = deployment.record.attempt_at;
    let stages = tx.stages_of(deployment.record.id)?;
    let healthy = stages.iter().find(|it| it.stage == Stage::Healthy).and_then(|it| it.ended_at);
    Ok(deployment.record.machine_key.is_some() && healthy.is_some_and(|at| begun.is_some_and(|begun| at >= begun)))
}

fn go_on_removing(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
    match event {
        Event::RemovalDone => finish_removal(tx, ctx, deployment)?,
        Event::NothingFound if deployment.record.sent => deployment.look_again(ctx.now, PAUSE),
        Event::RemovalBegun(_) | Event::RemovalPending | Event::Pending(None) => deployment.look_again(ctx.now, POLL),
        Event::Failed(error) | Event::RemovalFailed { error, .. } => fail(tx, ctx, deployment, error)?,
        _ => deployment.look_again(ctx.now, 0),
    }
    Ok(())
}

/// Tries again by itself what passes, waits for credentials where others would help, stops otherwise.
fn fail(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, error: &CloudError) -> Done<()> {
    let obstacle = Obstacle::cloud(deployment.record.stage, error);
    if error.trouble.passes() || error.trouble == Trouble::Unknown {
        deployment.say(tx, ctx, LineSource::Signet, &format!("{obstacle}; tried again by itself"))?;
        deployment.look_again(ctx.now, PAUSE);
        return Ok(());
    }
    // What was asked for cannot be followed any more; asked again, it is a removal of its own.
    deployment.record.removal = None;
    let status = if error.trouble.wants_credentials() { Status::NeedsCredentials } else { Status::Failed };
    deployment.stop(tx, ctx, status, &obstacle)
}
