//! What was used of goods that are paid by use, on its way to the marketplace.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::usage_pushes, types::Unsigned};
use crate::base::{ids::LicenseId, time::Time};

/// What is pushed of a license.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = usage_pushes, primary_key(license_id), treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct PushRecord {
    /// The license.
    pub license_id: LicenseId,
    /// The total of the record that was made last, in ten-thousandths.
    pub total: Option<i64>,
    /// When that was counted.
    pub counted_at: Option<Time>,
    /// How often it was sent; 0: the marketplace has it.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub tries: u32,
    /// When it is looked at again.
    pub next_at: Option<Time>,
}

impl Tx {
    /// What is pushed of a license, where anything is.
    pub fn push_find(&mut self, license: LicenseId) -> Result<Option<PushRecord>, StoreError> {
        each!(self, c => usage_pushes::table.find(license).select(PushRecord::as_select()).first(c).optional())
    }

    /// Writes a push, new or changed.
    pub fn push_save(&mut self, push: &PushRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(usage_pushes::table)
            .values(push.clone())
            .on_conflict(usage_pushes::license_id)
            .do_update()
            .set(push.clone())
            .execute(c))?;
        Ok(())
    }

    /// Something was counted: where what is used is pushed and nobody looks yet, somebody looks at `at`.
    pub fn push_wake(&mut self, license: LicenseId, at: Time) -> Result<(), StoreError> {
        each!(self, c => diesel::update(usage_pushes::table
            .filter(usage_pushes::license_id.eq(license))
            .filter(usage_pushes::next_at.is_null()))
            .set(usage_pushes::next_at.eq(at))
            .execute(c))?;
        Ok(())
    }

    /// Pushes that are to be looked at at `now`, the longest due first.
    pub fn pushes_due(&mut self, now: Time, limit: u32) -> Result<Vec<PushRecord>, StoreError> {
        each!(self, c => usage_pushes::table
            .filter(usage_pushes::next_at.le(now))
            .order((usage_pushes::next_at, usage_pushes::license_id))
            .limit(super::page_rows(limit))
            .select(PushRecord::as_select())
            .load(c))
    }
}
