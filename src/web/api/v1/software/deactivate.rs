//! `DELETE /activations/{id}`.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    base::ids::ActivationId,
    usecase::{Actor, Failure, activation as usecase},
    web::{
        api::{input::Id, licensed::Licensed, openapi::FreeProblems},
        problem::Problem,
    },
};

use super::refused;

/// Give a seat back.
///
/// Whatever state the license is in; also when the seat was given back before. A machine that has the license can free
/// the seat of one that is lost.
#[utoipa::path(
    delete, path = "/activations/{id}", tag = "software",
    params(("id" = String, Path, format = "uuid", description = "The activation.")),
    security(("license" = [])),
    responses((status = 204, description = "The seat is free."), FreeProblems),
)]
pub async fn deactivate(
    State(app): State<App>,
    licensed: Licensed,
    Id(id): Id<ActivationId>,
) -> Result<Response, Problem> {
    let credential = licensed.credential;
    let outcome = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| usecase::deactivate(tx, ctx, &credential, id))
        .await?;
    Ok(outcome.map_or_else(|it| refused(*it), |()| StatusCode::NO_CONTENT.into_response()))
}
