//! `GET /api/v1/openapi.json`.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::web::problem::Problem;

/// The same for everybody and for as long as the process lives.
static DOCUMENT: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| serde_json::to_string(&super::described().1));

/// This description.
///
/// OpenAPI 3.1, made from the code that answers. Needs no token.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "meta",
    responses((status = 200, description = "The OpenAPI document.", body = Object)),
)]
pub async fn openapi_json() -> Result<Response, Problem> {
    match &*DOCUMENT {
        Ok(document) => Ok(([(header::CONTENT_TYPE, "application/json")], document.as_str()).into_response()),
        Err(error) => {
            tracing::error!("the OpenAPI document cannot be written: {error}");
            Err(Problem::internal())
        }
    }
}
