//! `GET /deployments/{id}/script`.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    base::ids::DeploymentId,
    usecase::{Actor, Failure, deployment::script},
    web::{
        api::{input::Id, licensed::Licensed, openapi::WishProblems},
        problem::Problem,
    },
};

use super::{holder, show::missing};

/// The script to run on a server that exists.
///
/// Run it as root, once; its token works for one machine and for a day.
#[utoipa::path(
    get, path = "/deployments/{id}/script", tag = "deployments", security(("license" = [])),
    params(("id" = String, Path, format = "uuid", description = "The deployment.")),
    responses(
        (status = 200, description = "A script for `sh`.", body = String, content_type = "text/x-shellscript"),
        WishProblems,
    ),
)]
pub async fn deployment_script(
    State(app): State<App>,
    licensed: Licensed,
    Id(id): Id<DeploymentId>,
) -> Result<Response, Problem> {
    let license = holder(&app, licensed).await?.id;
    let found = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| script::for_own_server(tx, ctx, license, id))
        .await?
        .ok_or_else(missing)?;
    let script = found.map_err(|refused| Problem::conflict(refused.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], script.text().to_owned()).into_response())
}
