//! Version 1 of the API: its addresses and their description.

pub mod alerts;
pub mod channels;
pub mod deployments;
pub mod document;
pub mod licenses;
pub mod mails;
pub mod messages;
pub mod orders;
pub mod products;
pub mod software;
pub mod webhooks;

use axum::Router;
use utoipa::{OpenApi, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    web::{revocations, well_known},
};

use super::{no_such_address, no_such_method, openapi::Document};

/// The routes, and the document that describes them.
pub fn described() -> (Router<App>, Description) {
    let (addresses, description) = OpenApiRouter::new()
        .routes(routes!(document::openapi_json))
        .merge(licenses::routes())
        .merge(orders::routes())
        .merge(products::routes())
        .merge(channels::routes())
        .merge(messages::routes())
        .merge(alerts::routes())
        .merge(webhooks::routes())
        .merge(mails::routes())
        .merge(software::routes())
        .merge(deployments::routes())
        .split_for_parts();
    // After the routes: the fallback for methods reaches only those that are already there.
    let addresses = addresses.fallback(no_such_address).method_not_allowed_fallback(no_such_method);
    let mut document = Document::openapi().nest("/api/v1", description);
    // Beside the API, and described with it.
    let (published, description) = OpenApiRouter::new()
        .routes(routes!(revocations::revocation_list))
        .routes(routes!(well_known::jwks))
        .routes(routes!(well_known::product_jwks))
        .routes(routes!(well_known::product_key_list))
        .split_for_parts();
    document.merge(description);
    (Router::new().nest("/api/v1", addresses).merge(published), document)
}
