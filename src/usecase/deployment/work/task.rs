//! What is to be done next for a deployment, decided from its row alone.

use crate::{
    base::{entropy::Entropy, text::Wording, time::Time},
    license::activation::Reason,
    provision::{
        plan::Cloud,
        provider::{Attempt, Resource, ResourceKind, clouds::Clouds},
        run::{Stage, Status},
    },
    store::Tx,
};

use super::{
    super::{
        super::{Context, Done},
        Deployment, Obstacle,
        model::refusal,
        start, words,
    },
    Task,
    course::{fail_overdue, finish_removal},
    drift,
    facts::may_show_up,
};

/// `None`: nothing for a cloud to do; the deployment may have moved on.
pub(super) fn next(tx: &mut Tx, ctx: Context, clouds: &Clouds, deployment: &mut Deployment) -> Done<Option<Task>> {
    if deployment.is_removing() {
        return removal_task(tx, ctx, deployment);
    }
    if deployment.is_checking() {
        return drift::task(tx, ctx, deployment);
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
            // A worker that had slept knew it: the order was accepted.
            if let Some(accepted) = deployment.accepted()? {
                deployment.enter(tx, ctx, Stage::ServerCreated)?;
                return Ok(Some(Task::Follow(accepted)));
            }
            if overdue {
                fail_overdue(tx, ctx, deployment)?;
                return Ok(None);
            }
            order_task(tx, ctx, clouds, deployment)
        }
        Stage::ServerCreated => match deployment.accepted()? {
            Some(accepted) => give_up_if(tx, ctx, deployment, overdue, Task::Follow(accepted)),
            None => {
                deployment.enter(tx, ctx, Stage::Accepted)?;
                deployment.look_again(ctx.now, 0);
                Ok(None)
            }
        },
        _ => match deployment.server()?.filter(|_| !own) {
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

/// Orders the server, or looks what an earlier order of the same attempt has made. Where a cloud is not known to know an
/// attempt when it sees it again, it is sent again only when what was made can no longer become visible.
fn order_task(tx: &mut Tx, ctx: Context, clouds: &Clouds, deployment: &mut Deployment) -> Done<Option<Task>> {
    let stage = deployment.record.stage;
    let look_first = deployment.record.sent;
    if !look_first {
        if let Some(why) = objection(tx, ctx, deployment)? {
            deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(stage, "license", why))?;
            return Ok(None);
        }
        let servers = tx.resources_of(deployment.record.id)?;
        if servers.iter().any(|it| it.kind == ResourceKind::Server && it.removed_at.is_none()) {
            let why = (
                "之前下单创建的服务器仍然存在并计费：请删除这个部署，然后重新部署",
                "a server of an earlier order is left and paid for: remove this deployment, then begin a new one",
            );
            deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(stage, "leftover", why))?;
            return Ok(None);
        }
    }
    let token = begin_attempt(ctx, deployment);
    let undecided = look_first && may_show_up(ctx, deployment);
    if undecided && !clouds.is_idempotent(&deployment.plan.place) {
        return Ok(Some(Task::Find(Attempt { token })));
    }
    let password = deployment.plan.server.as_ref().is_some_and(|it| it.password);
    if password && deployment.record.password.is_none() {
        let why = (
            "为了安全，服务器密码已被删除：请删除这个部署，然后重新部署",
            "the server's password was forgotten, to be safe: remove this deployment, then begin a new one",
        );
        deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(stage, "password", why))?;
        return Ok(None);
    }
    // From here on the order may be at the cloud, whatever happens to this process.
    deployment.record.sent = true;
    deployment.record.attempt_at = Some(ctx.now);
    Ok(Some(Task::Order { attempt: Attempt { token }, look_first, undecided }))
}

/// The license may have ended, or its last seat been taken, since the deployment was asked for.
fn objection(tx: &mut Tx, ctx: Context, deployment: &Deployment) -> Done<Option<Wording>> {
    let Some(license) = tx.license_find(deployment.record.license_id)? else {
        return Ok(Some(Wording::both("许可证不存在", "the license does not exist")));
    };
    if let Some(reason) = refusal(ctx, &license) {
        return Ok(Some(words::license(reason)));
    }
    let free = start::has_seat(tx, ctx, &license, Some(deployment.record.id))?;
    Ok((!free).then(|| words::license(Reason::MachineLimit)))
}

fn give_up_if(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, overdue: bool, task: Task) -> Done<Option<Task>> {
    if overdue {
        fail_overdue(tx, ctx, deployment)?;
        return Ok(None);
    }
    Ok(Some(task))
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

/// Whether the cloud has shown the server with what belongs to it.
fn was_seen(tx: &mut Tx, deployment: &Deployment) -> Done<bool> {
    let known = tx.resources_of(deployment.record.id)?;
    Ok(deployment.record.address.is_some() || known.iter().any(|it| it.kind != ResourceKind::Server))
}

fn removal_task(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<Option<Task>> {
    if deployment.plan.place.cloud == Cloud::Own {
        finish_removal(tx, ctx, deployment)?;
        return Ok(None);
    }
    if deployment.record.deadline_at.is_some_and(|deadline| deadline <= ctx.now) {
        let why = (
            "没有在规定时间内全部删除：请查看资源清单和云控制台",
            "not everything could be removed in time: look at the inventory, and at the cloud's console",
        );
        deployment.stop(tx, ctx, Status::Failed, &Obstacle::new(deployment.record.stage, "deadline", why))?;
        return Ok(None);
    }
    if let Some(removal) = deployment.removal()? {
        return Ok(Some(Task::FollowRemoval(removal)));
    }
    match (deployment.accepted()?, deployment.record.attempt.clone()) {
        (Some(accepted), _) if accepted.server.is_none() => return Ok(Some(Task::Follow(accepted))),
        // A cloud that does not show the server yet would say that it is gone, and of one that was never seen nobody knows
        // what belongs to it.
        (Some(accepted), _) if may_show_up(ctx, deployment) && !was_seen(tx, deployment)? => {
            return Ok(Some(Task::Follow(accepted)));
        }
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
