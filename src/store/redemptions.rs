//! Codes that the marketplace made and somebody entered here.

use diesel::prelude::*;

use std::str::FromStr;

use super::{
    Tx, UnknownName,
    conn::{each, locked},
    error::StoreError,
    orders::names,
    schema::redemptions,
    types::Unsigned,
};
use crate::base::{slug::Slug, time::Time};

names! {
    /// How far a redemption is.
    RedemptionStatus {
        /// The marketplace is asked to activate the code, or was, and its answer never came.
        Asked = "asked",
        /// The marketplace activated it.
        Activated = "activated",
        /// It refused.
        Refused = "refused",
    }
}

/// A redemption.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = redemptions, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct RedemptionRecord {
    /// The instance id of its license: a keyed hash of the code.
    pub id: String,
    /// The channel whose marketplace is asked.
    pub channel: Slug,
    /// How far it is.
    pub status: RedemptionStatus,
    /// The code, sealed.
    pub sealed_code: Vec<u8>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// How often the marketplace was asked to activate it, or what became of that.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub tries: u32,
    /// When it is looked at again.
    pub next_at: Time,
    /// When the code was first entered.
    pub created_at: Time,
}

impl Tx {
    /// The redemption of this id.
    pub fn redemption_find(&mut self, id: &str) -> Result<Option<RedemptionRecord>, StoreError> {
        each!(self, c => redemptions::table.find(id).select(RedemptionRecord::as_select()).first(c).optional())
    }

    /// The same, held against other writers until the commit.
    pub fn redemption_for_update(&mut self, id: &str) -> Result<Option<RedemptionRecord>, StoreError> {
        locked!(self, redemptions::table.filter(redemptions::id.eq(id)).select(RedemptionRecord::as_select()))
    }

    /// Writes a new redemption; `false` when somebody else wrote one meanwhile.
    pub fn redemption_insert(&mut self, redemption: &RedemptionRecord) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::insert_into(redemptions::table)
            .values(redemption.clone())
            .on_conflict(redemptions::id)
            .do_nothing()
            .execute(c))?;
        Ok(rows == 1)
    }

    /// Changes a redemption.
    pub fn redemption_update(&mut self, redemption: &RedemptionRecord) -> Result<(), StoreError> {
        let id = redemption.id.clone();
        each!(self, c => diesel::update(redemptions::table.filter(redemptions::id.eq(&id)))
            .set(redemption.clone())
            .execute(c))?;
        Ok(())
    }

    /// Forgets a redemption of which nothing came.
    pub fn redemption_delete(&mut self, id: &str) -> Result<(), StoreError> {
        each!(self, c => diesel::delete(redemptions::table.filter(redemptions::id.eq(id))).execute(c))?;
        Ok(())
    }

    /// Redemptions of this status that are to be looked at at `now`, the longest due first.
    pub fn redemptions_due(
        &mut self,
        status: RedemptionStatus,
        now: Time,
        limit: u32,
    ) -> Result<Vec<RedemptionRecord>, StoreError> {
        each!(self, c => redemptions::table
            .filter(redemptions::status.eq(status))
            .filter(redemptions::next_at.le(now))
            .order((redemptions::next_at, redemptions::id))
            .limit(super::page_rows(limit))
            .select(RedemptionRecord::as_select())
            .load(c))
    }

    /// Forgets at most `limit` refusals that are no longer remembered at `now`; how many.
    pub fn redemption_purge(&mut self, now: Time, limit: u32) -> Result<usize, StoreError> {
        let over = self.redemptions_due(RedemptionStatus::Refused, now, limit)?;
        for redemption in &over {
            self.redemption_delete(&redemption.id)?;
        }
        Ok(over.len())
    }
}
