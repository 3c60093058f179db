//! The cookie that keeps a customer's page open, and the guards of the forms on it.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    app::App,
    usecase::{
        Actor, Failure,
        session::{self, Session},
    },
    web::{
        html::{self, Words},
        problem::Problem,
    },
};

use super::door;

/// The page that a session opens.
pub const PAGE: &str = "/license";
/// Where those without a session are sent.
const DOOR: &str = "/l";
/// Where those are sent whose session is over.
const DOOR_AGAIN: &str = "/l?ended=1";

/// The open session of a customer. Without one the answer leads to the door.
#[derive(Debug)]
pub struct Customer(pub Session);

impl FromRequestParts<App> for Customer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Some(text) = html::cookie(&parts.headers, cookie_name(app)).map(str::to_owned) else {
            return Err(Redirect::to(DOOR).into_response());
        };
        let resume = move |tx: &mut _, ctx: crate::usecase::Context<'_>| session::resume(tx, ctx, &text);
        match app.read::<_, Failure, _>(Actor::Signet, resume).await {
            Ok(Some(session)) => Ok(Self(session)),
            Ok(None) => Err(close(app, Redirect::to(DOOR_AGAIN))),
            Err(failure) => Err(Problem::from(failure).into_response()),
        }
    }
}

/// Opens the page: the answer to whoever has shown that a license is theirs.
pub fn open(app: &App, text: &str) -> Response {
    with_cookie(app, Redirect::to(PAGE), text, session::LIFETIME.as_secs())
}

/// Forgets the session, and answers with `response`.
pub fn close(app: &App, response: impl IntoResponse) -> Response {
    with_cookie(app, response, "", 0)
}

fn with_cookie(app: &App, response: impl IntoResponse, value: &str, seconds: i64) -> Response {
    let secure = if html::is_https(app) { "; Secure" } else { "" };
    let name = cookie_name(app);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut response = response.into_response();
    html::append_cookie(response.headers_mut(), &cookie);
    response
}

/// Browsers take a `__Host-` cookie only from https and this very host, so that no neighbour can plant one.
fn cookie_name(app: &App) -> &'static str {
    if html::is_https(app) { "__Host-signet" } else { "signet_session" }
}

/// Refuses forms that another site sent. Beside it stand the cookie's `SameSite` and the token in each form.
pub async fn refuse_foreign(State(app): State<App>, t: Words, request: Request, next: Next) -> Response {
    if request.method().is_safe() || !is_foreign(&app, request.headers()) {
        return next.run(request).await;
    }
    door::answer(t, StatusCode::FORBIDDEN, Some(door::Notice::Foreign))
}

/// Whether the browser says that the request began elsewhere. `Origin: null` says nothing: that is what our own pages
/// send because they have no referrer.
fn is_foreign(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, None | Some("null")) => false,
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin != app.public_url() && host != text(header::HOST.as_str())
        }
    }
}
