//! `GET /webhooks`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    usecase::{Actor, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::Filters,
            openapi::ListProblems,
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::Webhook;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// Webhooks, newest first.
///
/// Scope `webhooks:read`.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", params(Wanted), security(("bearer" = ["webhooks:read"])),
    responses((status = 200, description = "A page of webhooks.", body = Page<Webhook>), ListProblems),
)]
pub async fn list_webhooks(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Webhook>>, Problem> {
    let bearer = authorized.require(Scope::WebhooksRead)?;
    let place = Place::new("webhooks", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows) = (place.after, place.rows());
    let found =
        app.read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| Ok(tx.webhook_page(after, rows)?)).await?;
    Ok(Json(place.page(found, |it| it.id, Webhook::from)))
}
