//! Every call from and to a marketplace, as far as it may be kept.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::messages};
use crate::base::{
    ids::{LicenseId, MessageId},
    slug::Slug,
    time::Time,
};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// The channel.
    pub channel: Slug,
    /// When it came or went.
    pub received_at: Time,
    /// The interface it used.
    pub transport: String,
    /// What it asked for.
    pub activity: Option<String>,
    /// The marketplace's order id.
    pub order_id: Option<String>,
    /// The instance it is about.
    pub instance_id: Option<String>,
    /// The license it is about.
    pub license_id: Option<LicenseId>,
    /// Whether it was a debug call.
    pub debug: bool,
    /// The answer's code.
    pub result_code: String,
    /// The answer's message.
    pub result_msg: String,
    /// What it changed, in words.
    pub change: Option<String>,
    /// How long the answer took, in microseconds.
    pub duration_us: i64,
    /// The request, without its secrets.
    pub request: String,
}

/// Which messages a page shows; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Of this channel.
    pub channel: Option<Slug>,
    /// Of this activity.
    pub activity: Option<String>,
    /// With this marketplace order id.
    pub order_id: Option<String>,
    /// About this license.
    pub license_id: Option<LicenseId>,
    /// Answered with this code.
    pub result_code: Option<String>,
    /// Debug calls only, or none of them.
    pub debug: Option<bool>,
    /// Earlier than this.
    pub received_before: Option<Time>,
    /// At this instant or later.
    pub received_after: Option<Time>,
}

/// PostgreSQL's text cannot hold U+0000, and a hostile call must not keep itself out of the log with one.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl Tx {
    /// Adds a message; U+0000 in its texts becomes U+FFFD.
    pub fn message_insert(&mut self, message: &MessageRecord) -> Result<(), StoreError> {
        let mut row = message.clone();
        let texts = [&mut row.transport, &mut row.result_code, &mut row.result_msg, &mut row.request];
        let optional = [&mut row.activity, &mut row.order_id, &mut row.instance_id, &mut row.change];
        for text in texts.into_iter().chain(optional.into_iter().flatten()) {
            *text = storable(text);
        }
        each!(self, c => diesel::insert_into(messages::table).values(&row).execute(c))?;
        Ok(())
    }

    /// The message with this id.
    pub fn message_find(&mut self, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
        each!(self, c => messages::table.find(id).select(MessageRecord::as_select()).first(c).optional())
    }

    /// A page of messages, newest first, after the message `after`.
    pub fn message_page(
        &mut self,
        filter: &MessageFilter,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        each!(self, c => {
            let mut query = messages::table.select(MessageRecord::as_select()).into_boxed();
            if let Some(channel) = &filter.channel {
                query = query.filter(messages::channel.eq(channel));
            }
            if let Some(activity) = &filter.activity {
                query = query.filter(messages::activity.eq(activity));
            }
            if let Some(order_id) = &filter.order_id {
                query = query.filter(messages::order_id.eq(order_id));
            }
            if let Some(license_id) = filter.license_id {
                query = query.filter(messages::license_id.eq(license_id));
            }
            if let Some(result_code) = &filter.result_code {
                query = query.filter(messages::result_code.eq(result_code));
            }
            if let Some(debug) = filter.debug {
                query = query.filter(messages::debug.eq(debug));
            }
            if let Some(before) = filter.received_before {
                query = query.filter(messages::received_at.lt(before));
            }
            if let Some(from) = filter.received_after {
                query = query.filter(messages::received_at.ge(from));
            }
            if let Some(after) = after {
                query = query.filter(messages::id.lt(after));
            }
            query.order(messages::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Deletes at most `limit` messages older than `before`, the oldest first; how many were deleted.
    pub fn message_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<MessageId> = each!(self, c => messages::table
            .filter(messages::received_at.lt(before))
            .order(messages::received_at)
            .limit(super::purge_rows(limit))
            .select(messages::id)
            .load(c))?;
        each!(self, c => diesel::delete(messages::table.filter(messages::id.eq_any(&old))).execute(c))
    }
}
