//! `GET /messages`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    base::{ids::LicenseId, slug::Slug, time::Time},
    store::MessageFilter,
    usecase::{Actor, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::{Filters, Text},
            openapi::ListProblems,
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::Message;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Of this channel.
    #[param(value_type = Option<String>)]
    channel: Option<Slug>,
    /// Of this activity.
    #[param(value_type = Option<String>, example = "newInstance")]
    activity: Option<Text>,
    /// With this order id of the marketplace.
    #[param(value_type = Option<String>)]
    order_id: Option<Text>,
    /// About this license.
    #[param(value_type = Option<String>, format = "uuid")]
    license_id: Option<LicenseId>,
    /// Answered with this code.
    #[param(value_type = Option<String>, example = "000000")]
    result_code: Option<Text>,
    /// Only debug calls, or none of them.
    debug: Option<bool>,
    /// Before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    received_before: Option<Time>,
    /// At this instant or later.
    #[param(value_type = Option<String>, format = DateTime)]
    received_after: Option<Time>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// Messages, newest first, without their requests.
///
/// Scope `messages:read`.
#[utoipa::path(
    get, path = "/messages", tag = "messages", params(Wanted), security(("bearer" = ["messages:read"])),
    responses((status = 200, description = "A page of messages.", body = Page<Message>), ListProblems),
)]
pub async fn list_messages(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Message>>, Problem> {
    let bearer = authorized.require(Scope::MessagesRead)?;
    let place = Place::new("messages", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows) = (place.after, place.rows());
    let filter = MessageFilter {
        channel: wanted.channel,
        activity: wanted.activity.map(|text| text.0),
        order_id: wanted.order_id.map(|text| text.0),
        license_id: wanted.license_id,
        result_code: wanted.result_code.map(|text| text.0),
        debug: wanted.debug,
        received_before: wanted.received_before,
        received_after: wanted.received_after,
    };
    let found = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| Ok(tx.message_page(&filter, after, rows)?))
        .await?;
    Ok(Json(place.page(found, |message| message.id, Message::brief)))
}
