//! What belongs to deployments: their stages, what was said about them, and what they made at a cloud.

use diesel::prelude::*;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{deployment_lines as lines, deployment_resources as resources, deployment_stages as stages, deployments},
};
use crate::{
    base::{ids::DeploymentId, time::Time},
    provision::{
        provider::{Resource, ResourceKind},
        run::{LineSource, Stage},
    },
};

/// A stage that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = stages, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct StageRecord {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The stage.
    pub stage: Stage,
    /// When it began, the last time.
    pub started_at: Time,
    /// When it must have ended.
    pub deadline_at: Time,
    /// When it ended; `None`: it has not.
    pub ended_at: Option<Time>,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = lines, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct LineRecord {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// From 1 on.
    pub number: i64,
    /// When.
    pub at: Time,
    /// In which stage.
    pub stage: Stage,
    /// By whom.
    pub source: LineSource,
    /// The line.
    pub text: String,
}

/// Something at a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = resources, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct ResourceRecord {
    /// The deployment that made it.
    pub deployment_id: DeploymentId,
    /// What it is.
    pub kind: ResourceKind,
    /// The cloud's id.
    pub provider_id: String,
    /// A name or an address, for people.
    pub name: Option<String>,
    /// When it was first known.
    pub seen_at: Time,
    /// When it was removed; `None`: it is paid for.
    pub removed_at: Option<Time>,
}

impl Tx {
    /// Begins a stage, or begins it anew.
    pub fn stage_save(&mut self, stage: &StageRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(stages::table)
            .values(*stage)
            .on_conflict((stages::deployment_id, stages::stage))
            .do_update()
            .set(*stage)
            .execute(c))?;
        Ok(())
    }

    /// Ends a stage.
    pub fn stage_end(&mut self, id: DeploymentId, stage: Stage, at: Time) -> Result<(), StoreError> {
        each!(self, c => diesel::update(stages::table.find((id, stage)))
            .set(stages::ended_at.eq(Some(at)))
            .execute(c))?;
        Ok(())
    }

    /// The stages of a deployment that began, in the order in which they follow each other: several may begin in the same
    /// moment.
    pub fn stages_of(&mut self, id: DeploymentId) -> Result<Vec<StageRecord>, StoreError> {
        let mut began: Vec<StageRecord> = each!(self, c => stages::table
            .filter(stages::deployment_id.eq(id))
            .select(StageRecord::as_select())
            .load(c))?;
        began.sort_unstable_by_key(|it| it.stage);
        Ok(began)
    }

    /// Adds lines; their numbers follow the last.
    pub fn lines_insert(&mut self, new: &[LineRecord]) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(lines::table).values(new).execute(c))?;
        Ok(())
    }

    /// Number of the deployment's last line; 0: there is none.
    pub fn lines_last(&mut self, id: DeploymentId) -> Result<i64, StoreError> {
        let last: Option<i64> = each!(self, c => lines::table
            .filter(lines::deployment_id.eq(id))
            .select(diesel::dsl::max(lines::number))
            .first(c))?;
        Ok(last.unwrap_or(0))
    }

    /// The last line that `source` said.
    pub fn lines_last_text(&mut self, id: DeploymentId, source: LineSource) -> Result<Option<String>, StoreError> {
        each!(self, c => lines::table
            .filter(lines::deployment_id.eq(id))
            .filter(lines::source.eq(source))
            .order(lines::number.desc())
            .select(lines::text)
            .first(c)
            .optional())
    }

    /// Up to `limit` lines after number `after`, in their order.
    pub fn lines_after(&mut self, id: DeploymentId, after: i64, limit: u32) -> Result<Vec<LineRecord>, StoreError> {
        each!(self, c => lines::table
            .filter(lines::deployment_id.eq(id))
            .filter(lines::number.gt(after))
            .order(lines::number)
            .limit(limit.into())
            .select(LineRecord::as_select())
            .load(c))
    }

    /// Deletes the lines of one deployment that settled before `before`; 0: there are none left.
    pub fn lines_purge(&mut self, before: Time) -> Result<usize, StoreError> {
        let old: Option<DeploymentId> = each!(self, c => deployments::table
            .filter(deployments::ended_at.lt(before))
            .filter(diesel::dsl::exists(lines::table.filter(lines::deployment_id.eq(deployments::id))))
            .order(deployments::ended_at)
            .select(deployments::id)
            .first(c)
            .optional())?;
        let Some(id) = old else { return Ok(0) };
        each!(self, c => diesel::delete(lines::table.filter(lines::deployment_id.eq(id))).execute(c))
    }

    /// Writes down what a cloud said is there; what is known stays as it was.
    pub fn resources_seen(&mut self, id: DeploymentId, seen: &[Resource], at: Time) -> Result<(), StoreError> {
        for resource in seen {
            let row = ResourceRecord {
                deployment_id: id,
                kind: resource.kind,
                provider_id: resource.id.clone(),
                name: resource.name.clone(),
                seen_at: at,
                removed_at: None,
            };
            each!(self, c => diesel::insert_into(resources::table).values(&row).on_conflict_do_nothing().execute(c))?;
        }
        Ok(())
    }

    /// Writes down that everything of a deployment is removed, except what is `left`.
    pub fn resources_removed(&mut self, id: DeploymentId, left: &[Resource], at: Time) -> Result<(), StoreError> {
        let kept: Vec<String> = left.iter().map(|resource| resource.id.clone()).collect();
        each!(self, c => diesel::update(resources::table
                .filter(resources::deployment_id.eq(id))
                .filter(resources::removed_at.is_null())
                .filter(resources::provider_id.ne_all(&kept)))
            .set(resources::removed_at.eq(Some(at)))
            .execute(c))?;
        Ok(())
    }

    /// Writes down that what counted as removed is there after all.
    pub fn resources_returned(&mut self, id: DeploymentId, there: &[Resource]) -> Result<(), StoreError> {
        for resource in there {
            each!(self, c => diesel::update(resources::table.find((id, resource.kind, &resource.id)))
                .set(resources::removed_at.eq(None::<Time>))
                .execute(c))?;
        }
        Ok(())
    }

    /// What a deployment made, in the order in which it became known.
    pub fn resources_of(&mut self, id: DeploymentId) -> Result<Vec<ResourceRecord>, StoreError> {
        each!(self, c => resources::table
            .filter(resources::deployment_id.eq(id))
            .order((resources::seen_at, resources::kind, resources::provider_id))
            .select(ResourceRecord::as_select())
            .load(c))
    }
}
