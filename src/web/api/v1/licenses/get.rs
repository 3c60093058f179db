//! `GET /licenses/{id}`.

use axum::{Json, extract::State};

use crate::{
    app::App,
    base::ids::LicenseId,
    usecase::{Actor, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::{License, unknown};

/// One license.
///
/// Without its code and key: see `…/secrets`. Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses/{id}", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The license.", body = License), ItemProblems),
)]
pub async fn get_license(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<Json<License>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let license = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| {
            Ok(tx.license_find(id)?.ok_or_else(|| unknown(id))?)
        })
        .await?;
    Ok(Json(license.into()))
}
