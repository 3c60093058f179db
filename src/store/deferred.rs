//! Calls that came before the license they are about.

use diesel::prelude::*;
use serde_json::Value;

use super::{Tx, conn::each, error::StoreError, schema::deferred_events, types::Json};
use crate::base::{slug::Slug, time::Time};

/// A call that waits for its license.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = deferred_events, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct DeferredRecord {
    /// A UUIDv7 as text.
    pub id: String,
    /// The channel it came through.
    pub channel: Slug,
    /// The instance id or marketplace code it is about.
    pub subject: String,
    /// The event.
    #[diesel(serialize_as = Json, deserialize_as = Json)]
    pub event: Value,
    /// When the marketplace signed it.
    pub signed_at: Time,
    /// When it came.
    pub received_at: Time,
}

impl Tx {
    /// Adds a call.
    pub fn deferred_insert(&mut self, event: &DeferredRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(deferred_events::table).values(event.clone()).execute(c))?;
        Ok(())
    }

    /// How many calls wait for `subject`.
    pub fn deferred_count(&mut self, channel: &Slug, subject: &str) -> Result<i64, StoreError> {
        each!(self, c => deferred_events::table
            .filter(deferred_events::channel.eq(channel))
            .filter(deferred_events::subject.eq(subject))
            .count()
            .get_result(c))
    }

    /// Takes out the calls that wait for `subject`, in the order in which they were signed.
    pub fn deferred_take(&mut self, channel: &Slug, subject: &str) -> Result<Vec<DeferredRecord>, StoreError> {
        let mut events: Vec<DeferredRecord> = each!(self, c => diesel::delete(
            deferred_events::table
                .filter(deferred_events::channel.eq(channel))
                .filter(deferred_events::subject.eq(subject)),
        )
        .returning(DeferredRecord::as_returning())
        .get_results(c))?;
        // RETURNING promises no order.
        events.sort_by(|a, b| (a.signed_at, &a.id).cmp(&(b.signed_at, &b.id)));
        Ok(events)
    }
}
