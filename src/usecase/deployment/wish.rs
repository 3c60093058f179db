//! What people ask of a deployment that exists: resume, keep, remove, check.

use serde_json::json;

use crate::{
    base::ids::{DeploymentId, LicenseId},
    provision::{
        provider::Entry,
        run::{Goal, LineSource, NotNow, Stage, Status, Wish},
    },
    store::Tx,
};

use super::{
    super::{Context, Done},
    Deployment, Obstacle, secrets, work,
};

/// Carries out `wish` on a deployment of `license` (`None`: of any). Where it needs credentials that nobody has (any
/// more), the deployment waits for them. `None`: there is no such deployment.
///
/// # Errors
/// The database's.
pub fn wish(
    tx: &mut Tx,
    ctx: Context,
    license: Option<LicenseId>,
    id: DeploymentId,
    wish: Wish,
    credentials: Option<&Entry>,
) -> Done<Option<Result<Deployment, NotNow>>> {
    let Some(mut deployment) = find(tx, license, id)? else { return Ok(None) };
    if credentials.is_some_and(|entry| deployment.plan.place.refuses(entry)) {
        return Ok(Some(Err(NotNow::SessionTokens)));
    }
    let before = deployment.position();
    let after = match before.after(wish) {
        Ok(after) => after,
        Err(refused) => return Ok(Some(Err(refused))),
    };
    if wish == Wish::Check {
        return Ok(Some(look(tx, ctx, deployment, credentials)?));
    }
    if let Some(credentials) = credentials.filter(|_| after.status == Status::Running) {
        deployment.record.credentials = Some(secrets::seal_entry(ctx, id, credentials));
    }
    if after == before {
        // Granted already: what is under way goes on, with the new credentials if there are some.
        if credentials.is_some() {
            deployment.save(tx, ctx)?;
        }
        return Ok(Some(Ok(deployment)));
    }
    deployment.say(tx, ctx, LineSource::Signet, &format!("asked to {wish}"))?;
    (deployment.record.goal, deployment.record.status) = (after.goal, after.status);
    if after.status == Status::Running {
        deployment.record.ended_at = None;
        deployment.record.trouble = None;
        deployment.record.absences = 0;
        deployment.record.before_gone = None;
        go_on(tx, ctx, &mut deployment, before.goal)?;
    } else if after != before {
        deployment.settle(ctx, after.status);
    }
    deployment.tell(tx, ctx, "deployment_asked", json!({ "deployment": id, "wish": wish.as_str() }))?;
    deployment.save(tx, ctx)?;
    Ok(Some(Ok(deployment)))
}

/// Begins a look at the cloud, or gives one that is under way other credentials.
fn look(
    tx: &mut Tx,
    ctx: Context,
    mut deployment: Deployment,
    credentials: Option<&Entry>,
) -> Done<Result<Deployment, NotNow>> {
    if !deployment.plan.place.cloud.makes_servers() || deployment.server()?.is_none() {
        return Ok(Err(NotNow::NoServer));
    }
    match credentials {
        Some(given) => {
            deployment.record.credentials = Some(secrets::seal_entry(ctx, deployment.record.id, given));
        }
        None if deployment.is_checking() => return Ok(Ok(deployment)),
        None => return Ok(Err(NotNow::Credentials)),
    }
    if !deployment.is_checking() {
        deployment.say(tx, ctx, LineSource::Signet, "asked to check whether the server is still there")?;
        let detail = json!({ "deployment": deployment.record.id, "wish": Wish::Check.as_str() });
        deployment.tell(tx, ctx, "deployment_asked", detail)?;
        work::drift::begin(ctx, &mut deployment);
    }
    deployment.save(tx, ctx)?;
    Ok(Ok(deployment))
}

/// The deployment, when it is one of `license`.
///
/// # Errors
/// The database's.
pub fn find(tx: &mut Tx, license: Option<LicenseId>, id: DeploymentId) -> Done<Option<Deployment>> {
    let found = Deployment::load(tx, id)?;
    Ok(found.filter(|it| license.is_none_or(|license| it.record.license_id == license)))
}

fn go_on(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, was: Goal) -> Done<()> {
    let removes = deployment.record.goal == Goal::Remove;
    if needs_credentials(tx, deployment)? && deployment.record.credentials.is_none() {
        let why = if removes {
            (
                "删除所创建的资源需要云凭证：之前的已被删除",
                "credentials are needed to remove what was made: the earlier ones were forgotten",
            )
        } else {
            ("继续需要云凭证：之前的已被删除", "credentials are needed to go on: the earlier ones were forgotten")
        };
        let obstacle = Obstacle::new(deployment.record.stage, "expired", why);
        return deployment.stop(tx, ctx, Status::NeedsCredentials, &obstacle);
    }
    if removes {
        if was == Goal::Deploy {
            deployment.record.removal = None;
        }
        deployment.record.deadline_at = Some(ctx.now.saturating_add(work::REMOVAL));
    } else {
        let stage = deployment.record.stage;
        // A person vouches for the machine: its token and its session hold anew.
        deployment.record.attempt_at = deployment.record.attempt_at.map(|_| ctx.now);
        if stage > Stage::BootstrapCalled && deployment.record.machine_key.is_some() {
            // The machine still polls, or will when somebody starts its script again.
            deployment.record.again = true;
            deployment.enter(tx, ctx, Stage::Downloading)?;
        } else {
            deployment.enter(tx, ctx, stage)?;
        }
    }
    deployment.look_again(ctx.now, 0);
    Ok(())
}

/// Whether a cloud must be asked for what comes next.
fn needs_credentials(tx: &mut Tx, deployment: &Deployment) -> Done<bool> {
    let record = &deployment.record;
    if !deployment.plan.place.cloud.makes_servers() {
        return Ok(false);
    }
    if record.goal == Goal::Deploy {
        return Ok(true);
    }
    let left = tx.resources_of(record.id)?.iter().any(|it| it.removed_at.is_none());
    Ok(left || record.sent || record.accepted.is_some())
}
