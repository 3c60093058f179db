//! What people see of deployments.

use crate::{
    base::{
        ids::{DeploymentId, LicenseId},
        limits,
        secret::SecretString,
        time::Time,
    },
    license::activation::Reason,
    provision::{
        cleanup,
        run::{Goal, Status},
    },
    store::{LineRecord, ResourceRecord, StageRecord, Tx},
};

use super::{
    super::{Context, Done},
    Deployment, Obstacle,
    model::refusal,
    script, wish,
};

/// A deployment with everything about it.
#[derive(Debug)]
pub struct Shown {
    /// The deployment.
    pub deployment: Deployment,
    /// Why it does not go on.
    pub obstacle: Option<Obstacle>,
    /// What to run on a server that exists.
    pub command: Option<SecretString>,
    /// The stages that began.
    pub stages: Vec<StageRecord>,
    /// A page of its log.
    pub lines: Vec<LineRecord>,
    /// What it made.
    pub resources: Vec<ResourceRecord>,
    /// Set when the license does not hold any more.
    pub ended: Option<Ended>,
}

/// The license of software that was deployed does not hold any more: the server stays, the software stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Why the license does not hold.
    pub reason: Reason,
    /// Until when the software may run by the lease it has; `None`: it has none.
    pub runs_until: Option<Time>,
}

impl Shown {
    /// Whether anything is left that is paid for.
    pub fn is_paid_for(&self) -> bool {
        self.resources.iter().any(|it| it.removed_at.is_none())
    }

    /// Whether it is on its way to be removed, or is removed.
    pub fn is_for_removal(&self) -> bool {
        self.deployment.record.goal == Goal::Remove
    }

    /// What removes the deployment on its server by hand; empty: nothing of it is on a server, or it is still being made.
    pub fn clean_up(&self) -> Vec<String> {
        let record = &self.deployment.record;
        let made = self.deployment.plan.place.cloud.makes_servers();
        let on_a_server = match record.status {
            Status::Running | Status::NeedsCredentials => false,
            // With the server goes what is on it.
            Status::Removed | Status::Gone => !made,
            Status::Healthy | Status::Failed | Status::Kept => true,
        };
        if on_a_server && record.machine_key.is_some() { cleanup::commands(&record.product).into() } else { Vec::new() }
    }
}

/// The deployment `id` of `license` (`None`: of any), with the lines after number `after`.
///
/// # Errors
/// The database's.
pub fn one(tx: &mut Tx, ctx: Context, license: Option<LicenseId>, id: DeploymentId, after: i64) -> Done<Option<Shown>> {
    let Some(deployment) = wish::find(tx, license, id)? else { return Ok(None) };
    Ok(Some(Shown {
        obstacle: deployment.obstacle()?,
        command: script::command(ctx, &deployment),
        stages: tx.stages_of(id)?,
        lines: tx.lines_after(id, after, limits::DEPLOYMENT_LINES_PAGE)?,
        resources: tx.resources_of(id)?,
        ended: ended(tx, ctx, &deployment)?,
        deployment,
    }))
}

/// Where a machine has, or may have, software of a license that does not hold any more.
fn ended(tx: &mut Tx, ctx: Context, deployment: &Deployment) -> Done<Option<Ended>> {
    let record = &deployment.record;
    let at_rest = matches!(record.status, Status::Healthy | Status::Failed | Status::Kept);
    if !at_rest || record.machine_key.is_none() {
        return Ok(None);
    }
    let license = tx.license_find(record.license_id)?;
    let Some(reason) = license.and_then(|license| refusal(ctx, &license)) else { return Ok(None) };
    let seat = record.activation_id.map(|seat| tx.activation_find(seat)).transpose()?.flatten();
    Ok(Some(Ended { reason, runs_until: seat.map(|it| it.grace_until) }))
}

/// A page of deployments, newest first.
///
/// # Errors
/// The database's.
pub fn page(tx: &mut Tx, license: Option<LicenseId>, after: Option<DeploymentId>, limit: u32) -> Done<Vec<Deployment>> {
    tx.deployment_page(license, after, limit)?.into_iter().map(Deployment::of).collect()
}

/// What is new of a deployment.
#[derive(Debug)]
pub struct News {
    /// Counts its changes.
    pub version: i64,
    /// Whether nothing more happens by itself.
    pub settled: bool,
    /// Up to [`limits::DEPLOYMENT_LINES_PAGE`] lines after the one that was named.
    pub lines: Vec<LineRecord>,
}

/// What is new of the deployment `id` of `license` after line `after`. Cheap: asked every second by open pages.
///
/// # Errors
/// The database's.
pub fn news(tx: &mut Tx, license: LicenseId, id: DeploymentId, after: i64) -> Done<Option<News>> {
    let Some(record) = tx.deployment_find(id)?.filter(|it| it.license_id == license) else { return Ok(None) };
    Ok(Some(News {
        version: record.version,
        settled: record.status != Status::Running && record.next_at.is_none(),
        lines: tx.lines_after(id, after, limits::DEPLOYMENT_LINES_PAGE)?,
    }))
}

/// Number of the line after which the last page of a deployment's log begins.
///
/// # Errors
/// The database's.
pub fn before_last_page(tx: &mut Tx, id: DeploymentId) -> Done<i64> {
    Ok(tx.lines_last(id)?.saturating_sub(limits::DEPLOYMENT_LINES_PAGE.into()).max(0))
}
