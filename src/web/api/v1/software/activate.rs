//! `POST /activations`.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::limits,
    usecase::{
        Actor, Failure,
        activation::{self as usecase, Machine},
    },
    web::{
        api::{input::Text, licensed::Licensed, openapi::SeatProblems, submit::Submitted},
        caller::Caller,
        problem::Problem,
    },
};

use super::{Lease, fingerprint::Fingerprint, granted, redeem, refused, stay};

/// A machine that wants a seat.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// The software's product.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "atlas")]
    product: Option<Text<{ limits::ASKED_NAME_CHARS }>>,
    /// The software's version.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "2.4.1")]
    version: Option<Text<{ limits::VERSION_CHARS }>>,
    /// What the machine calls itself, as others of the same license will see it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, example = "build-7")]
    name: Option<Text<{ limits::MACHINE_NAME_CHARS }>>,
    /// Its system.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, example = "linux-x86_64")]
    platform: Option<Text<{ limits::PLATFORM_CHARS }>>,
    /// Whether it is a container, of which nothing lasts.
    #[serde(default)]
    container: bool,
    /// What it is made of: 1 to 8 components, each a name and its digest.
    components: Fingerprint,
    /// Days for which it wants to stay away, where the plan lends seats.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    borrow_days: Option<u16>,
    /// Comes back in everything signed.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, example = "q83vEjRWeJA")]
    nonce: Option<Text<{ limits::NONCE_CHARS }>>,
}

/// Take a seat for a machine.
///
/// The same machine again is the same activation and never a new seat, so a repeat after a lost answer does no harm. A code of
/// the marketplace (`PL…`) that nobody has redeemed is redeemed first, which cannot be taken back.
#[utoipa::path(
    post, path = "/activations", tag = "software", request_body = Activate, security(("license" = [])),
    responses(
        (status = 201, description = "The machine took a seat; its lease.", body = Lease),
        (status = 200, description = "The machine has a seat; its next lease.", body = Lease),
        SeatProblems,
    ),
)]
pub async fn activate(
    State(app): State<App>,
    Caller(address): Caller,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let wanted: Activate = submitted.json()?;
    let machine = Machine {
        product: wanted.product.map(|text| text.0),
        version: wanted.version.map(|text| text.0),
        name: wanted.name.map(|text| text.0),
        platform: wanted.platform.map(|text| text.0),
        container: wanted.container,
        components: wanted.components.checked()?,
        stay: stay(wanted.borrow_days)?,
        nonce: wanted.nonce.map(|text| text.0),
    };
    let credential = licensed.credential;
    if let Some(refusal) = redeem::first(&app, &credential, machine.product.as_deref(), address).await {
        return Ok(refusal);
    }
    let outcome = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| usecase::activate(tx, ctx, &credential, &machine))
        .await?;
    Ok(outcome.map_or_else(|it| refused(*it), granted))
}
