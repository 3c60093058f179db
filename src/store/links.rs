//! Customers' links: only their versions, because the links themselves derive from the master key.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::license_links};
use crate::base::{ids::LicenseId, time::Time};

/// A link that was rotated at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = license_links, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct LinkRecord {
    /// The license.
    pub license_id: LicenseId,
    /// The version in force, 2 or more.
    pub version: i64,
    /// When it was rotated last.
    pub rotated_at: Time,
}

impl Tx {
    /// The link of a license, when it was ever rotated.
    pub fn link_find(&mut self, license: LicenseId) -> Result<Option<LinkRecord>, StoreError> {
        each!(self, c => license_links::table.find(license).select(LinkRecord::as_select()).first(c).optional())
    }

    /// Writes down which version is in force.
    pub fn link_save(&mut self, link: &LinkRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(license_links::table)
            .values(*link)
            .on_conflict(license_links::license_id)
            .do_update()
            .set((license_links::version.eq(link.version), license_links::rotated_at.eq(link.rotated_at)))
            .execute(c))?;
        Ok(())
    }
}
