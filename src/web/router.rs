//! The one list of routes, and the one place where the order of layers is decided.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};

use crate::{app::App, base::limits};

use super::{api, bootstrap, customer, head, health, html, marketplace, page, problem::Problem, request_log};

/// Everything the public listener serves.
pub fn public(app: &App) -> Router {
    // The marketplace's door answers what is too large in the marketplace's own way.
    Router::new()
        .merge(elsewhere(app))
        .route("/marketplace/koogallery/{channel}", any(marketplace::koogallery::receive))
        // With a slash too many, or anywhere else below: still an answer that the marketplace can read.
        .route("/marketplace/koogallery/{channel}/", any(marketplace::koogallery::receive))
        .route("/marketplace", any(marketplace::koogallery::unknown))
        .route("/marketplace/", any(marketplace::koogallery::unknown))
        .route("/marketplace/{*rest}", any(marketplace::koogallery::unknown))
        .layer(middleware::from_fn(deadline))
        .layer(middleware::map_response(default_headers))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::log))
        .with_state(app.clone())
}

/// Everything but the marketplace's door, with what is not there.
fn elsewhere(app: &App) -> Router<App> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/assets/signet.css", get(page::stylesheet))
        .route("/assets/signet.js", get(page::script))
        .route("/assets/signet.svg", get(page::icon))
        .merge(pages(app))
        .merge(api::router())
        .merge(bootstrap::routes())
        .fallback(page::not_found)
        .layer(DefaultBodyLimit::max(limits::REQUEST_BODY_BYTES))
        .layer(middleware::from_fn(head::limit))
}

/// The pages for people, which remember their reader's language and stay out of indexes.
fn pages(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(page::home))
        .merge(customer::routes(app))
        .layer(middleware::from_fn_with_state(app.clone(), html::remember_language))
        .layer(middleware::map_response(html::keep_out_of_indexes))
}

/// Ends requests whose client dawdles over the body. The marketplace's door has shorter limits of its own and answers
/// within them.
async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(limits::REQUEST_DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = "The request did not arrive, or could not be carried out, in time.";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail).into_response()
        }
    }
}

/// Headers that every answer may carry without harm and that no handler should have to remember.
async fn default_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let defaults: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
