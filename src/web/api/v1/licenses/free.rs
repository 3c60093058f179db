//! `DELETE /licenses/{id}/activations/{activation}`.

use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    app::App,
    base::ids::{ActivationId, LicenseId},
    usecase::{activation, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::Ids,
            openapi::ChangeProblems,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

use super::activations::LicensedMachine;

/// Free a machine's seat.
///
/// The machine runs on until its lease and grace end, unless it asks before. Freeing it again changes nothing. Scope
/// `licenses:write`.
#[utoipa::path(
    delete, path = "/licenses/{id}/activations/{activation}", tag = "licenses",
    params(
        ("id" = String, Path, format = "uuid", description = "The license's id."),
        ("activation" = String, Path, format = "uuid", description = "The activation's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The machine, without a seat.", body = LicensedMachine), ChangeProblems),
)]
pub async fn free_activation(
    State(app): State<App>,
    authorized: Authorized,
    Ids(license, id): Ids<LicenseId, ActivationId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    submitted.nothing()?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let unknown = || Problem::not_found(format!("There is no license {license} with an activation {id}."));
            let freed = activation::free(tx, ctx, license, id)?.ok_or_else(unknown)?;
            Reply::json(StatusCode::OK, &LicensedMachine::at(ctx.now, freed))
        })
        .await
}
