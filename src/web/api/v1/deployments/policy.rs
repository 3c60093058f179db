//! `GET /deployments/policy`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    provision::plan::Cloud,
    web::{
        api::{input::Filters, licensed::Licensed, openapi::LookProblems},
        problem::Problem,
    },
};

use super::holder;

/// Where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct At {
    /// `huawei`, `ec2`, or `simulated` where it is offered.
    #[param(example = "huawei")]
    cloud: String,
    /// The region's id.
    #[serde(default)]
    #[param(max_length = 64, example = "cn-north-4")]
    region: String,
}

/// The rights that a deployment needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyBody {
    /// The cloud.
    #[schema(example = "huawei")]
    cloud: &'static str,
    /// The policy, as the cloud's console takes it: nothing more than a deployment needs.
    #[schema(value_type = Object)]
    policy: serde_json::Value,
}

/// Say which rights the credentials need.
///
/// Give a user of the cloud account this policy and nothing else, and the user's keys to a deployment.
#[utoipa::path(
    get, path = "/deployments/policy", tag = "deployments", security(("license" = [])), params(At),
    responses((status = 200, description = "The least rights.", body = PolicyBody), LookProblems),
)]
pub async fn show_policy(
    State(app): State<App>,
    licensed: Licensed,
    Filters(at): Filters<At>,
) -> Result<Json<PolicyBody>, Problem> {
    holder(&app, licensed).await?;
    let offered = |cloud: &Cloud| app.clouds().offered().contains(cloud);
    let cloud = at.cloud.parse::<Cloud>().ok().filter(offered);
    let policy = cloud.and_then(|cloud| Some((cloud, app.clouds().policy(cloud, &at.region)?)));
    let (cloud, policy) = policy.ok_or_else(|| {
        Problem::not_found("No rights are needed there, or the service does not deploy there: name one of its clouds.")
    })?;
    Ok(Json(PolicyBody { cloud: cloud.as_str(), policy }))
}
