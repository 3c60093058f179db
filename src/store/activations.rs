//! Activations: which machine has, or had, which seat of a license, and what its machine is made of.

use diesel::prelude::*;
use signet_verify::{
    claims::Components,
    machine::{MatchRule, OPERATOR},
};

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{activation_components as parts, activations},
    types::MachineJson,
};
use crate::base::{
    ids::{ActivationId, LicenseId},
    slug::Slug,
    time::Time,
};

/// Machines that are compared for one fingerprint: the likeliest.
const CANDIDATES: i64 = 32;

/// A machine that has, or had, a seat of a license.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = activations, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct ActivationRecord {
    /// Its id; sorts by when it was made.
    pub id: ActivationId,
    /// The license.
    pub license_id: LicenseId,
    /// The license's product.
    pub product: Slug,
    /// What the machine calls itself.
    pub name: Option<String>,
    /// Its system, in its own words.
    pub platform: Option<String>,
    /// The software's version when it was last seen.
    pub version: Option<String>,
    /// Whether it said that it is a container.
    pub container: bool,
    /// Its components when it was last seen.
    #[diesel(serialize_as = MachineJson, deserialize_as = MachineJson)]
    pub components: Components,
    /// Whether the seat goes back when the lease ends.
    pub floating: bool,
    /// When its last lease ends.
    pub lease_ends_at: Time,
    /// Until when it may run on without a newer lease.
    pub grace_until: Time,
    /// Whether its last lease is longer than ordinary ones: a loan, or one for a machine without network.
    pub borrowed: bool,
    /// When it was first activated.
    pub created_at: Time,
    /// When it last asked for a lease.
    pub last_seen_at: Time,
    /// When the seat was given back or freed.
    pub ended_at: Option<Time>,
    /// By whom.
    pub ended_by: Option<String>,
}

impl ActivationRecord {
    /// Whether it takes a seat at `now`.
    pub fn has_seat(&self, now: Time) -> bool {
        self.ended_at.is_none() && !self.has_lapsed(now)
    }

    /// Whether it is a floating seat that went back because its lease ended.
    pub fn has_lapsed(&self, now: Time) -> bool {
        self.floating && self.lease_ends_at <= now
    }
}

/// Which activations of a license a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationFilter {
    /// Those that have a seat at this instant.
    WithSeat(Time),
    /// All.
    All,
}

#[derive(Insertable)]
#[diesel(table_name = parts, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
struct ComponentRow {
    license_id: LicenseId,
    component: String,
    activation_id: ActivationId,
    total: i64,
    operator: bool,
}

fn component(name: &str, digest: &str) -> String {
    format!("{name}:{digest}")
}

fn rows(activation: &ActivationRecord) -> Vec<ComponentRow> {
    let total = i64::try_from(activation.components.len()).unwrap_or(i64::MAX);
    let operator = activation.components.contains_key(OPERATOR);
    let row = |(name, digest): (&String, &String)| ComponentRow {
        license_id: activation.license_id,
        component: component(name, digest),
        activation_id: activation.id,
        total,
        operator,
    };
    activation.components.iter().map(row).collect()
}

/// Narrows `$query` over activations to those with a seat at `$now`.
macro_rules! with_seat {
    ($query:expr, $now:expr) => {
        $query
            .filter(activations::ended_at.is_null())
            .filter(activations::floating.eq(false).or(activations::lease_ends_at.gt($now)))
    };
}

impl Tx {
    /// Adds an activation.
    pub fn activation_insert(&mut self, activation: &ActivationRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(activations::table).values(activation.clone()).execute(c))?;
        each!(self, c => diesel::insert_into(parts::table).values(rows(activation)).execute(c))?;
        Ok(())
    }

    /// Writes everything of an activation anew; `before` is how it was read.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it does not exist.
    pub fn activation_update(&mut self, before: &ActivationRecord, after: &ActivationRecord) -> Result<(), StoreError> {
        let count = each!(self, c => diesel::update(activations::table.find(before.id)).set(after.clone()).execute(c))?;
        self.must_exist(count, "activations")?;
        if before.components != after.components {
            self.activation_forget_components(&[before.id])?;
            each!(self, c => diesel::insert_into(parts::table).values(rows(after)).execute(c))?;
        }
        Ok(())
    }

    fn activation_forget_components(&mut self, ids: &[ActivationId]) -> Result<usize, StoreError> {
        each!(self, c => diesel::delete(parts::table.filter(parts::activation_id.eq_any(ids))).execute(c))
    }

    /// The activation with this id.
    pub fn activation_find(&mut self, id: ActivationId) -> Result<Option<ActivationRecord>, StoreError> {
        each!(self, c => activations::table.find(id).select(ActivationRecord::as_select()).first(c).optional())
    }

    /// The license's activations whose machine may be the one with these components, the likeliest of them: at least as
    /// many components are the same as `rule` asks for. The operator's component of a machine that has one decides alone.
    pub fn activation_candidates(
        &mut self,
        license: LicenseId,
        rule: MatchRule,
        presented: &Components,
    ) -> Result<Vec<ActivationRecord>, StoreError> {
        let mut ids: Vec<ActivationId> = Vec::new();
        if let Some(digest) = presented.get(OPERATOR) {
            ids = each!(self, c => parts::table
                .filter(parts::license_id.eq(license))
                .filter(parts::component.eq(component(OPERATOR, digest)))
                .select(parts::activation_id)
                .order(parts::activation_id)
                .limit(CANDIDATES)
                .load(c))?;
        }
        ids.extend(self.activation_alike(license, rule, presented)?);
        each!(self, c => activations::table
            .filter(activations::id.eq_any(&ids))
            .select(ActivationRecord::as_select())
            .order(activations::id)
            .load(c))
    }

    /// By the number of components that are the same.
    fn activation_alike(
        &mut self,
        license: LicenseId,
        rule: MatchRule,
        presented: &Components,
    ) -> Result<Vec<ActivationId>, StoreError> {
        let wanted: Vec<String> = presented.iter().map(|(name, digest)| component(name, digest)).collect();
        each!(self, c => {
            let same = diesel::dsl::count_star();
            let mut query = parts::table
                .filter(parts::license_id.eq(license))
                .filter(parts::component.eq_any(wanted))
                // Of a machine with an operator's component the others say nothing.
                .filter(parts::operator.eq(false))
                .group_by((parts::activation_id, parts::total))
                .select(parts::activation_id)
                .into_boxed();
            query = match rule {
                MatchRule::Any => query,
                MatchRule::Two => query.having(same.ge(2).or(same.ge(parts::total))),
                MatchRule::Most => query.having(same.gt(parts::total / 2)),
                MatchRule::All => query.having(same.ge(parts::total)),
            };
            query.order((same.desc(), parts::activation_id.asc())).limit(CANDIDATES).load(c)
        })
    }

    /// How many seats of the license are taken at `now`; with `before` only those of older activations.
    pub fn activation_seats(
        &mut self,
        license: LicenseId,
        before: Option<ActivationId>,
        now: Time,
    ) -> Result<u32, StoreError> {
        let count: i64 = each!(self, c => {
            let mut query = with_seat!(activations::table.filter(activations::license_id.eq(license)), now)
                .select(diesel::dsl::count_star())
                .into_boxed();
            if let Some(before) = before {
                query = query.filter(activations::id.lt(before));
            }
            query.get_result(c)
        })?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A page of a license's activations, oldest first, after the activation `after`.
    pub fn activation_page(
        &mut self,
        license: LicenseId,
        filter: ActivationFilter,
        after: Option<ActivationId>,
        limit: u32,
    ) -> Result<Vec<ActivationRecord>, StoreError> {
        each!(self, c => {
            let mut query = activations::table
                .filter(activations::license_id.eq(license))
                .select(ActivationRecord::as_select())
                .into_boxed();
            if let ActivationFilter::WithSeat(now) = filter {
                query = with_seat!(query, now);
            }
            if let Some(after) = after {
                query = query.filter(activations::id.gt(after));
            }
            query.order(activations::id).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Activations of a license, oldest first: `limit` of them after the first `skip`.
    pub fn activation_slice(
        &mut self,
        license: LicenseId,
        filter: ActivationFilter,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<ActivationRecord>, StoreError> {
        each!(self, c => {
            let mut query = activations::table
                .filter(activations::license_id.eq(license))
                .select(ActivationRecord::as_select())
                .into_boxed();
            if let ActivationFilter::WithSeat(now) = filter {
                query = with_seat!(query, now);
            }
            query.order(activations::id).limit(super::page_rows(limit)).offset(skip.into()).load(c)
        })
    }

    /// Deletes up to `limit` activations that ended before `before`; answers how many.
    pub fn activation_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<ActivationId> = each!(self, c => activations::table
            .filter(activations::ended_at.lt(before))
            .order(activations::ended_at)
            .limit(super::purge_rows(limit))
            .select(activations::id)
            .load(c))?;
        self.activation_forget_components(&old)?;
        self.keygen_machines_forget(&old)?;
        each!(self, c => diesel::delete(activations::table.filter(activations::id.eq_any(&old))).execute(c))
    }
}
