//! `POST /api/v1/bootstrap/session`: a token for a session.

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::Response,
};
use data_encoding::BASE64;
use serde::Deserialize;

use crate::{
    app::App,
    base::{secret::ExposeSecret, text::truncate},
    provision::proof::MachineKey,
    usecase::{
        Actor, Failure,
        deployment::machine::{self, Knock, Turned},
    },
    web::problem::Problem,
};

/// Characters of an instance id that are kept.
const INSTANCE_CHARS: usize = 64;

/// What a machine sends.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
    key: String,
    proof: String,
    #[serde(default)]
    instance: String,
}

/// Answers `session …` and `sequence …`, the number of its last report.
pub(super) async fn open(State(app): State<App>, sent: Result<Form<Sent>, FormRejection>) -> Result<Response, Problem> {
    let Form(sent) = sent.map_err(|_| Problem::malformed("Send the form fields `token`, `key` and `proof`."))?;
    let decoded = |text: &str| BASE64.decode(text.as_bytes()).ok();
    let key = decoded(&sent.key).and_then(|der| MachineKey::from_der(&der));
    let (Some(key), Some(proof)) = (key, decoded(&sent.proof)) else {
        return Err(Problem::malformed(
            "`key` must be a P-256 public key (DER, base64), `proof` a signature (DER, base64).",
        ));
    };
    let instance: String = sent.instance.chars().filter(|char| char.is_ascii_graphic()).collect();
    let instance = truncate(&instance, INSTANCE_CHARS);
    // A stranger's token must not cost a turn of the one that writes.
    let token = sent.token.clone();
    let good = app.read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::is_good(tx, ctx, &token)).await?;
    if !good {
        return Err(super::turned(Turned::Unknown));
    }
    let opened = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| {
            let knock =
                Knock { token: &sent.token, key_base64: &sent.key, key: &key, proof: &proof, instance: &instance };
            machine::open(tx, ctx, &knock)
        })
        .await?
        .map_err(super::turned)?;
    let sequence = opened.sequence.to_string();
    Ok(super::lines(&[("session", opened.session.expose_secret()), ("sequence", &sequence)]))
}
