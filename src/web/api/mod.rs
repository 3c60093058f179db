//! The API: `/api/v1`, for the merchant's own programs and for licensed software.
//!
//! * [`auth`] says which program asks, [`licensed`] for which license software asks, [`submit`] carries a write and its idempotency key, [`input`] takes paths, queries and
//!   texts apart, [`meter`] shows what was used, [`page`] makes pages of lists, [`openapi`] describes it all
//! * [`v1`] has one folder per resource and one file per verb: doc, description, handler, request and answer
//!
//! Handlers call use cases and may read pages and rows from the store; they change nothing themselves. Types of the
//! wire live here and nowhere else: the domain can change its names without breaking a caller.

pub mod auth;
pub mod input;
pub mod licensed;
pub mod meter;
pub mod openapi;
pub mod page;
pub mod submit;
pub mod v1;

#[cfg(test)]
mod tests;

use axum::{
    Router,
    http::{Method, Uri},
};

use crate::{app::App, web::problem::Problem};

/// Its routes.
pub fn router() -> Router<App> {
    v1::described().0
}

/// An address below `/api/v1` that does not exist.
async fn no_such_address(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(100).collect();
    Problem::not_found(format!("There is no `{path}` in this API. /api/v1/openapi.json lists every address."))
}

/// A method that an address does not have; axum adds `Allow`.
async fn no_such_method(method: Method) -> Problem {
    let detail = format!("This address has no `{method}`; the header `Allow` names what it has.");
    Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
}
