//! `DELETE /activations/{id}`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::ActivationId,
    usecase::{Actor, Failure, activation as usecase, verdict::Verdict},
    web::{
        api::{input::Id, licensed::Licensed, openapi::FreeProblems},
        problem::Problem,
    },
};

use super::refused;

/// A seat that is free.
#[derive(Debug, Serialize, ToSchema)]
pub struct Freed {
    /// Whose it was.
    #[schema(value_type = String, format = "uuid")]
    activation: ActivationId,
    /// What software is told of this activation from now on.
    #[schema(example = "machine_unknown")]
    reason: &'static str,
    /// The same, as a `validation+jwt`. Only when it verifies and names the activation is the seat free: anybody on the way
    /// can answer 200.
    signed: String,
    /// The key list by which `signed` verifies, as a `keys+jwt`.
    keys: String,
}

/// Give a seat back.
///
/// Whatever state the license is in; also when the seat was given back before. A machine that has the license can free
/// the seat of one that is lost.
#[utoipa::path(
    delete, path = "/activations/{id}", tag = "software",
    params(("id" = String, Path, format = "uuid", description = "The activation.")),
    security(("license" = [])),
    responses((status = 200, description = "The seat is free.", body = Freed), FreeProblems),
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
    let freed = |it: Verdict| Freed { activation: id, reason: it.reason.as_str(), signed: it.signed, keys: it.keys };
    Ok(outcome.map_or_else(|it| refused(*it), |it| Json(freed(it)).into_response()))
}
