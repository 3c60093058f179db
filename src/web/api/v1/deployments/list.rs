//! `GET /deployments`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::limits,
    usecase::{Actor, Failure, deployment::show},
    web::{
        api::{licensed::Licensed, openapi::LookProblems},
        html::Words,
        problem::Problem,
    },
};

use super::{DeploymentBody, holder};

/// A license's deployments.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deployments {
    /// The newest hundred, newest first.
    deployments: Vec<DeploymentBody>,
}

/// The license's deployments.
#[utoipa::path(
    get, path = "/deployments", tag = "deployments", security(("license" = [])),
    responses((status = 200, description = "The newest hundred, newest first.", body = Deployments), LookProblems),
)]
pub async fn list_deployments(
    State(app): State<App>,
    t: Words,
    licensed: Licensed,
) -> Result<Json<Deployments>, Problem> {
    let license = holder(&app, licensed).await?.id;
    let page = app
        .read::<_, Failure, _>(Actor::Software, move |tx, _| show::page(tx, Some(license), None, limits::PAGE_ROWS))
        .await?;
    let deployments = page.iter().map(|it| DeploymentBody::of(t, it)).collect::<Result<_, _>>()?;
    Ok(Json(Deployments { deployments }))
}
