//! `POST /deployments/{id}/wish`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::DeploymentId,
    provision::{
        provider::Entry,
        run::{NotNow, Wish},
    },
    usecase::{Actor, Failure, deployment::wish},
    web::{
        api::{input::Id, licensed::Licensed, openapi::WishProblems, submit::Submitted},
        html::Words,
        problem::Problem,
    },
};

use super::{Credentials, DeploymentBody, holder, show::missing};

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `resume`: go on where it stopped. `keep`: leave what is there, to be looked at. `remove`: remove what it made,
    /// also while it is under way. `check`: look at the cloud whether its server is still there, with credentials; what was
    /// found is in `sighting` once `checking` is `false`.
    #[schema(example = "resume")]
    wish: String,
    /// What opens the account, where the earlier ones are over or were forgotten.
    #[serde(default)]
    credentials: Option<Credentials>,
}

/// Ask something of a deployment.
#[utoipa::path(
    post, path = "/deployments/{id}/wish", tag = "deployments", request_body = Asked, security(("license" = [])),
    params(("id" = String, Path, format = "uuid", description = "The deployment.")),
    responses((status = 200, description = "The deployment as it stands now.", body = DeploymentBody), WishProblems),
)]
pub async fn wish_deployment(
    State(app): State<App>,
    t: Words,
    licensed: Licensed,
    Id(id): Id<DeploymentId>,
    submitted: Submitted,
) -> Result<Json<DeploymentBody>, Problem> {
    let asked: Asked = submitted.json()?;
    let wished: Wish = asked.wish.parse().map_err(|_| {
        Problem::unprocessable(format!(
            "`{}` is none of `resume`, `keep`, `remove` and `check`.",
            asked.wish.escape_default()
        ))
    })?;
    let credentials: Option<Entry> = asked.credentials.map(TryInto::try_into).transpose()?;
    let license = holder(&app, licensed).await?.id;
    let outcome = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| {
            wish::wish(tx, ctx, Some(license), id, wished, credentials.as_ref())
        })
        .await?
        .ok_or_else(missing)?;
    let deployment = outcome.map_err(|refused| match refused {
        NotNow::SessionTokens => Problem::unprocessable(refused.to_string()),
        _ => Problem::conflict(format!("{refused}.")),
    })?;
    DeploymentBody::of(t, &deployment).map(Json)
}
