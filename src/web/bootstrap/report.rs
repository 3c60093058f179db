//! `POST /api/v1/bootstrap/report`: stages and log lines of a machine.

use axum::{
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use serde::Deserialize;

use crate::{
    app::App,
    base::text::truncate,
    provision::run::Stage,
    usecase::{
        Actor, Failure,
        deployment::{
            machine,
            report::{self, Happened, Report},
        },
    },
    web::problem::Problem,
};

use super::Session;

/// Characters of a reason.
const REASON_CHARS: usize = 32;

/// What the address says.
#[derive(Deserialize)]
pub(super) struct About {
    sequence: u32,
    stage: Stage,
    event: Event,
    activation: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Begin,
    Log,
    Done,
    Failed,
}

/// Answers `order go`, `wait`, `again` or `stop`.
pub(super) async fn take(
    State(app): State<App>,
    Session(session): Session,
    about: Result<Query<About>, QueryRejection>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Query(about) = about.map_err(|_| Problem::malformed("Send `sequence`, `stage` and `event` in the query."))?;
    if !about.stage.is_on_the_machine() {
        return Err(Problem::malformed("That stage is not one a machine works on."));
    }
    let activation = about.activation.filter(|id| !id.is_empty()).map(|id| id.parse()).transpose();
    let activation = activation.map_err(|_| Problem::malformed("`activation` must be the id of an activation."))?;
    let plain = |reason: String| -> String {
        truncate(&reason, REASON_CHARS).chars().filter(|char| char.is_ascii_lowercase() || *char == '_').collect()
    };
    let report = Report {
        sequence: about.sequence.into(),
        stage: about.stage,
        event: match about.event {
            Event::Begin => Happened::Begin,
            Event::Log => Happened::Log,
            Event::Done => Happened::Done,
            Event::Failed => Happened::Failed,
        },
        activation,
        reason: about.reason.map(plain),
        text: String::from_utf8_lossy(&body).into_owned(),
    };
    // A stranger's session must not cost a turn of the one that writes.
    let shown = session.clone();
    let known = app.read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::resume(tx, ctx, &shown)).await?;
    known.map_err(super::turned)?;
    let order = app
        .write::<_, Failure, _>(Actor::Software, move |tx, ctx| report::take(tx, ctx, &session, &report))
        .await?
        .map_err(super::turned)?;
    Ok(super::lines(&[("order", order.as_str())]))
}
