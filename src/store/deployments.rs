//! Deployments: how each stands, and when somebody must look at it.

use diesel::prelude::*;
use serde_json::Value;

use super::{Tx, conn::each, error::StoreError, schema::deployments, types::Json};
use crate::{
    base::{
        ids::{ActivationId, DeploymentId, LicenseId},
        slug::Slug,
        time::Time,
    },
    provision::run::{Goal, Stage, Status},
};

/// A deployment that a worker must look at.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = deployments)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct DueDeployment {
    /// Its id.
    pub id: DeploymentId,
    /// The license.
    pub license_id: LicenseId,
    /// Since when.
    pub next_at: Option<Time>,
    /// What the customer chose, without secrets.
    #[diesel(deserialize_as = Json)]
    pub plan: Value,
}

/// One run of a recipe on a customer's server.
#[derive(Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = deployments, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct DeploymentRecord {
    /// Its id; sorts by when it was asked for.
    pub id: DeploymentId,
    /// The license.
    pub license_id: LicenseId,
    /// The license's product.
    pub product: Slug,
    /// Which cloud, or `own` for a server that exists.
    pub provider: String,
    /// What it is to come to.
    pub goal: Goal,
    /// How it stands.
    pub status: Status,
    /// What is worked on, or was last.
    pub stage: Stage,
    /// What the customer chose, without secrets.
    #[diesel(serialize_as = Json, deserialize_as = Json)]
    pub plan: Value,
    /// Client token of the order, written down before it is sent.
    pub attempt: Option<String>,
    /// When the attempt began: the machine's token lives from here.
    pub attempt_at: Option<Time>,
    /// Whether the order may have been sent.
    pub sent: bool,
    /// What the cloud answered to the order, JSON.
    pub accepted: Option<String>,
    /// What the cloud answered to the removal, JSON.
    pub removal: Option<String>,
    /// The server's address.
    pub address: Option<String>,
    /// The customer's credentials, sealed; forgotten as soon as nothing is done with them.
    pub credentials: Option<Vec<u8>>,
    /// The hash of the server's password, sealed; forgotten once the server is there.
    pub password: Option<Vec<u8>>,
    /// Why it does not go on, JSON.
    pub trouble: Option<String>,
    /// SHA-256 of the key that the machine made for itself.
    pub machine_key: Option<Vec<u8>>,
    /// Whether somebody else than the machine used, or tried to use, its token.
    pub suspect: bool,
    /// Whether the machine is to start over.
    pub again: bool,
    /// Number of the machine's last report.
    pub sequence: i64,
    /// The seat that the machine took.
    pub activation_id: Option<ActivationId>,
    /// When a worker looks at it; `None`: not unless somebody asks for something.
    pub next_at: Option<Time>,
    /// When the stage must have ended.
    pub deadline_at: Option<Time>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it changed last.
    pub updated_at: Time,
    /// When it settled.
    pub ended_at: Option<Time>,
    /// Rises with every change.
    pub version: i64,
    /// The claim that is held, while a worker is on it.
    pub worker: Option<String>,
    /// Answers of the cloud in a row that knew no such server.
    pub absences: i64,
    /// What the last look that somebody asked for found, JSON.
    pub sighting: Option<String>,
    /// How it stood before it counted as gone, JSON.
    pub before_gone: Option<String>,
}

/// Without what is sealed.
impl std::fmt::Debug for DeploymentRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeploymentRecord")
            .field("id", &self.id)
            .field("goal", &self.goal)
            .field("status", &self.status)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl Tx {
    /// Adds a deployment.
    pub fn deployment_insert(&mut self, deployment: &DeploymentRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(deployments::table).values(deployment.clone()).execute(c))?;
        Ok(())
    }

    /// Writes everything of a deployment anew, with a version of one more, unless it changed since it was read; then
    /// `false`.
    pub fn deployment_update(&mut self, after: &DeploymentRecord) -> Result<bool, StoreError> {
        let next = DeploymentRecord { version: after.version + 1, ..after.clone() };
        let count = each!(self, c => diesel::update(
                deployments::table.filter(deployments::id.eq(after.id)).filter(deployments::version.eq(after.version)))
            .set(next.clone())
            .execute(c))?;
        Ok(count == 1)
    }

    /// The deployment with this id.
    pub fn deployment_find(&mut self, id: DeploymentId) -> Result<Option<DeploymentRecord>, StoreError> {
        each!(self, c => deployments::table.find(id).select(DeploymentRecord::as_select()).first(c).optional())
    }

    /// A page of deployments, newest first, after the deployment `after`; `license`: only its own.
    pub fn deployment_page(
        &mut self,
        license: Option<LicenseId>,
        after: Option<DeploymentId>,
        limit: u32,
    ) -> Result<Vec<DeploymentRecord>, StoreError> {
        each!(self, c => {
            let mut query = deployments::table.select(DeploymentRecord::as_select()).into_boxed();
            if let Some(license) = license {
                query = query.filter(deployments::license_id.eq(license));
            }
            if let Some(after) = after {
                query = query.filter(deployments::id.lt(after));
            }
            query.order(deployments::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Deployments of a license that are not removed.
    pub fn deployment_open(&mut self, license: LicenseId) -> Result<u32, StoreError> {
        let count: i64 = each!(self, c => deployments::table
            .filter(deployments::license_id.eq(license))
            .filter(deployments::status.ne(Status::Removed))
            .count()
            .get_result(c))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Deployments of a license, beside `except`, that are about to take a seat.
    pub fn deployment_coming(&mut self, license: LicenseId, except: Option<DeploymentId>) -> Result<u32, StoreError> {
        let count: i64 = each!(self, c => {
            let mut query = deployments::table
                .filter(deployments::license_id.eq(license))
                .filter(deployments::goal.eq(Goal::Deploy))
                .filter(deployments::activation_id.is_null())
                .filter(deployments::status.eq_any([Status::Running, Status::NeedsCredentials]))
                .count()
                .into_boxed();
            if let Some(except) = except {
                query = query.filter(deployments::id.ne(except));
            }
            query.get_result(c)
        })?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Forgets what is sealed in deployments that came to rest before `before`.
    pub fn deployment_forget_secrets(&mut self, before: Time) -> Result<usize, StoreError> {
        each!(self, c => diesel::update(deployments::table
                .filter(deployments::ended_at.lt(before))
                .filter(deployments::next_at.is_null())
                .filter(deployments::password.is_not_null().or(deployments::credentials.is_not_null())))
            .set((
                deployments::password.eq(None::<Vec<u8>>),
                deployments::credentials.eq(None::<Vec<u8>>),
                deployments::version.eq(deployments::version + 1),
            ))
            .execute(c))
    }

    /// Deployments that a worker must look at, those that wait longest first; those behind `after`.
    pub fn deployment_due(
        &mut self,
        now: Time,
        after: Option<&DueDeployment>,
        limit: u32,
    ) -> Result<Vec<DueDeployment>, StoreError> {
        let (time, id) = after.map_or((None, None), |after| (after.next_at, Some(after.id)));
        let first = after.is_none();
        each!(self, c => deployments::table
            .filter(deployments::next_at.le(now))
            .filter(
                first.into_sql::<diesel::sql_types::Bool>()
                    .nullable()
                    .or(deployments::next_at.gt(time))
                    .or(deployments::next_at.eq(time).and(deployments::id.nullable().gt(id))),
            )
            .order((deployments::next_at, deployments::id))
            .limit(super::page_rows(limit))
            .select(DueDeployment::as_select())
            .load(c))
    }

    /// Puts off until `until` that another worker looks at a deployment, and touches nothing else; `false`: the claim
    /// `worker` is not held any more.
    pub fn deployment_extend(&mut self, id: DeploymentId, worker: &str, until: Time) -> Result<bool, StoreError> {
        let count = each!(self, c => diesel::update(
                deployments::table.filter(deployments::id.eq(id)).filter(deployments::worker.eq(worker)))
            .set(deployments::next_at.eq(Some(until)))
            .execute(c))?;
        Ok(count == 1)
    }

    /// Puts off until `until` that anybody looks at a deployment that a worker could not make sense of.
    pub fn deployment_postpone(&mut self, id: DeploymentId, until: Time) -> Result<(), StoreError> {
        each!(self, c => diesel::update(deployments::table.find(id))
            .set(deployments::next_at.eq(Some(until)))
            .execute(c))?;
        Ok(())
    }
}
