//! Issued license codes and device codes: what was signed, with the signature sealed.

use diesel::prelude::*;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{device_codes, license_codes},
    types::Unsigned,
};
use crate::base::{ids::LicenseId, time::Time};

/// One revision of a license's code.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = license_codes, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct CodeRecord {
    /// The license.
    pub license_id: LicenseId,
    /// Its revision.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub rev: u32,
    /// The key that signed.
    pub kid: String,
    /// The JWS signing input `header.payload` (RFC 7515 §2).
    pub payload: String,
    /// The signature, sealed.
    pub sealed_signature: Vec<u8>,
    /// When it was signed.
    pub issued_at: Time,
}

/// A code for one device.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = device_codes, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct DeviceCodeRecord {
    /// Its id.
    pub id: String,
    /// The license.
    pub license_id: LicenseId,
    /// The marketplace's id of the application.
    pub event_id: String,
    /// Digest of the device's fingerprint.
    pub fingerprint_digest: String,
    /// The key that signed.
    pub kid: String,
    /// The JWS signing input `header.payload` (RFC 7515 §2).
    pub payload: String,
    /// The signature, sealed.
    pub sealed_signature: Vec<u8>,
    /// From when it holds.
    pub effective_at: Time,
    /// Until when it holds; `None`: for good.
    pub expires_at: Option<Time>,
    /// When it was signed.
    pub issued_at: Time,
}

impl Tx {
    /// Adds a revision of a code.
    pub fn code_insert(&mut self, code: &CodeRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(license_codes::table).values(code.clone()).execute(c))?;
        Ok(())
    }

    /// Revision `rev` of the license's code.
    pub fn code_find(&mut self, license: LicenseId, rev: u32) -> Result<Option<CodeRecord>, StoreError> {
        each!(self, c => license_codes::table
            .find((license, i64::from(rev)))
            .select(CodeRecord::as_select())
            .first(c)
            .optional())
    }

    /// The newest revision of the license's code.
    pub fn code_latest(&mut self, license: LicenseId) -> Result<Option<CodeRecord>, StoreError> {
        each!(self, c => license_codes::table
            .filter(license_codes::license_id.eq(license))
            .order(license_codes::rev.desc())
            .select(CodeRecord::as_select())
            .first(c)
            .optional())
    }

    /// The first revision of the license's code: the one the purchase was answered with.
    pub fn code_first(&mut self, license: LicenseId) -> Result<Option<CodeRecord>, StoreError> {
        each!(self, c => license_codes::table
            .filter(license_codes::license_id.eq(license))
            .order(license_codes::rev.asc())
            .select(CodeRecord::as_select())
            .first(c)
            .optional())
    }

    /// What was signed as the license's codes before revision `below`, by revision.
    pub fn code_payloads(&mut self, license: LicenseId, below: u32) -> Result<Vec<(u32, String)>, StoreError> {
        let rows: Vec<(i64, String)> = each!(self, c => license_codes::table
            .filter(license_codes::license_id.eq(license))
            .filter(license_codes::rev.lt(i64::from(below)))
            .order(license_codes::rev)
            .select((license_codes::rev, license_codes::payload))
            .load(c))?;
        let read: Result<Vec<_>, _> =
            rows.into_iter().map(|(rev, payload)| u32::try_from(rev).map(|rev| (rev, payload))).collect();
        read.map_err(|_| self.corrupt("license_codes", format!("{license}: a revision below 0 or too high")))
    }

    /// The device code of one application.
    pub fn device_code_find(
        &mut self,
        license: LicenseId,
        event_id: &str,
        digest: &str,
    ) -> Result<Option<DeviceCodeRecord>, StoreError> {
        each!(self, c => device_codes::table
            .filter(device_codes::license_id.eq(license))
            .filter(device_codes::event_id.eq(event_id))
            .filter(device_codes::fingerprint_digest.eq(digest))
            .select(DeviceCodeRecord::as_select())
            .first(c)
            .optional())
    }

    /// Adds a device code.
    pub fn device_code_insert(&mut self, code: &DeviceCodeRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(device_codes::table).values(code).execute(c))?;
        Ok(())
    }

    /// Digests of the devices that hold a code of the license, each once.
    pub fn device_code_fingerprints(&mut self, license: LicenseId) -> Result<Vec<String>, StoreError> {
        each!(self, c => device_codes::table
            .filter(device_codes::license_id.eq(license))
            .select(device_codes::fingerprint_digest)
            .distinct()
            .order(device_codes::fingerprint_digest)
            .load(c))
    }
}
