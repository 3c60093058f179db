//! `GET /licenses/{id}/secrets`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::LicenseId,
    usecase::{Actor, merchant, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::unknown;

/// The two faces of a license.
#[derive(Serialize, ToSchema)]
pub struct LicenseSecrets {
    /// The newest license code.
    license_code: String,
    /// The license key.
    #[schema(example = "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")]
    license_key: String,
    /// The signed key for software that was written for Keygen; `null` unless the product's `license_keys` is `signed`.
    signed_key: Option<String>,
}

/// Without code and key.
impl std::fmt::Debug for LicenseSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LicenseSecrets(…)")
    }
}

/// The code and key of a license.
///
/// Whoever holds them can use the license. Scope `licenses:reveal`.
#[utoipa::path(
    get, path = "/licenses/{id}/secrets", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:reveal"])),
    responses((status = 200, description = "Its newest code, and its key.", body = LicenseSecrets), ItemProblems),
)]
pub async fn reveal_license(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<Json<LicenseSecrets>, Problem> {
    let bearer = authorized.require(Scope::LicensesReveal)?;
    let revealed = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| {
            Ok(merchant::reveal(tx, ctx, id)?.ok_or_else(|| unknown(id))?)
        })
        .await?;
    let merchant::Revealed { code, key, signed_key, .. } = revealed;
    Ok(Json(LicenseSecrets { license_code: code, license_key: key, signed_key }))
}
