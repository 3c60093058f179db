//! `POST /offline-activations`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use signet_verify::request::Request;
use utoipa::ToSchema;

use crate::{
    app::App,
    usecase::{Actor, Failure, offline as usecase},
    web::{
        api::{licensed::Licensed, openapi::SeatProblems, submit::Submitted},
        problem::Problem,
    },
};

use super::{bundle, refused};

/// A machine without network.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateOffline {
    /// Its request text, all lines of it.
    #[schema(max_length = 8192)]
    request: String,
}

/// What travels to a machine: the texts that it has, each signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bundle {
    /// The form of the bundle.
    #[schema(example = 1)]
    signet: u32,
    /// The product.
    #[schema(example = "atlas")]
    product: String,
    /// The newest key list: a `keys+jwt`.
    keys: String,
    /// The newest license code: a `license+jwt`.
    code: String,
    /// A machine's lease: a `lease+jwt`.
    lease: Option<String>,
    /// A license file: a `license-file+jwt`.
    license_file: Option<String>,
    /// The revocation list, where it is short: a `revocations+jwt`.
    revocations: Option<String>,
}

/// Activate a machine without network.
///
/// The machine shows a request text; the answer is what is carried back to it. It gets the same activation as if it had
/// asked itself, for as long as the plan allows one that never asks. Renewing is the same exchange again.
#[utoipa::path(
    post, path = "/offline-activations", tag = "software", request_body = ActivateOffline, security(("license" = [])),
    responses(
        (status = 201, description = "The machine took a seat; the bundle for it.", body = Bundle),
        (status = 200, description = "The machine has a seat; its next bundle.", body = Bundle),
        SeatProblems,
    ),
)]
pub async fn activate_offline(
    State(app): State<App>,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let wanted: ActivateOffline = submitted.json()?;
    let request =
        Request::parse(&wanted.request).map_err(|error| Problem::unprocessable(format!("`request`: {error}.")))?;
    let credential = licensed.credential;
    let outcome = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| usecase::activate(tx, ctx, &credential, &request))
        .await?;
    Ok(match outcome {
        Ok(exchanged) => {
            let status = if exchanged.granted.new_seat { StatusCode::CREATED } else { StatusCode::OK };
            bundle(status, exchanged.bundle)
        }
        Err(it) => refused(*it),
    })
}
