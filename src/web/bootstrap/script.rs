//! `POST /api/v1/bootstrap/script`: what somebody pipes into a shell on a server that exists.

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    usecase::{Actor, Failure, deployment::machine},
    web::problem::Problem,
};

/// What the command sends. By a form, because addresses are logged on their way.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
}

/// Answers the script. That spends nothing: the token is exchanged by the script's first call.
pub(super) async fn fetch(
    State(app): State<App>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(Sent { token }) = sent.map_err(|_| Problem::malformed("Send the form field `token`."))?;
    let script = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::script_by_hand(tx, ctx, &token))
        .await?
        .map_err(super::turned)?;
    let script = script
        .map_err(|why| Problem::new(StatusCode::CONFLICT, "bootstrap-script", "There is no script", why.to_string()))?;
    let headers = [(header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, script.text().to_owned()).into_response())
}
