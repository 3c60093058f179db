//! What marketplaces (and the merchant) ordered, and what became of it.

use std::str::FromStr;

use diesel::prelude::*;
use serde_json::Value;

use super::{
    Tx,
    conn::{each, locked},
    error::StoreError,
    schema::orders,
    types::{Json, MaybeUnsigned, UnknownName},
};
use crate::base::{
    ids::{LicenseId, OrderId},
    slug::Slug,
    time::Time,
};

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $type {
            /// The stable name, as in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownName::new(text)),
                }
            }
        }
    };
}

pub(super) use names;

names! {
    /// What an order asks for.
    OrderKind {
        /// A purchase.
        Purchase = "purchase",
        /// A renewal.
        Renewal = "renewal",
        /// A refund.
        Refund = "refund",
        /// A trial that becomes formal.
        TrialToFormal = "trial_to_formal",
        /// Another plan or quantity.
        Upgrade = "upgrade",
        /// A change that only the order's details tell.
        Notice = "notice",
        /// Issued by the merchant.
        Manual = "manual",
    }
}

names! {
    /// What became of an order.
    OrderStatus {
        /// Done.
        Fulfilled = "fulfilled",
        /// Waits for its details.
        Waiting = "waiting",
        /// Refused.
        Refused = "refused",
        /// Done, but the merchant must look at it.
        Flagged = "flagged",
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = orders, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct OrderRecord {
    /// Its id here.
    pub id: OrderId,
    /// The channel it came through; `None` when made by hand.
    pub channel: Option<Slug>,
    /// What makes it the same order when it comes again: unique per channel.
    pub identity: String,
    /// What it asks for.
    pub kind: OrderKind,
    /// The marketplace's order id.
    pub order_id: String,
    /// The marketplace's order line.
    pub line_id: Option<String>,
    /// The marketplace's product id.
    pub product_id: Option<String>,
    /// The marketplace's SKU.
    pub sku_code: Option<String>,
    /// The instance it is about.
    pub instance_id: Option<String>,
    /// The license it led to.
    pub license_id: Option<LicenseId>,
    /// What became of it.
    pub status: OrderStatus,
    /// Its quantity.
    #[diesel(serialize_as = MaybeUnsigned, deserialize_as = MaybeUnsigned)]
    pub quantity: Option<u32>,
    /// What else is known of it.
    #[diesel(serialize_as = Json, deserialize_as = Json)]
    pub details: Value,
    /// When it was first seen.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Which orders a page shows; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Through this channel.
    pub channel: Option<Slug>,
    /// With this marketplace order id.
    pub order_id: Option<String>,
    /// With this status.
    pub status: Option<OrderStatus>,
    /// Of this kind.
    pub kind: Option<OrderKind>,
    /// Of this license.
    pub license_id: Option<LicenseId>,
}

impl Tx {
    /// Writes an order, new or changed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another order of the channel has its identity.
    pub fn order_save(&mut self, order: &OrderRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(orders::table)
            .values(order.clone())
            .on_conflict(orders::id)
            .do_update()
            .set(order.clone())
            .execute(c))?;
        Ok(())
    }

    /// The order with this id here.
    pub fn order_find(&mut self, id: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        each!(self, c => orders::table.find(id).select(OrderRecord::as_select()).first(c).optional())
    }

    /// The order known by `identity`, held against other writers until the commit.
    pub fn order_by_identity(&mut self, channel: &Slug, identity: &str) -> Result<Option<OrderRecord>, StoreError> {
        locked!(
            self,
            orders::table
                .filter(orders::channel.eq(channel))
                .filter(orders::identity.eq(identity))
                .select(OrderRecord::as_select())
        )
    }

    /// The oldest waiting order of an instance, held against other writers until the commit.
    pub fn order_by_instance_waiting(
        &mut self,
        channel: &Slug,
        instance_id: &str,
    ) -> Result<Option<OrderRecord>, StoreError> {
        locked!(
            self,
            orders::table
                .filter(orders::channel.eq(channel))
                .filter(orders::instance_id.eq(instance_id))
                .filter(orders::status.eq(OrderStatus::Waiting))
                .order(orders::id)
                .select(OrderRecord::as_select())
        )
    }

    /// A page of orders, newest first, after the order `after`.
    pub fn order_page(
        &mut self,
        filter: &OrderFilter,
        after: Option<OrderId>,
        limit: u32,
    ) -> Result<Vec<OrderRecord>, StoreError> {
        each!(self, c => {
            let mut query = orders::table.select(OrderRecord::as_select()).into_boxed();
            if let Some(channel) = &filter.channel {
                query = query.filter(orders::channel.eq(channel));
            }
            if let Some(order_id) = &filter.order_id {
                query = query.filter(orders::order_id.eq(order_id));
            }
            if let Some(status) = filter.status {
                query = query.filter(orders::status.eq(status));
            }
            if let Some(kind) = filter.kind {
                query = query.filter(orders::kind.eq(kind));
            }
            if let Some(license_id) = filter.license_id {
                query = query.filter(orders::license_id.eq(license_id));
            }
            if let Some(after) = after {
                query = query.filter(orders::id.lt(after));
            }
            query.order(orders::id.desc()).limit(super::page_rows(limit)).load(c)
        })
    }

    /// Orders that wait for their details, oldest first.
    pub fn order_waiting(&mut self, after: Option<OrderId>, limit: u32) -> Result<Vec<OrderRecord>, StoreError> {
        each!(self, c => {
            let mut query = orders::table
                .filter(orders::status.eq(OrderStatus::Waiting))
                .order(orders::id)
                .limit(super::page_rows(limit))
                .select(OrderRecord::as_select())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(orders::id.gt(after));
            }
            query.load(c)
        })
    }
}
