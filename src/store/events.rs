//! What happened, for those who want to be told: the outbox.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::events};
use crate::base::{
    ids::{EventId, LicenseId},
    time::Time,
};

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct EventRecord {
    /// Its id, and that of every message about it.
    pub id: EventId,
    /// What happened, as a stable name.
    pub kind: String,
    /// What it is about: a license's id, or its own. Events of one subject are told in their order.
    pub subject: String,
    /// Its place among the events of its subject.
    pub seq: i64,
    /// The license.
    pub license_id: Option<LicenseId>,
    /// When it happened; never before the one ahead of it.
    pub at: Time,
    /// What is told, to the byte.
    pub payload: String,
    /// Whether it still is to be handed on to those who want to be told.
    pub pending: bool,
}

impl Tx {
    /// The place and time of the newest event of a subject.
    pub fn event_last(&mut self, subject: &str) -> Result<Option<(i64, Time)>, StoreError> {
        each!(self, c => events::table
            .filter(events::subject.eq(subject))
            .order(events::seq.desc())
            .select((events::seq, events::at))
            .first(c)
            .optional())
    }

    /// Adds an event.
    pub fn event_insert(&mut self, event: &EventRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(events::table).values(event.clone()).execute(c))?;
        Ok(())
    }

    /// The event with this id.
    pub fn event_find(&mut self, id: EventId) -> Result<Option<EventRecord>, StoreError> {
        each!(self, c => events::table.find(id).select(EventRecord::as_select()).first(c).optional())
    }

    /// Events of a license, oldest first.
    pub fn events_of(&mut self, license: LicenseId, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        each!(self, c => events::table
            .filter(events::subject.eq(license.to_string()))
            .order(events::seq)
            .limit(super::page_rows(limit))
            .select(EventRecord::as_select())
            .load(c))
    }

    /// Events that are to be handed on, oldest first; those of one subject in their order.
    pub fn events_pending(&mut self, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        each!(self, c => events::table
            .filter(events::pending.eq(true))
            .order((events::at, events::seq))
            .limit(super::page_rows(limit))
            .select(EventRecord::as_select())
            .load(c))
    }

    /// Notes that events were handed on.
    pub fn events_handed_on(&mut self, ids: &[EventId]) -> Result<(), StoreError> {
        each!(self, c => diesel::update(events::table.filter(events::id.eq_any(ids)))
            .set(events::pending.eq(false))
            .execute(c))?;
        Ok(())
    }

    /// Deletes at most `limit` events older than `before` that were handed on, with all deliveries of them.
    pub fn event_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<EventId> = each!(self, c => events::table
            .filter(events::id.lt(EventId::lowest(before)))
            .filter(events::pending.eq(false))
            .order(events::id)
            .limit(super::purge_rows(limit))
            .select(events::id)
            .load(c))?;
        each!(self, c => diesel::delete(events::table.filter(events::id.eq_any(&old))).execute(c))
    }
}
