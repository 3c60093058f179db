//! `POST /licenses/{id}/resume`.

use axum::{extract::State, response::Response};

use crate::{
    app::App,
    base::ids::LicenseId,
    usecase::{merchant::Act, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ChangeProblems, submit::Submitted},
        problem::Problem,
    },
};

use super::{License, change};

/// Resume a license.
///
/// Lifts the merchant's hold. A hold of the marketplace stays, and with it the state `frozen`. A released license
/// answers 409. Scope `licenses:write`.
#[utoipa::path(
    post, path = "/licenses/{id}/resume", tag = "licenses",
    params(
        ("id" = String, Path, format = "uuid", description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now.", body = License), ChangeProblems),
)]
pub async fn resume_license(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    submitted.nothing()?;
    change(&app, bearer, submitted, id, Act::Resume).await
}
