//! `POST /licenses/{id}/extend`.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::LicenseId, time::Time},
    usecase::{merchant::Act, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::{self, Id},
            openapi::ChangeProblems,
            submit::Submitted,
        },
        problem::Problem,
    },
};

use super::{License, change};

/// The new end of a license.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendLicense {
    /// When it ends; `null`: never. An earlier instant than the present one shortens it.
    #[serde(deserialize_with = "input::present")]
    #[schema(required, value_type = Option<String>, format = DateTime, example = "2028-01-31T08:00:00Z")]
    expires_at: Option<Time>,
}

/// Set the end of a license.
///
/// Either way: later or earlier. Holds stay. Signs a new license code when the plan's codes carry the end. A released
/// license answers 409. Scope `licenses:write`.
#[utoipa::path(
    post, path = "/licenses/{id}/extend", tag = "licenses",
    params(
        ("id" = String, Path, format = "uuid", description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    request_body = ExtendLicense, security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now.", body = License), ChangeProblems),
)]
pub async fn extend_license(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    let wanted: ExtendLicense = submitted.json()?;
    change(&app, bearer, submitted, id, Act::Extend(wanted.expires_at)).await
}
