//! What a machine fetches: the package with its manifest, and the license.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    usecase::{Actor, Failure, deployment::machine},
    web::problem::Problem,
};

use super::Session;

/// `GET /api/v1/bootstrap/license`: answers `code …`.
pub(super) async fn license(State(app): State<App>, Session(session): Session) -> Result<Response, Problem> {
    let code = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::license_code(tx, ctx, &session))
        .await?
        .map_err(super::turned)?;
    Ok(super::line("code", &code))
}

/// `GET /api/v1/bootstrap/manifest`: the signed text, whose digest the machine knows.
pub(super) async fn manifest(State(app): State<App>, Session(session): Session) -> Result<Response, Problem> {
    let package = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::package(tx, ctx, &session))
        .await?
        .map_err(super::turned)?;
    Ok(([(header::CONTENT_TYPE, "application/jose")], package.manifest).into_response())
}

/// `GET /api/v1/bootstrap/package`: its bytes; ranges are served, so that a download goes on where it broke off.
pub(super) async fn package(State(app): State<App>, Session(session): Session) -> Result<Response, Problem> {
    let package = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| machine::package(tx, ctx, &session))
        .await?
        .map_err(super::turned)?;
    let _ = package;
    Err(Problem::internal())
}
