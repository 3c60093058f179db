//! Where the merchant's systems want to be told, their secrets, and every event on its way to them.

use std::str::FromStr;

use diesel::{
    dsl::{exists, not},
    prelude::*,
};

use super::{
    Tx,
    conn::{each, locked},
    error::StoreError,
    schema::{events, webhook_attempts, webhook_deliveries, webhook_secrets, webhooks},
    types::{Names, UnknownName, Unsigned},
};
use crate::base::{
    ids::{EventId, SecretId, WebhookId},
    time::Time,
};

/// Where a system wants to be told.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct WebhookRecord {
    /// Its id.
    pub id: WebhookId,
    /// The address.
    pub url: String,
    /// What it is for, in the merchant's words.
    pub description: String,
    /// The events it wants; none: all.
    #[diesel(serialize_as = Names, deserialize_as = Names)]
    pub kinds: Vec<String>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why it was disabled, where the merchant did not.
    pub disabled_because: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it changed last.
    pub updated_at: Time,
}

/// A secret, sealed.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_secrets, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct WebhookSecretRecord {
    /// Its id.
    pub id: SecretId,
    /// Whose it is.
    pub webhook_id: WebhookId,
    /// The secret's bytes, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends; `None`: with the webhook.
    pub expires_at: Option<Time>,
}

impl std::fmt::Debug for WebhookSecretRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSecretRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// On its way.
    Pending,
    /// Taken.
    Delivered,
    /// Given up: a dead letter.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| UnknownName::new(text))
    }
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhook_deliveries, primary_key(webhook_id, event_id), treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct DeliveryRecord {
    /// To whom.
    pub webhook_id: WebhookId,
    /// What.
    pub event_id: EventId,
    /// What it is about: those of one subject arrive in their order.
    pub subject: String,
    /// Its place among them.
    pub seq: i64,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub tries: u32,
    /// When it is sent next, while it is pending.
    pub next_at: Time,
    /// Since when it is on its way.
    pub since: Time,
    /// When that ended.
    pub ended_at: Option<Time>,
    /// The claim that is held.
    pub worker: Option<String>,
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_attempts, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct AttemptRecord {
    /// To whom.
    pub webhook_id: WebhookId,
    /// What.
    pub event_id: EventId,
    /// Which try, from 1 on.
    #[diesel(serialize_as = Unsigned, deserialize_as = Unsigned)]
    pub number: u32,
    /// When it began.
    pub at: Time,
    /// Milliseconds until the answer, or until it was given up.
    pub millis: i64,
    /// HTTP status.
    pub status: Option<i64>,
    /// Why there is none.
    pub error: Option<String>,
}

diesel::alias!(webhook_deliveries as earlier: Earlier);

impl Tx {
    /// Adds a webhook.
    pub fn webhook_insert(&mut self, webhook: &WebhookRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(webhooks::table).values(webhook.clone()).execute(c))?;
        Ok(())
    }

    /// Writes everything of a webhook anew.
    pub fn webhook_update(&mut self, webhook: &WebhookRecord) -> Result<(), StoreError> {
        let rows = each!(self, c => diesel::update(webhooks::table.find(webhook.id)).set(webhook.clone()).execute(c))?;
        self.must_exist(rows, "webhooks")
    }

    /// Forgets a webhook with its secrets and deliveries; `false`: there is none.
    pub fn webhook_delete(&mut self, id: WebhookId) -> Result<bool, StoreError> {
        Ok(each!(self, c => diesel::delete(webhooks::table.find(id)).execute(c))? == 1)
    }

    /// The webhook with this id.
    pub fn webhook_find(&mut self, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError> {
        each!(self, c => webhooks::table.find(id).select(WebhookRecord::as_select()).first(c).optional())
    }

    /// A page of webhooks, newest first, after the webhook `after`.
    pub fn webhook_page(&mut self, after: Option<WebhookId>, limit: u32) -> Result<Vec<WebhookRecord>, StoreError> {
        each!(self, c => {
            let mut query = webhooks::table.select(WebhookRecord::as_select()).into_boxed();
            if let Some(after) = after {
                query = query.filter(webhooks::id.lt(after));
            }
            query.order(webhooks::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Adds a secret.
    pub fn webhook_secret_insert(&mut self, secret: &WebhookSecretRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(webhook_secrets::table).values(secret.clone()).execute(c))?;
        Ok(())
    }

    /// The secrets of a webhook that have not ended at `now`, newest first.
    pub fn webhook_secrets(&mut self, webhook: WebhookId, now: Time) -> Result<Vec<WebhookSecretRecord>, StoreError> {
        each!(self, c => webhook_secrets::table
            .filter(webhook_secrets::webhook_id.eq(webhook))
            .filter(webhook_secrets::expires_at.is_null().or(webhook_secrets::expires_at.gt(now)))
            .order(webhook_secrets::id.desc())
            .select(WebhookSecretRecord::as_select())
            .load(c))
    }

    /// Lets the secrets of a webhook end at `at`, where they do not sooner, and forgets those that have ended at `now`.
    pub fn webhook_secrets_end(&mut self, webhook: WebhookId, at: Time, now: Time) -> Result<(), StoreError> {
        each!(self, c => diesel::update(webhook_secrets::table
                .filter(webhook_secrets::webhook_id.eq(webhook))
                .filter(webhook_secrets::expires_at.is_null().or(webhook_secrets::expires_at.gt(at))))
            .set(webhook_secrets::expires_at.eq(Some(at)))
            .execute(c))?;
        each!(self, c => diesel::delete(webhook_secrets::table
                .filter(webhook_secrets::webhook_id.eq(webhook))
                .filter(webhook_secrets::expires_at.le(now)))
            .execute(c))?;
        Ok(())
    }

    /// Forgets a secret.
    pub fn webhook_secret_delete(&mut self, id: SecretId) -> Result<(), StoreError> {
        each!(self, c => diesel::delete(webhook_secrets::table.find(id)).execute(c))?;
        Ok(())
    }

    /// Adds a delivery.
    pub fn delivery_insert(&mut self, delivery: &DeliveryRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(webhook_deliveries::table).values(delivery.clone()).execute(c))?;
        Ok(())
    }

    /// Writes everything of a delivery anew.
    pub fn delivery_update(&mut self, delivery: &DeliveryRecord) -> Result<(), StoreError> {
        let rows = each!(self, c => diesel::update(webhook_deliveries::table
                .find((delivery.webhook_id, delivery.event_id)))
            .set(delivery.clone())
            .execute(c))?;
        self.must_exist(rows, "webhook_deliveries")
    }

    /// A delivery.
    pub fn delivery_look(&mut self, webhook: WebhookId, event: EventId) -> Result<Option<DeliveryRecord>, StoreError> {
        each!(self, c => webhook_deliveries::table
            .find((webhook, event))
            .select(DeliveryRecord::as_select())
            .first(c)
            .optional())
    }

    /// A delivery, held against other writers until the commit.
    pub fn delivery_find(&mut self, webhook: WebhookId, event: EventId) -> Result<Option<DeliveryRecord>, StoreError> {
        locked!(self, webhook_deliveries::table.find((webhook, event)).select(DeliveryRecord::as_select()))
    }

    /// Deliveries of a webhook that are to be sent at `now`, the longest due first: of each subject the one that comes first.
    pub fn deliveries_due(
        &mut self,
        webhook: WebhookId,
        now: Time,
        limit: u32,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        each!(self, c => webhook_deliveries::table
            .filter(webhook_deliveries::webhook_id.eq(webhook))
            .filter(webhook_deliveries::state.eq(DeliveryState::Pending))
            .filter(webhook_deliveries::next_at.le(now))
            .filter(not(exists(
                earlier
                    .filter(earlier.field(webhook_deliveries::webhook_id).eq(webhook))
                    .filter(earlier.field(webhook_deliveries::subject).eq(webhook_deliveries::subject))
                    .filter(earlier.field(webhook_deliveries::seq).lt(webhook_deliveries::seq))
                    .filter(earlier.field(webhook_deliveries::state).eq(DeliveryState::Pending)),
            )))
            .order((webhook_deliveries::next_at, webhook_deliveries::event_id))
            .limit(super::page_rows(limit))
            .select(DeliveryRecord::as_select())
            .load(c))
    }

    /// A page of a webhook's deliveries, newest event first, after the event `after`: each with the event's kind and time.
    pub fn delivery_page(
        &mut self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<(DeliveryRecord, String, Time)>, StoreError> {
        each!(self, c => {
            let mut query = webhook_deliveries::table
                .inner_join(events::table.on(events::id.eq(webhook_deliveries::event_id)))
                .filter(webhook_deliveries::webhook_id.eq(webhook))
                .select((DeliveryRecord::as_select(), events::kind, events::at))
                .into_boxed();
            if let Some(state) = state {
                query = query.filter(webhook_deliveries::state.eq(state));
            }
            if let Some(after) = after {
                query = query.filter(webhook_deliveries::event_id.lt(after));
            }
            query.order(webhook_deliveries::event_id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Gives up everything that is on its way to a webhook.
    pub fn deliveries_give_up(&mut self, webhook: WebhookId, now: Time) -> Result<usize, StoreError> {
        each!(self, c => diesel::update(webhook_deliveries::table
                .filter(webhook_deliveries::webhook_id.eq(webhook))
                .filter(webhook_deliveries::state.eq(DeliveryState::Pending)))
            .set((
                webhook_deliveries::state.eq(DeliveryState::Dead),
                webhook_deliveries::ended_at.eq(Some(now)),
                webhook_deliveries::worker.eq(None::<String>),
            ))
            .execute(c))
    }

    /// Sends all dead letters of a webhook again.
    pub fn deliveries_revive(&mut self, webhook: WebhookId, now: Time) -> Result<usize, StoreError> {
        each!(self, c => diesel::update(webhook_deliveries::table
                .filter(webhook_deliveries::webhook_id.eq(webhook))
                .filter(webhook_deliveries::state.eq(DeliveryState::Dead)))
            .set((
                webhook_deliveries::state.eq(DeliveryState::Pending),
                webhook_deliveries::next_at.eq(now),
                webhook_deliveries::since.eq(now),
                webhook_deliveries::ended_at.eq(None::<Time>),
            ))
            .execute(c))
    }

    /// Notes what a try came to.
    pub fn attempt_insert(&mut self, attempt: &AttemptRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(webhook_attempts::table).values(attempt.clone()).execute(c))?;
        Ok(())
    }

    /// What the tries of a delivery came to, newest first.
    pub fn attempts_of(&mut self, webhook: WebhookId, event: EventId) -> Result<Vec<AttemptRecord>, StoreError> {
        each!(self, c => webhook_attempts::table
            .filter(webhook_attempts::webhook_id.eq(webhook))
            .filter(webhook_attempts::event_id.eq(event))
            .order(webhook_attempts::number.desc())
            .limit(super::page_rows(u32::MAX))
            .select(AttemptRecord::as_select())
            .load(c))
    }
}
