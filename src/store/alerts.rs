//! What the merchant must see.

use diesel::{prelude::*, query_dsl::methods as dsl, upsert::excluded};
use serde_json::Value;

use super::{Tx, conn::each, error::StoreError, schema::alerts, types::Json};
use crate::base::{
    ids::{AlertId, LicenseId},
    slug::Slug,
    time::Time,
};

/// An alert.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = alerts, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct AlertRecord {
    /// Its id.
    pub id: AlertId,
    /// What happened, as a stable name.
    pub kind: String,
    /// The channel it is about.
    pub channel: Option<Slug>,
    /// The license it is about.
    pub license_id: Option<LicenseId>,
    /// The marketplace's order id.
    pub order_id: Option<String>,
    /// What else is known.
    #[diesel(serialize_as = Json, deserialize_as = Json)]
    pub detail: Value,
    /// When it was raised first.
    pub created_at: Time,
    /// When somebody resolved it.
    pub resolved_at: Option<Time>,
    /// Who resolved it.
    pub resolved_by: Option<String>,
    /// The same text means the same alert, which has only one row.
    pub dedupe: String,
}

impl Tx {
    /// Raises an alert; `false` when the same stands open. One that somebody resolved is opened again, with what is
    /// known now: what it told is so again. It keeps its id and its row, so that repeats fill no table, and while it is
    /// open nothing is written at all.
    pub fn alert_raise(&mut self, alert: &AlertRecord) -> Result<bool, StoreError> {
        let rows = each!(self, c => dsl::FilterDsl::filter(
            diesel::insert_into(alerts::table).values(alert.clone()).on_conflict(alerts::dedupe).do_update().set((
                alerts::resolved_at.eq(None::<Time>),
                alerts::resolved_by.eq(None::<String>),
                alerts::detail.eq(excluded(alerts::detail)),
            )),
            alerts::resolved_at.is_not_null(),
        )
        .execute(c))?;
        Ok(rows == 1)
    }

    /// The open alert with this `dedupe`.
    pub fn alert_open(&mut self, dedupe: &str) -> Result<Option<AlertRecord>, StoreError> {
        each!(self, c => alerts::table
            .filter(alerts::dedupe.eq(dedupe))
            .filter(alerts::resolved_at.is_null())
            .select(AlertRecord::as_select())
            .first(c)
            .optional())
    }

    /// Says anew what an alert tells.
    pub fn alert_retell(&mut self, id: AlertId, detail: &Value) -> Result<(), StoreError> {
        each!(self, c => diesel::update(alerts::table.find(id))
            .set(alerts::detail.eq(Json::from(detail.clone())))
            .execute(c))?;
        Ok(())
    }

    /// The alert with this id.
    pub fn alert_find(&mut self, id: AlertId) -> Result<Option<AlertRecord>, StoreError> {
        each!(self, c => alerts::table.find(id).select(AlertRecord::as_select()).first(c).optional())
    }

    /// A page of alerts, newest first, after the alert `after`.
    pub fn alert_page(
        &mut self,
        open_only: bool,
        after: Option<AlertId>,
        limit: u32,
    ) -> Result<Vec<AlertRecord>, StoreError> {
        each!(self, c => {
            let mut query = alerts::table.select(AlertRecord::as_select()).into_boxed();
            if open_only {
                query = query.filter(alerts::resolved_at.is_null());
            }
            if let Some(after) = after {
                query = query.filter(alerts::id.lt(after));
            }
            query.order(alerts::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Resolves an open alert; `false` when there is none with this id.
    pub fn alert_resolve(&mut self, id: AlertId, by: &str, now: Time) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::update(alerts::table.find(id).filter(alerts::resolved_at.is_null()))
            .set((alerts::resolved_at.eq(now), alerts::resolved_by.eq(by)))
            .execute(c))?;
        Ok(rows == 1)
    }

    /// Resolves the open alerts of one kind about an order of a channel.
    pub fn alert_settle(
        &mut self,
        kind: &str,
        channel: &Slug,
        order_id: &str,
        by: &str,
        now: Time,
    ) -> Result<(), StoreError> {
        each!(self, c => diesel::update(alerts::table)
            .filter(alerts::kind.eq(kind))
            .filter(alerts::channel.eq(channel))
            .filter(alerts::order_id.eq(order_id))
            .filter(alerts::resolved_at.is_null())
            .set((alerts::resolved_at.eq(now), alerts::resolved_by.eq(by)))
            .execute(c))?;
        Ok(())
    }

    /// How many alerts are open.
    pub fn alert_open_count(&mut self) -> Result<i64, StoreError> {
        each!(self, c => alerts::table.filter(alerts::resolved_at.is_null()).count().get_result(c))
    }
}
