//! `GET /licenses/{id}/history`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    base::{
        ids::{HistoryId, LicenseId},
        time::Time,
    },
    store::HistoryRecord,
    usecase::{Actor, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::{Filters, Id},
            openapi::ItemProblems,
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::unknown;

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

/// One entry of a license's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: HistoryId,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Who did it.
    #[schema(example = "token:crm")]
    actor: String,
    /// What happened.
    #[schema(example = "suspended")]
    event: String,
    /// What changed, field by field.
    #[schema(value_type = Object, example = json!({ "state": { "from": "active", "to": "frozen" } }))]
    detail: Value,
}

impl From<HistoryRecord> for HistoryEntry {
    fn from(it: HistoryRecord) -> Self {
        Self { id: it.id, at: it.at, actor: it.actor, event: it.event, detail: it.detail }
    }
}

/// What happened to a license, newest first.
///
/// Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses/{id}/history", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id."), Wanted),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of its history.", body = Page<HistoryEntry>), ItemProblems),
)]
pub async fn license_history(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<HistoryEntry>>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let place = Place::new("history", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows) = (place.after, place.rows());
    let found = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| {
            tx.license_find(id)?.ok_or_else(|| unknown(id))?;
            Ok(tx.history_page(id, after, rows)?)
        })
        .await?;
    Ok(Json(place.page(found, |entry| entry.id, HistoryEntry::from)))
}
