//! `POST /alerts/{id}/resolve`.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    app::App,
    base::ids::AlertId,
    usecase::{alert, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::Id,
            openapi::ChangeProblems,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

use super::Alert;

/// Mark an alert as dealt with.
///
/// An alert that is resolved stays as it is. Scope `alerts:write`.
#[utoipa::path(
    post, path = "/alerts/{id}/resolve", tag = "alerts",
    params(
        ("id" = String, Path, format = "uuid", description = "The alert's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["alerts:write"])),
    responses((status = 200, description = "The alert, resolved.", body = Alert), ChangeProblems),
)]
pub async fn resolve_alert(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<AlertId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::AlertsWrite)?;
    submitted.nothing()?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            alert::resolve(tx, ctx, id)?;
            let unknown = || Problem::not_found(format!("There is no alert {id}. /api/v1/alerts lists the open ones."));
            let alert = tx.alert_find(id)?.ok_or_else(unknown)?;
            Reply::json(StatusCode::OK, &Alert::from(alert))
        })
        .await
}
