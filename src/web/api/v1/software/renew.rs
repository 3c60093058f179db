//! `POST /activations/{id}/renew`.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::limits,
    usecase::{
        Actor, Failure,
        activation::{self as usecase, Renewal},
    },
    web::{
        api::{input::Text, licensed::Renewing, openapi::LeaseProblems, submit::Submitted},
        problem::Problem,
    },
};

use super::{
    Lease,
    fingerprint::{Fingerprint, components},
    granted, refused, stay,
};

/// A machine that wants its next lease.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The software's version.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "2.4.1")]
    version: Option<Text<{ limits::VERSION_CHARS }>>,
    /// What the machine is made of now: 1 to 8 components. Left out: unchanged.
    #[serde(default)]
    components: Option<Fingerprint>,
    /// Days for which it wants to stay away, where the plan lends seats.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    borrow_days: Option<u16>,
    /// Comes back in everything signed.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, example = "q83vEjRWeJA")]
    nonce: Option<Text<{ limits::NONCE_CHARS }>>,
}

/// Give a machine its next lease.
///
/// Brings the newest license code and key list along. Everything in the body may be left out, and the body with it.
#[utoipa::path(
    post, path = "/activations/{id}/renew", tag = "software",
    params(("id" = String, Path, format = "uuid", description = "The activation.")),
    request_body = Option<Renew>, security(("license" = [])),
    responses((status = 200, description = "The next lease.", body = Lease), LeaseProblems),
)]
pub async fn renew(State(app): State<App>, renewing: Renewing, submitted: Submitted) -> Result<Response, Problem> {
    let wanted: Renew = submitted.json_or_default()?;
    let renewal = Renewal {
        version: wanted.version.map(|text| text.0),
        components: components(wanted.components)?,
        stay: stay(wanted.borrow_days)?,
        nonce: wanted.nonce.map(|text| text.0),
    };
    let Renewing { credential, activation } = renewing;
    let renew =
        move |tx: &mut _, ctx: crate::usecase::Context<'_>| usecase::renew(tx, ctx, &credential, activation, &renewal);
    let outcome = app.write::<_, Failure, _>(Actor::Software, renew).await?;
    Ok(outcome.map_or_else(|it| refused(*it), granted))
}
