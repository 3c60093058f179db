//! Drift: servers that are gone behind this service's back, and those that are seen again.
//!
//! A cloud can lose sight of a server for a moment. So one answer never makes a server gone: several in a row do, some
//! seconds apart, each of the account in which it was made. A look that somebody asks for leaves the deployment as it is
//! while it lasts, and its credentials are forgotten with its end.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    provision::{
        provider::{CloudError, Resource, ResourceKind, Server, ServerState, Trouble},
        run::{Goal, LineSource, Status},
    },
    store::Tx,
};

use super::{
    super::{
        super::{Context, Done},
        Deployment, Obstacle, Sighting,
    },
    Event, Task,
    course::{PAUSE, POLL},
};

/// Answers in a row that know no such server, before it counts as gone.
const ABSENCES: i64 = 3;
/// Seconds between two of them.
const APART: i64 = 5;
/// How long a look that somebody asked for may take.
const LOOK: SignedDuration = SignedDuration::from_mins(3);

/// How a deployment stood before its server counted as gone.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    status: Status,
    trouble: Option<Obstacle>,
}

/// Begins a look that somebody asked for.
pub fn begin(ctx: Context, deployment: &mut Deployment) {
    deployment.record.absences = 0;
    deployment.record.deadline_at = Some(ctx.now.saturating_add(LOOK));
    deployment.look_again(ctx.now, 0);
}

/// What is to be asked of the cloud for it.
pub(super) fn task(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<Option<Task>> {
    let overdue = deployment.record.deadline_at.is_none_or(|deadline| deadline <= ctx.now);
    match deployment.server()?.filter(|_| !overdue) {
        Some(server) => Ok(Some(Task::Look(server))),
        None => {
            let why = (
                "云端没有及时说明服务器是否还在",
                "the cloud gave no answer in time that says whether the server is there",
            );
            end_in_vain(tx, ctx, deployment, Obstacle::new(deployment.record.stage, "deadline", why))?;
            Ok(None)
        }
    }
}

/// Ends a look that found out nothing.
pub(super) fn end_in_vain(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, why: Obstacle) -> Done<()> {
    deployment.say(tx, ctx, LineSource::Signet, &format!("looked at the cloud in vain: {why}"))?;
    end(deployment, &Sighting { at: ctx.now, state: None, address: None, obstacle: Some(why) });
    Ok(())
}

fn end(deployment: &mut Deployment, sighting: &Sighting) {
    deployment.record.sighting = Some(json!(sighting).to_string());
    deployment.rest();
}

/// What comes of an answer to such a look.
pub(super) fn go_on(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
    match event {
        Event::Seen(server) => seen(tx, ctx, deployment, server),
        Event::Vanished if absent(tx, ctx, deployment)? => {
            if deployment.record.goal == Goal::Deploy && deployment.record.status != Status::Gone {
                gone(tx, ctx, deployment)?;
            } else {
                deployment.say(tx, ctx, LineSource::Signet, "looked at the cloud: the server is not there")?;
            }
            end(deployment, &Sighting { at: ctx.now, state: Some(ServerState::Gone), address: None, obstacle: None });
            Ok(())
        }
        Event::Vanished => Ok(()),
        Event::Failed(error) => failed(tx, ctx, deployment, error),
        _ => {
            deployment.look_again(ctx.now, POLL);
            Ok(())
        }
    }
}

fn failed(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, error: &CloudError) -> Done<()> {
    if error.trouble.passes() || error.trouble == Trouble::Unknown {
        deployment.look_again(ctx.now, PAUSE);
        return Ok(());
    }
    end_in_vain(tx, ctx, deployment, Obstacle::cloud(deployment.record.stage, error))
}

fn seen(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, server: &Server) -> Done<()> {
    let address = server.public_ip.clone().or_else(|| server.private_ip.clone());
    let at = address.as_ref().map(|it| format!(" at {it}")).unwrap_or_default();
    let with: Vec<String> = server
        .resources
        .iter()
        .filter(|it| it.kind != ResourceKind::Server)
        .map(|it| format!("{} {}", it.kind.as_str(), it.id))
        .collect();
    let with = if with.is_empty() { String::new() } else { format!("; with it: {}", with.join(", ")) };
    let what = format!("looked at the cloud: the server {} is {}{at}{with}", server.id, server.state);
    deployment.say(tx, ctx, LineSource::Signet, &what)?;
    // Only what is in the inventory: a disk that its owner attached later is none of this deployment's.
    tx.resources_returned(deployment.record.id, &server.resources)?;
    if address.is_some() {
        deployment.record.address.clone_from(&address);
    }
    if deployment.record.status == Status::Gone {
        returned(tx, ctx, deployment)?;
    }
    end(deployment, &Sighting { at: ctx.now, state: Some(server.state), address, obstacle: None });
    Ok(())
}

/// One more answer that knows no such server; whether it counts as gone now. Until then the next look is set, also past
/// a deadline.
pub(super) fn absent(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<bool> {
    deployment.record.absences += 1;
    if deployment.record.absences < ABSENCES {
        deployment.record.next_at = Some(ctx.now.saturating_add(SignedDuration::from_secs(APART)));
        return Ok(false);
    }
    // Only the server is known to be gone: its disks and addresses may be there, and paid for, until they are removed.
    let id = deployment.record.id;
    let left: Vec<Resource> = tx
        .resources_of(id)?
        .into_iter()
        .filter(|it| it.kind != ResourceKind::Server)
        .map(|it| Resource { kind: it.kind, id: it.provider_id, name: it.name })
        .collect();
    tx.resources_removed(id, &left, ctx.now)?;
    Ok(true)
}

/// The server is gone, and this service did not remove it.
pub(super) fn gone(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    let stage = deployment.record.stage;
    let before = match deployment.record.status {
        // Nobody looked after it meanwhile: somebody must say that it is to go on.
        Status::Running => {
            let why = (
                "云端有一段时间找不到这台服务器，现在又出现了：请点击“继续”",
                "the cloud lost sight of the server for a while, and shows it again: resume",
            );
            Before { status: Status::Failed, trouble: Some(Obstacle::new(stage, "not_found", why)) }
        }
        status => Before { status, trouble: deployment.obstacle()? },
    };
    deployment.record.password = None;
    deployment.record.before_gone = Some(json!(before).to_string());
    let obstacle = Obstacle::new(stage, "not_found", ("云端已没有这台服务器", "the server is no longer at the cloud"));
    deployment.stop(tx, ctx, Status::Gone, &obstacle)
}

/// The server is there after all: the deployment becomes what it was.
fn returned(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    let before: Before = deployment
        .read(deployment.record.before_gone.as_deref())?
        .unwrap_or(Before { status: Status::Failed, trouble: deployment.obstacle()? });
    let what = format!("the server is there again: the deployment is {} as before", before.status);
    deployment.say(tx, ctx, LineSource::Signet, &what)?;
    deployment.record.status = before.status;
    deployment.record.trouble = before.trouble.map(|it| json!(it).to_string());
    deployment.record.before_gone = None;
    let detail = json!({ "deployment": deployment.record.id, "status": before.status });
    deployment.tell(tx, ctx, "deployment_returned", detail)
}
