//! A license's timeline.

use diesel::prelude::*;
use serde_json::Value;

use super::{Tx, conn::each, error::StoreError, schema::history, types::Json};
use crate::base::{
    ids::{HistoryId, LicenseId},
    time::Time,
};

/// One entry of a license's history.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = history, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct HistoryRecord {
    /// Its id.
    pub id: HistoryId,
    /// The license.
    pub license_id: LicenseId,
    /// When it happened.
    pub at: Time,
    /// Who did it: a channel, a token's name, the command line.
    pub actor: String,
    /// What happened, as a stable name.
    pub event: String,
    /// What else is known.
    #[diesel(serialize_as = Json, deserialize_as = Json)]
    pub detail: Value,
}

impl Tx {
    /// Adds an entry.
    pub fn history_insert(&mut self, entry: &HistoryRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(history::table).values(entry.clone()).execute(c))?;
        Ok(())
    }

    /// A page of a license's history, newest first, after the entry `after`.
    pub fn history_page(
        &mut self,
        license: LicenseId,
        after: Option<HistoryId>,
        limit: u32,
    ) -> Result<Vec<HistoryRecord>, StoreError> {
        each!(self, c => {
            let mut query = history::table
                .filter(history::license_id.eq(license))
                .select(HistoryRecord::as_select())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(history::id.lt(after));
            }
            query.order(history::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// How often one of `events` happened to the license since `from`. The ids tell the time, so the index serves.
    pub fn history_count(&mut self, license: LicenseId, events: &[&str], from: Time) -> Result<u32, StoreError> {
        let count: i64 = each!(self, c => history::table
            .filter(history::license_id.eq(license))
            .filter(history::id.ge(HistoryId::lowest(from)))
            .filter(history::event.eq_any(events))
            .count()
            .get_result(c))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// When one of `events` happened to the license since `from`, after `skip` of them; `None`: so many did not.
    pub fn history_time(
        &mut self,
        license: LicenseId,
        events: &[&str],
        from: Time,
        skip: u32,
    ) -> Result<Option<Time>, StoreError> {
        each!(self, c => history::table
            .filter(history::license_id.eq(license))
            .filter(history::id.ge(HistoryId::lowest(from)))
            .filter(history::event.eq_any(events))
            .order(history::id)
            .offset(i64::from(skip))
            .select(history::at)
            .first(c)
            .optional())
    }
}
