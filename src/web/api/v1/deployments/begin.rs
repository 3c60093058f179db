//! `POST /deployments`.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::DeploymentId, secret::SecretString},
    provision::offer::Chosen,
    usecase::Actor,
    web::{
        api::{licensed::Licensed, openapi::DeployProblems, submit::Submitted},
        deployment::{self, Wanted},
        problem::Problem,
    },
};

use super::{Credentials, DeploymentBody, Place, holder};

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
    /// Answers to the recipe's parameters.
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
    licensed: Licensed,
    submitted: Submitted,
) -> Result<(StatusCode, Json<DeploymentBody>), Problem> {
    let begin: Begin = submitted.json()?;
    let license = holder(&app, licensed).await?;
    let wanted = Wanted {
        id: begin.id,
        place: begin.place.try_into()?,
        credentials: begin.credentials.map(TryInto::try_into).transpose()?,
        server: begin.server.map(Into::into),
        password: begin.password.as_ref().map(|clear| deployment::hashed(&app, clear)).transpose()?,
        answers: begin.parameters,
    };
    let begun = deployment::begin(&app, Actor::Software, license.id, wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(DeploymentBody::of(&begun)?)))
}
