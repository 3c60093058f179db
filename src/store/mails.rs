//! Mail on its way, where holders of licenses read it, and which ends of licenses were announced.

use diesel::prelude::*;

use super::{
    Tx,
    conn::{each, locked},
    error::StoreError,
    schema::{expiry_notices, license_contacts, mails},
    types::Unsigned,
};
use crate::base::{
    ids::{EventId, LicenseId, MailId},
    time::Time,
};

/// Where the holder of a license reads mail.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = license_contacts, primary_key(license_id))]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct ContactRecord {
    /// The license.
    pub license_id: LicenseId,
    /// The address, sealed.
    pub address: Vec<u8>,
    /// The language: `zh` or `en`.
    pub language: String,
    /// Who named it: `order`, `merchant` or `customer`.
    pub source: String,
    /// When.
    pub updated_at: Time,
}

impl std::fmt::Debug for ContactRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContactRecord").field("license_id", &self.license_id).finish_non_exhaustive()
    }
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = mails, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct MailRecord {
    /// Its id.
    pub id: MailId,
    /// What it tells.
    pub event_id: EventId,
    /// What it is about.
    pub kind: String,
    /// The license.
    pub license_id: Option<LicenseId>,
    /// `pending`, `sending`, `sent`, `failed` or `unknown`.
    pub state: String,
    /// How often it was tried.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub tries: u32,
    /// When it is tried next, or given up for lost.
    pub next_at: Time,
    /// When it was written.
    pub created_at: Time,
    /// When it was sent or given up.
    pub ended_at: Option<Time>,
    /// The claim that is held.
    pub worker: Option<String>,
    /// What was wrong last.
    pub error: Option<String>,
}

impl Tx {
    /// Where the holder of a license reads mail.
    pub fn contact_find(&mut self, license: LicenseId) -> Result<Option<ContactRecord>, StoreError> {
        each!(self, c => license_contacts::table
            .find(license)
            .select(ContactRecord::as_select())
            .first(c)
            .optional())
    }

    /// Writes a contact, new or changed.
    pub fn contact_save(&mut self, contact: &ContactRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(license_contacts::table)
            .values(contact)
            .on_conflict(license_contacts::license_id)
            .do_update()
            .set(contact)
            .execute(c))?;
        Ok(())
    }

    /// Forgets a contact; `false`: there is none.
    pub fn contact_delete(&mut self, license: LicenseId) -> Result<bool, StoreError> {
        Ok(each!(self, c => diesel::delete(license_contacts::table.find(license)).execute(c))? == 1)
    }

    /// Adds a mail.
    pub fn mail_insert(&mut self, mail: &MailRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(mails::table).values(mail.clone()).execute(c))?;
        Ok(())
    }

    /// Writes everything of a mail anew.
    pub fn mail_update(&mut self, mail: &MailRecord) -> Result<(), StoreError> {
        let rows = each!(self, c => diesel::update(mails::table.find(mail.id)).set(mail.clone()).execute(c))?;
        self.must_exist(rows, "mails")
    }

    /// The mail with this id, held against other writers until the commit.
    pub fn mail_find(&mut self, id: MailId) -> Result<Option<MailRecord>, StoreError> {
        locked!(self, mails::table.find(id).select(MailRecord::as_select()))
    }

    /// The mail that is to be tried, or given up for lost, and waits longest.
    pub fn mail_due(&mut self, now: Time) -> Result<Option<MailRecord>, StoreError> {
        each!(self, c => mails::table
            .filter(mails::state.eq_any(["pending", "sending"]))
            .filter(mails::next_at.le(now))
            .order((mails::next_at, mails::id))
            .select(MailRecord::as_select())
            .first(c)
            .optional())
    }

    /// When the newest mail of a kind was written.
    pub fn mail_last(&mut self, kind: &str) -> Result<Option<Time>, StoreError> {
        each!(self, c => mails::table
            .filter(mails::kind.eq(kind))
            .order(mails::id.desc())
            .select(mails::created_at)
            .first(c)
            .optional())
    }

    /// A page of mails, newest first, after the mail `after`.
    pub fn mail_page(
        &mut self,
        state: Option<&str>,
        after: Option<MailId>,
        limit: u32,
    ) -> Result<Vec<MailRecord>, StoreError> {
        each!(self, c => {
            let mut query = mails::table.select(MailRecord::as_select()).into_boxed();
            if let Some(state) = state {
                query = query.filter(mails::state.eq(state));
            }
            if let Some(after) = after {
                query = query.filter(mails::id.lt(after));
            }
            query.order(mails::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Deletes at most `limit` mails older than `before` that were sent or given up.
    pub fn mail_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<MailId> = each!(self, c => mails::table
            .filter(mails::id.lt(MailId::lowest(before)))
            .filter(mails::ended_at.is_not_null())
            .order(mails::id)
            .limit(super::purge_rows(limit))
            .select(mails::id)
            .load(c))?;
        each!(self, c => diesel::delete(mails::table.filter(mails::id.eq_any(&old))).execute(c))
    }

    /// Notes that an end of a license was announced.
    pub fn expiry_noticed(&mut self, license: LicenseId, expires_at: Time, days: i64) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(expiry_notices::table)
            .values((
                expiry_notices::license_id.eq(license),
                expiry_notices::expires_at.eq(expires_at),
                expiry_notices::days.eq(days),
            ))
            .execute(c))?;
        Ok(())
    }

    /// Forgets announcements of ends before `before`.
    pub fn expiry_notice_purge(&mut self, before: Time) -> Result<usize, StoreError> {
        each!(self, c => diesel::delete(expiry_notices::table.filter(expiry_notices::expires_at.lt(before))).execute(c))
    }
}
