//! Usage counters of on-demand goods.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::usage_counters};
use crate::base::{ids::LicenseId, time::Time};

/// One counter of a license.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_counters, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct UsageRecord {
    /// The license.
    pub license_id: LicenseId,
    /// What is counted.
    pub meter: String,
    /// Total so far, in ten-thousandths.
    pub total: i64,
    /// When it was last counted.
    pub counted_at: Time,
}

impl Tx {
    /// The counters of a license, by their names.
    pub fn usage_list(&mut self, license: LicenseId) -> Result<Vec<UsageRecord>, StoreError> {
        each!(self, c => usage_counters::table
            .filter(usage_counters::license_id.eq(license))
            .order(usage_counters::meter)
            .select(UsageRecord::as_select())
            .load(c))
    }

    /// Adds to a counter, which starts at nothing.
    pub fn usage_add(&mut self, added: &UsageRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(usage_counters::table)
            .values(added.clone())
            .on_conflict((usage_counters::license_id, usage_counters::meter))
            .do_update()
            .set((
                usage_counters::total.eq(usage_counters::total + added.total),
                usage_counters::counted_at.eq(added.counted_at),
            ))
            .execute(c))?;
        Ok(())
    }
}
