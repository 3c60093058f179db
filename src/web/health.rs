//! Probes: is the process alive, and can it do its work?

use axum::{extract::State, http::StatusCode, response::IntoResponse};

use crate::app::App;

/// `GET /healthz`: 200 while the process answers at all.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 when the database takes writes, otherwise 503 with the reason.
pub async fn ready(State(app): State<App>) -> impl IntoResponse {
    match app.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => {
            tracing::warn!("not ready: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the database takes no writes; the log says why\n".to_owned())
        }
    }
}
