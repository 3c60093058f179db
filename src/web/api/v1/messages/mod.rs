//! Messages: calls from and to marketplaces, as far as they are kept.

pub mod get;
pub mod list;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{
        ids::{LicenseId, MessageId},
        slug::Slug,
        time::Time,
    },
    store::MessageRecord,
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list::list_messages)).routes(routes!(get::get_message))
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: MessageId,
    /// The channel.
    #[schema(value_type = String)]
    channel: Slug,
    /// When it came or went.
    #[schema(value_type = String, format = DateTime)]
    received_at: Time,
    /// The interface it used.
    #[schema(example = "v2")]
    transport: String,
    /// What it asked for.
    #[schema(required, example = "newInstance")]
    activity: Option<String>,
    /// The marketplace's order id.
    #[schema(required)]
    order_id: Option<String>,
    /// The instance it is about.
    #[schema(required)]
    instance_id: Option<String>,
    /// The license it is about.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    license_id: Option<LicenseId>,
    /// Whether it was a debug call.
    debug: bool,
    /// The answer's code.
    #[schema(example = "000000")]
    result_code: String,
    /// The answer's message.
    result_msg: String,
    /// What it changed, in words.
    #[schema(required)]
    change: Option<String>,
    /// How long the answer took, in microseconds.
    duration_us: i64,
    /// The request without its secrets; only when one message is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

impl Message {
    /// As a list shows it.
    fn brief(it: MessageRecord) -> Self {
        Self { request: None, ..Self::whole(it) }
    }

    /// With its request.
    fn whole(it: MessageRecord) -> Self {
        Self {
            id: it.id,
            channel: it.channel,
            received_at: it.received_at,
            transport: it.transport,
            activity: it.activity,
            order_id: it.order_id,
            instance_id: it.instance_id,
            license_id: it.license_id,
            debug: it.debug,
            result_code: it.result_code,
            result_msg: it.result_msg,
            change: it.change,
            duration_us: it.duration_us,
            request: Some(it.request),
        }
    }
}
