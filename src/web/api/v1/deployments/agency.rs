//! `GET /deployments/agency`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    provision::plan::Cloud,
    web::{
        api::{licensed::Licensed, openapi::LookProblems},
        deployment,
        problem::Problem,
    },
};

use super::holder;

/// What the holder of a license writes into an agency at Huawei Cloud, so that the service can take it on.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgencyBody {
    /// The cloud.
    #[schema(example = "huawei")]
    cloud: &'static str,
    /// The account to trust, by its name: for an agency of the older kind.
    account: String,
    /// The same by its id: for a trust agency.
    account_id: String,
    /// The external id that a trust agency must ask for. It is this license's, and always the same.
    external_id: String,
    /// The name that an agency of the older kind must have. It is this license's, and always the same.
    name: String,
    /// The rights of a trust agency.
    #[schema(value_type = Object)]
    identity_policy: serde_json::Value,
    /// The rights of an agency of the older kind.
    #[schema(value_type = Object)]
    policy: serde_json::Value,
}

/// Say what to create so that no keys are needed.
///
/// Both kinds of agencies are tied to the license: no other license of this service can use them.
#[utoipa::path(
    get, path = "/deployments/agency", tag = "deployments", security(("license" = [])),
    responses((status = 200, description = "What to write into an agency.", body = AgencyBody), LookProblems),
)]
pub async fn show_agency(State(app): State<App>, licensed: Licensed) -> Result<Json<AgencyBody>, Problem> {
    let license = holder(&app, licensed).await?.id;
    let trust = deployment::trust(&app, license, Cloud::Huawei);
    let trust = trust.ok_or_else(|| Problem::not_found("This service takes no agencies: give keys."))?;
    Ok(Json(AgencyBody {
        cloud: Cloud::Huawei.as_str(),
        account: trust.account,
        account_id: trust.account_id,
        external_id: trust.bond.external_id,
        name: trust.bond.name,
        identity_policy: trust.identity_policy,
        policy: trust.policy,
    }))
}
