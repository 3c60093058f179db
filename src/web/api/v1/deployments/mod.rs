//! Deployments: the holder of a license puts the software onto a server. The license itself is the credential; what opens
//! the customer's cloud account comes in the body of the calls that need it.
//!
//! One file per verb; the deployment as every answer shows it is here.

pub mod agency;
pub mod begin;
pub mod list;
pub mod offer;
pub mod policy;
pub mod script;
pub mod show;
pub mod wish;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{ids::DeploymentId, secret::SecretString, time::Time},
    license::model::License,
    provision::{
        plan,
        provider::{self, Entry},
    },
    usecase::{
        Actor, Failure,
        deployment::{Deployment, Obstacle, Sighting},
        lookup,
    },
    web::{api::licensed::Licensed, html::Words, problem::Problem},
};

/// The addresses.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_deployments, begin::begin_deployment))
        .routes(routes!(agency::show_agency))
        .routes(routes!(policy::show_policy))
        .routes(routes!(offer::offer_servers))
        .routes(routes!(begin::quote_deployment))
        .routes(routes!(show::show_deployment))
        .routes(routes!(wish::wish_deployment))
        .routes(routes!(script::deployment_script))
}

/// The license that was shown.
async fn holder(app: &App, licensed: Licensed) -> Result<License, Problem> {
    let credential = licensed.credential;
    let found = app.read::<_, Failure, _>(Actor::Software, move |tx, ctx| lookup::find(tx, ctx, &credential)).await?;
    found.ok_or_else(|| {
        let detail = "No license of this service has that code or key.";
        Problem::new(axum::http::StatusCode::FORBIDDEN, "license-refused", "The license does not permit it", detail)
    })
}

/// Where to deploy to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// `huawei`, `ec2`, `simulated` where it is offered, or `own` for a server that exists.
    #[schema(example = "huawei")]
    cloud: String,
    /// The region's id; empty for a server that exists.
    #[serde(default)]
    #[schema(max_length = 64, example = "cn-north-4")]
    region: String,
    /// An endpoint that is none of the known ones; the operator must allow it.
    #[serde(default)]
    #[schema(max_length = 200)]
    endpoint: Option<String>,
    /// Whether the token of temporary credentials may be sent to `endpoint`: whoever answers there can use it.
    #[serde(default)]
    session_tokens: bool,
}

impl TryFrom<Place> for plan::Place {
    type Error = Problem;

    fn try_from(place: Place) -> Result<Self, Problem> {
        let cloud = place.cloud.parse().map_err(|why: String| Problem::unprocessable(format!("{why}.")))?;
        let plain = |text: &str, most| text.len() <= most && text.chars().all(|char| char.is_ascii_graphic());
        if !plain(&place.region, 64) || !place.endpoint.as_deref().is_none_or(|it| plain(it, 200)) {
            return Err(Problem::unprocessable("`region` has at most 64 and `endpoint` at most 200 plain characters."));
        }
        let Place { region, endpoint, session_tokens, .. } = place;
        if session_tokens && endpoint.is_none() {
            return Err(Problem::unprocessable("`session_tokens` is said of an `endpoint`: known clouds take them."));
        }
        Ok(Self { cloud, region, endpoint, session_tokens })
    }
}

/// What opens the customer's account at the cloud: `access_key` and `secret_key`, or `agency`. Used for this deployment
/// only, kept sealed, forgotten as soon as nothing is left to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The access key's id (AK).
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    access_key: Option<String>,
    /// The secret key (SK).
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, format = Password)]
    secret_key: Option<SecretString>,
    /// The token of temporary credentials.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 8192, format = Password)]
    session_token: Option<SecretString>,
    /// The customer's trust in the place of keys: made as `GET /deployments/agency` says.
    #[serde(default)]
    agency: Option<Agency>,
}

/// An agency at Huawei Cloud: `urn` or `account`. Its name and external id are never told: they are the license's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// The URN of a trust agency.
    #[serde(default)]
    #[schema(max_length = 256, example = "iam::0a1b2c:agency:signet")]
    urn: Option<String>,
    /// The id of the account with an agency of the older kind.
    #[serde(default)]
    #[schema(max_length = 64)]
    account: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl std::fmt::Debug for Agency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agency(…)")
    }
}

impl TryFrom<Credentials> for Entry {
    type Error = Problem;

    fn try_from(sent: Credentials) -> Result<Self, Problem> {
        match sent {
            Credentials { access_key: Some(access_key), secret_key: Some(secret_key), session_token, agency: None } => {
                let keys = provider::Credentials::checked(&access_key, &secret_key, session_token.as_ref());
                keys.map(Self::Keys).map_err(Problem::unprocessable)
            }
            Credentials { access_key: None, secret_key: None, session_token: None, agency: Some(agency) } => {
                agency.try_into().map(Self::Agency)
            }
            _ => Err(Problem::unprocessable(
                "`credentials` has `access_key` and `secret_key`, perhaps `session_token`; or nothing but `agency`.",
            )),
        }
    }
}

impl TryFrom<Agency> for provider::Agency {
    type Error = Problem;

    fn try_from(sent: Agency) -> Result<Self, Problem> {
        match sent {
            Agency { urn: Some(urn), account: None } => Self::trust(&urn).map_err(Problem::unprocessable),
            Agency { urn: None, account: Some(account) } => Self::named(&account).map_err(Problem::unprocessable),
            _ => Err(Problem::unprocessable("`agency` has either `urn` or `account`.")),
        }
    }
}

/// One run of a product's recipe.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentBody {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: DeploymentId,
    /// `deploy` or `remove`.
    #[schema(example = "deploy")]
    goal: &'static str,
    /// `running`, `needs_credentials`, `failed`, `kept`, `healthy`, `gone` or `removed`.
    #[schema(example = "running")]
    status: &'static str,
    /// What is worked on, or was last: `preflight`, `accepted`, `server_created`, `bootstrap_called`, `downloading`,
    /// `installing`, `activating` or `healthy`.
    #[schema(example = "server_created")]
    stage: &'static str,
    /// The cloud.
    #[schema(example = "huawei")]
    cloud: &'static str,
    /// The region.
    region: String,
    /// The version that is installed.
    version: String,
    /// The server's address.
    #[schema(required)]
    address: Option<String>,
    /// Why it does not go on.
    #[schema(required)]
    problem: Option<ObstacleBody>,
    /// Whether somebody asked for a look at the cloud that is not done yet.
    checking: bool,
    /// What the last such look found of the server.
    #[schema(required)]
    sighting: Option<SightingBody>,
    /// Whether a second machine used its token.
    suspect: bool,
    /// When the stage must have ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    deadline_at: Option<Time>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// Why a deployment does not go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ObstacleBody {
    /// The stage it happened in.
    stage: &'static str,
    /// A stable name.
    #[schema(example = "capacity")]
    kind: String,
    /// What happened: in the language that `Accept-Language` prefers, or as the cloud said it.
    message: String,
    /// The cloud's code, or the machine's.
    #[schema(required)]
    code: Option<String>,
    /// By which the cloud's support finds the call.
    #[schema(required)]
    request_id: Option<String>,
    /// What to do next, in the language that `Accept-Language` prefers: Chinese or English.
    #[schema(example = "Give the user the policy that the wizard shows, then resume.")]
    advice: &'static str,
}

impl ObstacleBody {
    fn of(t: Words, obstacle: Obstacle) -> Self {
        let advice = obstacle.advice(t.0);
        let Obstacle { stage, kind, message, code, request_id } = obstacle;
        let message = message.get(t.0).to_owned();
        Self { stage: stage.as_str(), kind, message, code, request_id, advice }
    }
}

/// What a look at the cloud found of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct SightingBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// `building`, `running`, `stopped`, `broken` or `gone`; `null`: nothing was found out.
    #[schema(required, example = "running")]
    server: Option<&'static str>,
    /// The server's address.
    #[schema(required)]
    address: Option<String>,
    /// Why nothing was found out.
    #[schema(required)]
    problem: Option<ObstacleBody>,
}

impl SightingBody {
    fn of(t: Words, it: Sighting) -> Self {
        let problem = it.obstacle.map(|it| ObstacleBody::of(t, it));
        Self { at: it.at, server: it.state.map(|it| it.as_str()), address: it.address, problem }
    }
}

impl DeploymentBody {
    fn of(t: Words, deployment: &Deployment) -> Result<Self, Problem> {
        let (record, plan) = (&deployment.record, &deployment.plan);
        Ok(Self {
            id: record.id,
            goal: record.goal.as_str(),
            status: record.status.as_str(),
            stage: record.stage.as_str(),
            cloud: plan.place.cloud.as_str(),
            region: plan.place.region.clone(),
            version: plan.package.version.clone(),
            address: record.address.clone(),
            problem: deployment.obstacle()?.map(|it| ObstacleBody::of(t, it)),
            checking: deployment.is_checking(),
            sighting: deployment.sighting()?.map(|it| SightingBody::of(t, it)),
            suspect: record.suspect,
            deadline_at: record.deadline_at,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}
