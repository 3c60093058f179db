//! Pages for people that hold no license: where things are, what is not there, and the files that pages load.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::app::App;

use super::{
    html::{Words, page},
    problem::Problem,
};

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct Home<'a> {
    t: Words,
    here: &'static str,
    url: &'a str,
    products: Vec<(String, String)>,
}

#[derive(Debug, Template)]
#[template(path = "not_found.html")]
struct NotFound {
    t: Words,
    here: &'static str,
}

/// `GET /`: what this service is, and where things are.
pub async fn home(State(app): State<App>, t: Words) -> Result<Response, Problem> {
    let installation = app.installation();
    let products = installation.catalog.catalog().products.iter();
    let products = products.map(|it| (it.slug.to_string(), it.name.get(t.0).to_owned())).collect();
    page(StatusCode::OK, &Home { t, here: "/", url: app.public_url(), products })
}

/// `GET /assets/signet.css`.
pub async fn stylesheet() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("../../templates/signet.css"))
}

/// `GET /assets/signet.js`: comfort only; every page does its work without it.
pub async fn script() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", include_str!("../../templates/signet.js"))
}

/// `GET /assets/signet.svg`: the sign in the browser's tab.
pub async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("../../templates/signet.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")], text)
}

/// Everything that is not there: a page for browsers, a problem for programs.
pub async fn not_found(headers: HeaderMap, t: Words) -> Response {
    let wants_page =
        headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html"));
    if wants_page {
        return page(StatusCode::NOT_FOUND, &NotFound { t, here: "/" }).unwrap_or_else(IntoResponse::into_response);
    }
    Problem::not_found("There is nothing at this address. GET / lists what there is.").into_response()
}
