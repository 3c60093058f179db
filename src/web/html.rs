//! What all pages for people share: their language, their headers, and how they are rendered.

use askama::Template;
use axum::{
    extract::{FromRequestParts, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use crate::{app::App, base::text::Language};

use super::problem::Problem;

/// The browser may load our own style sheet, script and sign, send forms to us, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                                       base-uri 'none'; frame-ancestors 'none'";
/// Cookie that remembers the language somebody chose.
const LANGUAGE_COOKIE: &str = "signet_lang";
/// How long it does: a year, in seconds.
const LANGUAGE_SECONDS: u32 = 31_536_000;

/// The texts of the pages: one value per language, checked by the compiler.
///
/// As an extractor: the language that the address asks for (`?lang=zh`), else the one that was chosen before, else the
/// browser's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// The document's language (BCP 47).
    pub fn lang(&self) -> &'static str {
        self.pick("zh-CN", "en")
    }

    /// The one of two texts that is in this language.
    pub fn pick(&self, zh: &'static str, en: &'static str) -> &'static str {
        match self.0 {
            Language::Zh => zh,
            Language::En => en,
        }
    }
}

/// `?lang=`.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    lang: Option<Language>,
}

fn asked(parts: &Parts) -> Option<Language> {
    Query::<Asked>::try_from_uri(&parts.uri).ok().and_then(|Query(asked)| asked.lang)
}

impl<S: Sync> FromRequestParts<S> for Words {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let language = asked(parts).or_else(|| chosen(&parts.headers)).unwrap_or_else(|| preferred(&parts.headers));
        Ok(Self(language))
    }
}

/// Remembers the language that the address asks for.
pub async fn remember_language(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = asked(&parts);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(language) = asked {
        let name = match language {
            Language::Zh => "zh",
            Language::En => "en",
        };
        let secure = if is_https(&app) { "; Secure" } else { "" };
        let cookie = format!("{LANGUAGE_COOKIE}={name}; Path=/; Max-Age={LANGUAGE_SECONDS}; SameSite=Lax{secure}");
        append_cookie(response.headers_mut(), &cookie);
    }
    response
}

/// Pages are for whoever has their address, not for search engines.
pub async fn keep_out_of_indexes(mut response: Response) -> Response {
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

#[derive(Debug, Template)]
#[template(path = "trouble.html")]
struct Trouble {
    t: Words,
    here: &'static str,
}

/// Programs are told in JSON what went wrong on our side; people get it in words.
pub async fn trouble_in_words(t: Words, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_server_error() {
        return response;
    }
    page(status, &Trouble { t, here: "/license" }).unwrap_or(response)
}

/// Whether customers reach this service under https.
pub fn is_https(app: &App) -> bool {
    app.public_url().starts_with("https://")
}

/// Adds a `Set-Cookie`.
pub fn append_cookie(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// The value of a cookie of the request.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.find_map(|line| cookie_in(line, name))
}

/// The value of a cookie in one line of a request.
pub fn cookie_in<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn chosen(headers: &HeaderMap) -> Option<Language> {
    match cookie(headers, LANGUAGE_COOKIE)? {
        "zh" => Some(Language::Zh),
        "en" => Some(Language::En),
        _ => None,
    }
}

/// Chinese when the browser names it before English; English otherwise.
fn preferred(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let first = wanted
        .split(',')
        .map(|it| it.trim().to_ascii_lowercase())
        .find(|it| it.starts_with("zh") || it.starts_with("en"));
    if first.is_some_and(|it| it.starts_with("zh")) { Language::Zh } else { Language::En }
}

/// Renders a page.
///
/// # Errors
/// 500 when the template fails, which is logged.
pub fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    rendered(status, template, CONTENT_SECURITY_POLICY)
}

/// Renders a page whose script asks this service for what is new.
///
/// # Errors
/// 500 when the template fails, which is logged.
pub fn live_page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    rendered(status, template, &format!("{CONTENT_SECURITY_POLICY}; connect-src 'self'"))
}

fn rendered(status: StatusCode, template: &impl Template, policy: &str) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| {
        tracing::error!("a page could not be rendered: {error}");
        Problem::internal()
    })?;
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::VARY, "Accept-Language, Cookie")];
    Ok((status, headers, Html(html)).into_response())
}
