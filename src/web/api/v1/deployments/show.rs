//! `GET /deployments/{id}`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    base::{ids::DeploymentId, text::Localized, time::Time},
    provision::run,
    usecase::{
        Actor, Failure,
        deployment::show::{self, Shown},
    },
    web::{
        api::{
            input::{Filters, Id},
            licensed::Licensed,
            openapi::LookProblems,
        },
        html::Words,
        problem::Problem,
    },
};

use super::{DeploymentBody, holder};

/// Where the log goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// Number of the last line that was seen.
    #[param(minimum = 0, default = 0)]
    after: Option<u32>,
}

/// A deployment with everything about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whole {
    #[serde(flatten)]
    deployment: DeploymentBody,
    /// The stages that began.
    stages: Vec<StageBody>,
    /// Up to 500 lines of its log after the one that was named.
    lines: Vec<LineBody>,
    /// What it made at the cloud.
    resources: Vec<ResourceBody>,
    /// What to show when it runs.
    outputs: Vec<OutputBody>,
    /// Set when the license does not hold any more: the server stays, the software stops.
    #[schema(required)]
    license_ended: Option<EndedBody>,
    /// Commands that remove the deployment on its server by hand; empty when there is nothing to remove.
    clean_up: Vec<String>,
}

/// A license that does not hold any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedBody {
    /// Why: `license_released`, `license_frozen` or `license_expired`.
    #[schema(example = "license_expired")]
    reason: &'static str,
    /// When the software stops by the lease that it has; `null`: it has none.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    runs_until: Option<Time>,
}

/// A stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct StageBody {
    /// Its name.
    stage: &'static str,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    /// When it must have ended.
    #[schema(value_type = String, format = DateTime)]
    deadline_at: Time,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Time>,
    /// Seconds that it usually takes.
    expected_seconds: i64,
}

/// A line of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineBody {
    /// From 1 on.
    number: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// In which stage.
    stage: &'static str,
    /// `signet`, `cloud` or `machine`.
    source: &'static str,
    /// The line.
    text: String,
}

/// Something at the cloud.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResourceBody {
    /// `server`, `disk` or `address`.
    kind: &'static str,
    /// The cloud's id.
    id: String,
    /// A name or address.
    #[schema(required)]
    name: Option<String>,
    /// When it was removed; `null`: it is paid for.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    removed_at: Option<Time>,
}

/// Something to show.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputBody {
    /// What it is, in Chinese.
    label_zh: String,
    /// What it is, in English.
    label_en: String,
    /// Its value.
    value: String,
}

/// One deployment, with stages, log, inventory and outputs.
#[utoipa::path(
    get, path = "/deployments/{id}", tag = "deployments", security(("license" = [])),
    params(("id" = String, Path, format = "uuid", description = "The deployment."), After),
    responses((status = 200, description = "The deployment.", body = Whole), LookProblems),
)]
pub async fn show_deployment(
    State(app): State<App>,
    t: Words,
    licensed: Licensed,
    Id(id): Id<DeploymentId>,
    Filters(after): Filters<After>,
) -> Result<Json<Whole>, Problem> {
    let license = holder(&app, licensed).await?.id;
    let after = after.after.unwrap_or(0).into();
    let shown = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| show::one(tx, ctx, Some(license), id, after))
        .await?
        .ok_or_else(missing)?;
    whole(t, shown).map(Json)
}

/// 404.
pub fn missing() -> Problem {
    Problem::not_found("The license has no such deployment.")
}

fn whole(t: Words, shown: Shown) -> Result<Whole, Problem> {
    let clean_up = shown.clean_up();
    let license_ended = shown.ended.map(|it| EndedBody { reason: it.reason.as_str(), runs_until: it.runs_until });
    let Shown { deployment, stages, lines, resources, .. } = shown;
    let (record, place) = (&deployment.record, &deployment.plan.place);
    // Where there is no server there is nothing to open; on one that exists the customer knows its address.
    let there = record.status != run::Status::Removed && (record.address.is_some() || !place.cloud.makes_servers());
    let outputs = there.then(|| deployment.plan.outputs(record.address.as_deref())).into_iter().flatten();
    Ok(Whole {
        license_ended,
        clean_up,
        deployment: DeploymentBody::of(t, &deployment)?,
        stages: stages
            .into_iter()
            .map(|it| StageBody {
                stage: it.stage.as_str(),
                started_at: it.started_at,
                deadline_at: it.deadline_at,
                ended_at: it.ended_at,
                expected_seconds: it.stage.expected().as_secs(),
            })
            .collect(),
        lines: lines
            .into_iter()
            .map(|it| LineBody {
                number: it.number,
                at: it.at,
                stage: it.stage.as_str(),
                source: it.source.as_str(),
                text: it.text,
            })
            .collect(),
        resources: resources
            .into_iter()
            .map(|it| ResourceBody {
                kind: it.kind.as_str(),
                id: it.provider_id,
                name: it.name,
                removed_at: it.removed_at,
            })
            .collect(),
        outputs: outputs
            .map(|(Localized { zh, en }, value)| OutputBody { label_zh: zh, label_en: en, value })
            .collect(),
    })
}
