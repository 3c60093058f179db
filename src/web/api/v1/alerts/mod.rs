//! Alerts: what somebody must look at, until they say it is dealt with.

pub mod list;
pub mod resolve;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{
        ids::{AlertId, LicenseId},
        slug::Slug,
        time::Time,
    },
    store::AlertRecord,
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_alerts)).routes(routes!(resolve::resolve_alert))
}

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alert {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: AlertId,
    /// What happened, as a stable name.
    #[schema(example = "order_waiting")]
    kind: String,
    /// The channel it is about.
    #[schema(required, value_type = Option<String>)]
    channel: Option<Slug>,
    /// The license it is about.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    license_id: Option<LicenseId>,
    /// The marketplace's order id.
    #[schema(required)]
    order_id: Option<String>,
    /// What else is known.
    #[schema(value_type = Object)]
    detail: Value,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When somebody resolved it; `null`: open.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Time>,
    /// Who resolved it.
    #[schema(required, example = "token:crm")]
    resolved_by: Option<String>,
}

impl From<AlertRecord> for Alert {
    fn from(it: AlertRecord) -> Self {
        Self {
            id: it.id,
            kind: it.kind,
            channel: it.channel,
            license_id: it.license_id,
            order_id: it.order_id,
            detail: it.detail,
            created_at: it.created_at,
            resolved_at: it.resolved_at,
            resolved_by: it.resolved_by,
        }
    }
}
