//! The course of a deployment: to its next stage, to another try, or to a stop with the reason.

use serde_json::json;

use crate::{
    base::text::Wording,
    provision::{
        plan::Cloud,
        provider::{CloudError, Trouble},
        run::{LineSource, Stage, Status},
    },
    store::Tx,
};

use super::{
    super::{
        super::{Context, Done, activation},
        Deployment, Obstacle, log, report,
    },
    Event, drift,
    facts::is_lost,
};

/// Seconds between two looks at an order under way.
pub(super) const POLL: i64 = 6;
/// Seconds between two looks at a server whose machine works.
const WATCH: i64 = 30;
/// Seconds until something that passes is tried again.
pub(super) const PAUSE: i64 = 15;

pub(super) fn go_on(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
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
                report::finish(tx, ctx, deployment)?;
            }
        }
        Event::Vanished => {
            if drift::absent(tx, ctx, deployment)? {
                drift::gone(tx, ctx, deployment)?;
            }
        }
        Event::Overdue(console) => {
            let (id, stage) = (deployment.record.id, deployment.record.stage);
            log::add(tx, ctx, id, stage, LineSource::Cloud, log::clean(console))?;
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
        Event::Alive => {
            deployment.record.absences = 0;
            deployment.look_again(ctx.now, WATCH);
        }
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

pub(super) fn go_on_removing(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
    match event {
        Event::RemovalDone => finish_removal(tx, ctx, deployment)?,
        Event::NothingFound if deployment.record.sent => deployment.look_again(ctx.now, PAUSE),
        Event::Pending(Some(_)) => deployment.look_again(ctx.now, PAUSE),
        Event::RemovalBegun(_) | Event::RemovalPending | Event::Pending(None) => deployment.look_again(ctx.now, POLL),
        Event::Failed(error) | Event::RemovalFailed { error, .. } => fail(tx, ctx, deployment, error)?,
        // To say that all is removed would be a guess that somebody pays for.
        Event::NotMade { error, left } if is_lost(error, left) => fail(tx, ctx, deployment, error)?,
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

pub(super) fn fail_overdue(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
    let stage = deployment.record.stage;
    let minutes = deployment.plan.allowed(stage).as_mins();
    let (zh, en) = match stage {
        Stage::BootstrapCalled => (
            "服务器已启动，但启动脚本一直没有报到：它的网络能访问本服务吗？它的安全组允许访问 169.254.169.254 的 80 端口吗？",
            "the server started but its bootstrap never called: does its network let it reach this service, and does its \
             security group let it reach 169.254.169.254 port 80?",
        ),
        _ => ("这一步没有按时完成", "the stage did not end in time"),
    };
    let why = Wording::both(format!("{zh}（上限 {minutes} 分钟）"), format!("{en} (limit: {minutes} minutes)"));
    let obstacle = Obstacle::new(stage, "deadline", why);
    deployment.stop(tx, ctx, Status::Failed, &obstacle)
}

pub(super) fn finish_removal(tx: &mut Tx, ctx: Context, deployment: &mut Deployment) -> Done<()> {
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
