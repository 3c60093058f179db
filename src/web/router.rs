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

use super::{
    api, bootstrap, customer, head, health, html, keygen, marketplace, page, panic, problem::Problem, request_log,
};

/// Addresses that may ask a customer's cloud before they answer.
const ASKS_A_CLOUD: [&str; 2] = ["/license/deploy", "/api/v1/deployments"];

/// Everything the public listener serves.
pub fn public(app: &App) -> Router {
    // The marketplace's door answers what is too large in the marketplace's own way.
    Router::new()
        .merge(elsewhere(app))
        // That door signs whatever leaves it, so it stands outside what answers for the others.
        .merge(keygen::router())
        .route("/marketplace/koogallery/{channel}", any(marketplace::koogallery::receive))
        .route("/marketplace/alibaba/{channel}", any(marketplace::alibaba::receive))
        .route("/marketplace/shop/{channel}", any(marketplace::shop::receive))
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
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/assets/signet.css", get(page::stylesheet))
        .route("/assets/signet.js", get(page::script))
        .route("/assets/signet.svg", get(page::icon))
        .merge(pages(app))
        .merge(api::router())
        .merge(bootstrap::routes())
        .fallback(page::not_found);
    guarded(routes)
}

/// What holds for every address but the marketplace's, which has its own ways.
fn guarded<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes
        .layer(DefaultBodyLimit::max(limits::REQUEST_BODY_BYTES))
        .layer(middleware::from_fn(head::limit))
        .layer(middleware::from_fn(panic::caught))
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
    let asks_a_cloud = ASKS_A_CLOUD.iter().any(|prefix| request.uri().path().starts_with(prefix));
    let limit = if asks_a_cloud { limits::CLOUD_DEADLINE } else { limits::REQUEST_DEADLINE };
    match tokio::time::timeout(limit, next.run(request)).await {
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

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt;

    use super::*;

    async fn broken() -> &'static str {
        panic!("canary")
    }

    /// Regression: a handler that panicked ended the connection, and its client never learned why.
    #[tokio::test]
    async fn regression_a_panic_is_answered_and_tells_nothing() {
        let routes: Router = guarded(Router::new().route("/", get(broken).post(|| async { "whole" })));
        let ask = async |method: &str| {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            let (status, kind) = (answer.status().as_u16(), answer.headers().get(header::CONTENT_TYPE).cloned());
            let body = to_bytes(answer.into_body(), limits::REQUEST_BODY_BYTES).await.unwrap();
            (status, kind.unwrap(), String::from_utf8(body.to_vec()).unwrap())
        };
        let (status, kind, body) = ask("GET").await;
        assert_eq!((status, kind.to_str().unwrap()), (500, "application/problem+json"));
        assert!(body.contains("/problems/internal") && !body.contains("canary"), "{body}");
        assert_eq!((ask("POST").await.0, ask("POST").await.2.as_str()), (200, "whole"));
    }

    #[tokio::test]
    async fn people_are_told_of_a_panic_in_words() {
        let routes: Router = Router::new()
            .route("/", get(broken))
            .layer(middleware::from_fn(panic::caught))
            .layer(middleware::from_fn(html::trouble_in_words));
        let answer = routes.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(answer.into_body(), limits::REQUEST_BODY_BYTES).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("This cannot be done right now"));
    }
}
