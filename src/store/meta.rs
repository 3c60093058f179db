//! Named settings that Signet keeps about itself.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::meta};

impl Tx {
    /// The value of `name`.
    pub fn meta_get(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        each!(self, c => meta::table.find(name).select(meta::value).first(c).optional())
    }

    /// Sets `name`, whatever it was before.
    pub fn meta_set(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(meta::table)
            .values((meta::name.eq(name), meta::value.eq(value)))
            .on_conflict(meta::name)
            .do_update()
            .set(meta::value.eq(value))
            .execute(c))?;
        Ok(())
    }

    /// Sets `name` unless it is set; `false` when it was.
    pub fn meta_insert_if_absent(&mut self, name: &str, value: &str) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::insert_into(meta::table)
            .values((meta::name.eq(name), meta::value.eq(value)))
            .on_conflict(meta::name)
            .do_nothing()
            .execute(c))?;
        Ok(rows == 1)
    }
}
