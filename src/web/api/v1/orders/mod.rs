//! Orders. One file per verb; what they share is here: the order as the API shows it.

pub mod complete;
pub mod get;
pub mod list;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{
        ids::{LicenseId, OrderId},
        slug::Slug,
        time::Time,
    },
    store::{OrderKind, OrderRecord, OrderStatus},
    web::problem::Problem,
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_orders))
        .routes(routes!(get::get_order))
        .routes(routes!(complete::complete_order))
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Order {
    /// Its id here.
    #[schema(value_type = String, format = "uuid")]
    pub id: OrderId,
    /// The channel it came through; `null` when made by hand.
    #[schema(required, value_type = Option<String>)]
    pub channel: Option<Slug>,
    /// What it asks for.
    pub kind: Kind,
    /// What became of it.
    pub status: Status,
    /// The marketplace's order id.
    #[schema(example = "CS2211181819B3M1J")]
    pub order_id: String,
    /// The marketplace's order line.
    #[schema(required)]
    pub line_id: Option<String>,
    /// The marketplace's product id.
    #[schema(required)]
    pub product_id: Option<String>,
    /// The marketplace's SKU.
    #[schema(required)]
    pub sku_code: Option<String>,
    /// The instance it is about.
    #[schema(required)]
    pub instance_id: Option<String>,
    /// The license it led to.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    pub license_id: Option<LicenseId>,
    /// Its quantity.
    #[schema(required)]
    pub quantity: Option<u32>,
    /// What else is known of it.
    #[schema(value_type = Object)]
    pub details: Value,
    /// When it was first seen.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
}

/// What an order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A purchase.
    Purchase,
    /// A renewal.
    Renewal,
    /// A refund.
    Refund,
    /// A trial that becomes formal.
    TrialToFormal,
    /// Another plan or quantity.
    Upgrade,
    /// A change that only the order's details tell.
    Notice,
    /// Issued by the merchant.
    Manual,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Done.
    Fulfilled,
    /// Waits for its details: complete it.
    Waiting,
    /// Refused.
    Refused,
    /// Somebody must look at it: an alert says why.
    Flagged,
}

/// Both directions between two enums with the same variants; a missing one does not compile.
macro_rules! mirror {
    ($api:ident, $domain:ident: $($variant:ident),*) => {
        impl From<$api> for $domain {
            fn from(it: $api) -> Self {
                match it {
                    $($api::$variant => Self::$variant,)*
                }
            }
        }

        impl From<$domain> for $api {
            fn from(it: $domain) -> Self {
                match it {
                    $($domain::$variant => Self::$variant,)*
                }
            }
        }
    };
}

mirror!(Kind, OrderKind: Purchase, Renewal, Refund, TrialToFormal, Upgrade, Notice, Manual);
mirror!(Status, OrderStatus: Fulfilled, Waiting, Refused, Flagged);

impl From<OrderRecord> for Order {
    fn from(it: OrderRecord) -> Self {
        Self {
            id: it.id,
            channel: it.channel,
            kind: it.kind.into(),
            status: it.status.into(),
            order_id: it.order_id,
            line_id: it.line_id,
            product_id: it.product_id,
            sku_code: it.sku_code,
            instance_id: it.instance_id,
            license_id: it.license_id,
            quantity: it.quantity,
            details: it.details,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// There is no order with this id.
fn unknown(id: OrderId) -> Problem {
    Problem::not_found(format!(
        "There is no order {id}. This is Signet's own id; find a marketplace's order with /api/v1/orders?order_id=…"
    ))
}
