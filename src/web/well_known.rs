//! The published keys: everything anybody needs to verify a license code without asking.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::header,
    response::{IntoResponse, Response},
};

use crate::{app::App, base::slug::Slug, store::StoreError, usecase::Actor};

use super::{api::openapi::PublishedProblems, problem::Problem};

/// Long enough to spare the service, short enough for a rotation to be seen the same hour.
pub(super) const MAX_AGE: &str = "public, max-age=300";

/// The keys of all products.
///
/// A JWK set (RFC 7517) of Ed25519 keys (RFC 8037), by which any JOSE library verifies license codes. Needs no token.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "published",
    responses(
        (status = 200, description = "The keys.", body = Object, content_type = "application/jwk-set+json",
            headers(("Cache-Control" = String, description = "Five minutes."))),
        PublishedProblems,
    ),
)]
pub async fn jwks(State(app): State<App>) -> Result<Response, Problem> {
    answer(&app, None).await
}

/// The keys of one product.
///
/// Like `/.well-known/jwks.json`.
#[utoipa::path(
    get, path = "/products/{product}/jwks.json", tag = "published",
    params(("product" = String, Path, description = "The product's name.", example = "atlas")),
    responses(
        (status = 200, description = "The keys.", body = Object, content_type = "application/jwk-set+json",
            headers(("Cache-Control" = String, description = "Five minutes."))),
        PublishedProblems,
    ),
)]
pub async fn product_jwks(State(app): State<App>, named: Named) -> Result<Response, Problem> {
    let product = wanted(&app, named).await?;
    answer(&app, Some(product)).await
}

/// The newest key list of a product.
///
/// Numbered and signed by the product's root (`keys+jwt`): verify it with the root key that the software pins, and refuse
/// one with a lower number than seen before. Needs no token. `installation` has a list as well: of the keys that sign
/// answers about no known product.
#[utoipa::path(
    get, path = "/products/{product}/keys.jws", tag = "published",
    params(("product" = String, Path, description = "The product's name.", example = "atlas")),
    responses(
        (status = 200, description = "The list, as a compact JWS.", body = String, content_type = "application/jose",
            headers(("Cache-Control" = String, description = "Five minutes."))),
        PublishedProblems,
    ),
)]
pub async fn product_key_list(State(app): State<App>, named: Named) -> Result<Response, Problem> {
    let product = wanted(&app, named).await?;
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

/// A product's name in an address, if it is a text.
type Named = Result<Path<String>, PathRejection>;

/// The product that an address names. What is no text names none.
async fn wanted(app: &App, named: Named) -> Result<Slug, Problem> {
    let name = named.map_or_else(|_| String::new(), |Path(name)| name);
    known(app, &name).await
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
