//! Device licenses on their way to the marketplace.

use diesel::prelude::*;

use super::{
    Tx,
    codes::DeviceCodeRecord,
    conn::each,
    error::StoreError,
    schema::{device_codes, device_uploads},
    types::Unsigned,
};
use crate::base::time::Time;

/// A device license that is to be uploaded, or was.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = device_uploads, primary_key(device_code_id), treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct UploadRecord {
    /// The device code.
    pub device_code_id: String,
    /// How often it was tried.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub tries: u32,
    /// When it is tried again; `None`: not any more.
    pub next_at: Option<Time>,
    /// When the marketplace took it.
    pub delivered_at: Option<Time>,
}

impl Tx {
    /// Writes an upload, new or changed.
    pub fn upload_save(&mut self, upload: &UploadRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(device_uploads::table)
            .values(upload.clone())
            .on_conflict(device_uploads::device_code_id)
            .do_update()
            .set(upload.clone())
            .execute(c))?;
        Ok(())
    }

    /// The upload of a device code, with the code.
    pub fn upload_find(&mut self, id: &str) -> Result<Option<(UploadRecord, DeviceCodeRecord)>, StoreError> {
        each!(self, c => device_uploads::table
            .inner_join(device_codes::table)
            .filter(device_uploads::device_code_id.eq(id))
            .select((UploadRecord::as_select(), DeviceCodeRecord::as_select()))
            .first(c)
            .optional())
    }

    /// Uploads that are to be tried at `now`, the longest due first.
    pub fn uploads_due(&mut self, now: Time, limit: u32) -> Result<Vec<(UploadRecord, DeviceCodeRecord)>, StoreError> {
        each!(self, c => device_uploads::table
            .inner_join(device_codes::table)
            .filter(device_uploads::next_at.le(now))
            .order((device_uploads::next_at, device_uploads::device_code_id))
            .limit(super::page_rows(limit))
            .select((UploadRecord::as_select(), DeviceCodeRecord::as_select()))
            .load(c))
    }
}
