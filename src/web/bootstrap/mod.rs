//! What a machine calls while the software is put onto it: the protocol of `templates/deploy/bootstrap.sh`, and of nobody
//! else. Answers are lines of `name value`, which a shell can read.
//!
//! [`script`] hands out the script of a server that exists, [`session`] exchanges its token for a session; [`fetch`] hands out manifest, package and license code;
//! [`report`] takes stages and log lines. Handlers take apart and put together: rules live in `usecase::deployment`.

mod fetch;
mod report;
mod script;
mod session;

use axum::{
    Router,
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    app::App,
    usecase::deployment::{machine::Turned, words},
};

use super::problem::Problem;

/// The addresses.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/bootstrap/script", post(script::fetch))
        .route("/api/v1/bootstrap/session", post(session::open))
        .route("/api/v1/bootstrap/manifest", get(fetch::manifest))
        .route("/api/v1/bootstrap/package", get(fetch::package))
        .route("/api/v1/bootstrap/license", get(fetch::license))
        .route("/api/v1/bootstrap/report", post(report::take))
}

/// The session that a machine shows: `Authorization: Bootstrap …`. Whether it is any good is the use case's answer.
struct Session(String);

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let session = value.and_then(|value| value.strip_prefix("Bootstrap "));
        session.map(|session| Self(session.to_owned())).ok_or_else(|| turned(Turned::Unknown).into_response())
    }
}

/// Lines for the machine.
fn lines(named: &[(&str, &str)]) -> Response {
    let plain = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let text: String = named.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
    ([plain], text).into_response()
}

/// What a machine is told that is turned away.
fn turned(turned: Turned) -> Problem {
    let (status, name) = match turned {
        Turned::Unknown => (StatusCode::UNAUTHORIZED, "bootstrap-unauthorized"),
        Turned::Proof => (StatusCode::FORBIDDEN, "bootstrap-proof"),
        Turned::Used => (StatusCode::CONFLICT, "bootstrap-token-used"),
        Turned::License(_) => (StatusCode::FORBIDDEN, "license-refused"),
    };
    let detail = match turned {
        Turned::License(reason) => words::license(reason).to_string(),
        turned => turned.to_string(),
    };
    Problem::new(status, name, "Turned away", detail)
}
