//! `POST /license-file`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::ActivationId, limits},
    usecase::{
        Actor, Failure,
        license_file::{self as usecase, Machines, Refused},
    },
    web::{
        api::{licensed::Licensed, openapi::FileProblems, submit::Submitted},
        problem::Problem,
    },
};

use super::{bundle, declined, offline::Bundle};

/// For which machines.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileFor {
    /// Their activations, at most 50. Left out: all that have a seat.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    activations: Option<Vec<ActivationId>>,
}

/// Fetch a license file.
///
/// For machines that never ask: bound to those that have a seat, with an end of its own. The answer is what is saved as
/// `.lic`. Everything in the body may be left out, and the body with it.
#[utoipa::path(
    post, path = "/license-file", tag = "software", request_body = Option<FileFor>, security(("license" = [])),
    responses((status = 200, description = "The file: a bundle.", body = Bundle), FileProblems),
)]
pub async fn license_file(
    State(app): State<App>,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let wanted: FileFor = submitted.json_or_default()?;
    let machines = wanted.activations.map_or(Machines::All, Machines::Of);
    let credential = licensed.credential;
    let made = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| usecase::for_holder(tx, ctx, &credential, &machines))
        .await?;
    match made {
        Ok(file) => Ok(bundle(StatusCode::OK, file.bundle)),
        Err(Refused::Verdict(verdict)) => Ok(declined(*verdict, None)),
        Err(Refused::TooMany) => {
            let detail = format!(
                "A license file names at most {} machines: choose some in `activations`.",
                limits::FILE_MACHINES
            );
            Err(Problem::unprocessable(detail))
        }
    }
}
