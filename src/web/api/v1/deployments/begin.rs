//! `POST /deployments` and `POST /deployments/quote`.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::DeploymentId, secret::SecretString},
    provision::{
        offer::Chosen,
        plan::{Cloud, ServerChoice},
        provider::Price,
    },
    usecase::Actor,
    web::{
        api::{licensed::Licensed, openapi::DeployProblems, submit::Submitted},
        deployment::{self, Wanted},
        html::Words,
        problem::Problem,
    },
};

use super::{Credentials, DeploymentBody, Place, holder, offer::size};

/// What to deploy, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// Chosen by the caller: the same id again is the same deployment.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    id: Option<DeploymentId>,
    /// Where.
    place: Place,
    /// What opens the account; not for a server that exists.
    #[serde(default)]
    credentials: Option<Credentials>,
    /// The server that is made, by the ids of `POST /deployments/offer`; not for a server that exists.
    #[serde(default)]
    server: Option<Server>,
    /// Root's password on it: 8 to 26 characters of three kinds. Only its hash leaves this call.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// Answers to the recipe's parameters; where there is none, the recipe's default stands.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// A server, by the ids of its parts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name: letters, digits and `-`.
    #[schema(min_length = 1, max_length = 59, example = "atlas-1")]
    name: String,
    /// The zone.
    zone: String,
    /// The flavor.
    flavor: String,
    /// The image.
    image: String,
    /// System disk, GiB.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 32768)]
    disk_gib: Option<u32>,
    /// The subnet.
    subnet: String,
    /// The security group.
    security_group: String,
    /// A public address of its own: Mbit/s.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2000)]
    public_address_mbit: Option<u16>,
    /// A key pair's name.
    #[serde(default)]
    key_pair: Option<String>,
}

impl From<Server> for Chosen {
    fn from(server: Server) -> Self {
        let Server { name, zone, flavor, image, disk_gib, subnet, security_group, public_address_mbit, key_pair } =
            server;
        Self { name, zone, flavor, image, disk_gib, subnet, security_group, public_address_mbit, key_pair }
    }
}

/// Begin a deployment.
///
/// Everything that can be checked is checked before anything is paid for. Follow it with `GET /deployments/{id}`.
#[utoipa::path(
    post, path = "/deployments", tag = "deployments", request_body = Begin, security(("license" = [])),
    responses((status = 202, description = "It began, or had begun.", body = DeploymentBody), DeployProblems),
)]
pub async fn begin_deployment(
    State(app): State<App>,
    t: Words,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<(StatusCode, Json<DeploymentBody>), Problem> {
    let begin: Begin = submitted.json()?;
    let license = holder(&app, licensed).await?;
    let begun = deployment::begin(&app, Actor::Software, license.id, begin.wanted(&app).await?).await?;
    Ok((StatusCode::ACCEPTED, Json(DeploymentBody::of(t, &begun)?)))
}

/// What a deployment would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quote {
    /// The version that would be installed.
    version: String,
    /// Whether nothing of it is real.
    simulated: bool,
    /// The server that would be made; `null`: a server exists.
    #[schema(required)]
    server: Option<QuotedServer>,
}

/// A server, by what people call its parts.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotedServer {
    /// The zone.
    zone: String,
    /// The flavor and its size.
    flavor: String,
    /// The image.
    image: String,
    /// System disk, GiB.
    disk_gib: u32,
    /// Network and subnet.
    subnet: String,
    /// The security group.
    security_group: String,
    /// A public address of its own: Mbit/s.
    #[schema(required)]
    public_address_mbit: Option<u16>,
    /// What it costs; `null`: the cloud does not tell.
    #[schema(required)]
    price: Option<PriceBody>,
}

/// What a server costs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceBody {
    /// For an hour, as the cloud writes it.
    #[schema(example = "0.1234")]
    per_hour: String,
    /// For a month of 730 hours.
    per_month: String,
    /// ISO 4217.
    #[schema(example = "CNY")]
    currency: String,
}

impl From<ServerChoice> for QuotedServer {
    fn from(server: ServerChoice) -> Self {
        let price =
            server.price.map(|Price { per_hour, per_month, currency }| PriceBody { per_hour, per_month, currency });
        Self {
            flavor: size(&server.flavor),
            zone: server.zone,
            image: server.image.name,
            disk_gib: server.disk_gib,
            subnet: format!("{} / {}", server.network.name, server.subnet.name),
            security_group: server.security_group.name,
            public_address_mbit: server.public_address_mbit,
            price,
        }
    }
}

/// Say what a deployment would be, and cost.
///
/// Everything is looked up and checked as for a deployment, and nothing begins.
#[utoipa::path(
    post, path = "/deployments/quote", tag = "deployments", request_body = Begin, security(("license" = [])),
    responses((status = 200, description = "What would be made.", body = Quote), DeployProblems),
)]
pub async fn quote_deployment(
    State(app): State<App>,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Json<Quote>, Problem> {
    let begin: Begin = submitted.json()?;
    let license = holder(&app, licensed).await?;
    let plan = deployment::quote(&app, &license, begin.wanted(&app).await?).await?;
    Ok(Json(Quote {
        version: plan.package.version,
        simulated: plan.place.cloud == Cloud::Simulated,
        server: plan.server.map(Into::into),
    }))
}

impl Begin {
    async fn wanted(self, app: &App) -> Result<Wanted, Problem> {
        let password = match self.password {
            Some(clear) => Some(deployment::hashed(app, clear).await?),
            None => None,
        };
        Ok(Wanted {
            id: self.id,
            place: self.place.try_into()?,
            credentials: self.credentials.map(TryInto::try_into).transpose()?,
            server: self.server.map(Into::into),
            password,
            answers: self.parameters,
        })
    }
}
