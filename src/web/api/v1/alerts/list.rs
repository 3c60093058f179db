//! `GET /alerts`.

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

use super::Alert;

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Resolved ones too.
    #[serde(default)]
    #[param(default = false, required = false)]
    include_resolved: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// Alerts, newest first; only open ones unless asked.
///
/// Scope `alerts:read`.
#[utoipa::path(
    get, path = "/alerts", tag = "alerts", params(Wanted), security(("bearer" = ["alerts:read"])),
    responses((status = 200, description = "A page of alerts.", body = Page<Alert>), ListProblems),
)]
pub async fn list_alerts(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Alert>>, Problem> {
    let bearer = authorized.require(Scope::AlertsRead)?;
    let place = Place::new("alerts", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows, open_only) = (place.after, place.rows(), !wanted.include_resolved);
    let found = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| Ok(tx.alert_page(open_only, after, rows)?))
        .await?;
    Ok(Json(place.page(found, |alert| alert.id, Alert::from)))
}
