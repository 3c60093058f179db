//! `GET /licenses/{id}`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::LicenseId,
    usecase::{Actor, token::Scope, usage},
    web::{
        api::{
            auth::Authorized,
            input::Id,
            meter::{MeterState, states},
            openapi::ItemProblems,
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::{License, unknown};

/// A license, with what was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicenseDetail {
    #[serde(flatten)]
    license: License,
    /// The meters of its plan, each with what was used in its period.
    meters: Vec<MeterState>,
}

/// One license.
///
/// Without its code and key: see `…/secrets`. Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses/{id}", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The license.", body = LicenseDetail), ItemProblems),
)]
pub async fn get_license(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<Json<LicenseDetail>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let (license, meters) = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| {
            let license = tx.license_find(id)?.ok_or_else(|| unknown(id))?;
            let meters = usage::readings(tx, ctx, &license)?;
            Ok((license, meters))
        })
        .await?;
    Ok(Json(LicenseDetail { license: license.into(), meters: states(&meters) }))
}
