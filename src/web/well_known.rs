//! The published keys: everything anybody needs to verify a license code without asking.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};

use crate::{app::App, base::slug::Slug, store::StoreError, usecase::Actor};

use super::problem::Problem;

/// Long enough to spare the service, short enough for a rotation to be seen the same hour.
pub(super) const MAX_AGE: &str = "public, max-age=300";

/// `GET /.well-known/jwks.json`: the keys of all products (RFC 7517).
pub async fn jwks(State(app): State<App>) -> Result<Response, Problem> {
    answer(&app, None).await
}

/// `GET /products/{product}/jwks.json`: the keys of one product.
pub async fn product_jwks(State(app): State<App>, Path(product): Path<String>) -> Result<Response, Problem> {
    let product = known(&app, &product).await?;
    answer(&app, Some(product)).await
}

/// `GET /products/{product}/keys.jws`: the newest numbered key list, signed by the product's root.
pub async fn product_key_list(State(app): State<App>, Path(product): Path<String>) -> Result<Response, Problem> {
    let product = known(&app, &product).await?;
    let list = app
        .store()
        .read(move |tx| tx.key_list_latest(&product))
        .await
        .map_err(|error: StoreError| Problem::from(crate::usecase::Failure::from(error)))?
        .ok_or_else(|| Problem::not_found("This product has no key list yet."))?;
    let headers = [(header::CONTENT_TYPE, "application/jose"), (header::CACHE_CONTROL, MAX_AGE)];
    Ok((headers, list.jws).into_response())
}

async fn answer(app: &App, product: Option<Slug>) -> Result<Response, Problem> {
    // A read through the snapshot's check, so that a rotation on another server is seen at once.
    let jwks = app
        .read(Actor::Signet, move |_, ctx| {
            Ok::<_, crate::usecase::Failure>(ctx.installation.keys.published(product.as_ref()))
        })
        .await?;
    let body = serde_json::to_string(&jwks).map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, MAX_AGE)], body).into_response())
}

/// The product, if it has keys. One that is not known may have been added by another server or a command.
pub(super) async fn known(app: &App, product: &str) -> Result<Slug, Problem> {
    let not_found = || Problem::not_found("There is no such product.");
    let slug: Slug = product.parse().map_err(|_| not_found())?;
    if !app.installation().keys.knows(&slug) {
        app.catch_up().await?;
    }
    if app.installation().keys.knows(&slug) { Ok(slug) } else { Err(not_found()) }
}
