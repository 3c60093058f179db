//! Every catalog that was ever applied.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::catalogs};
use crate::base::time::Time;

/// A catalog as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = catalogs, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct CatalogRecord {
    /// Counts up from 1.
    pub revision: i64,
    /// The catalog's text.
    pub body: String,
    /// When it was applied.
    pub applied_at: Time,
}

impl Tx {
    /// The catalog in force.
    pub fn catalog_latest(&mut self) -> Result<Option<CatalogRecord>, StoreError> {
        each!(self, c => catalogs::table
            .order(catalogs::revision.desc())
            .select(CatalogRecord::as_select())
            .first(c)
            .optional())
    }

    /// The revision in force, without its text.
    pub fn catalog_revision(&mut self) -> Result<Option<i64>, StoreError> {
        each!(self, c => catalogs::table.select(diesel::dsl::max(catalogs::revision)).first(c))
    }

    /// Adds a catalog.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else applied the same revision first.
    pub fn catalog_insert(&mut self, revision: i64, body: &str, now: Time) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(catalogs::table)
            .values((catalogs::revision.eq(revision), catalogs::body.eq(body), catalogs::applied_at.eq(now)))
            .execute(c))?;
        Ok(())
    }
}
