//! Pages for people: where things are, and what stands behind a license code or key.
//!
//! Rendered by askama, in Chinese or English as the browser asks, readable without JavaScript.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    base::{
        secret::SecretString,
        text::{Language, Localized},
    },
    license::model::State as LicenseState,
    usecase::{
        Actor, Failure,
        lookup::{self, Shown},
    },
};

use super::problem::Problem;

/// The browser may load our own style sheet, send forms to us, and nothing else.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Debug, Template)]
#[template(path = "home.html")]
struct Home<'a> {
    t: Words,
    url: &'a str,
    products: Vec<(String, String)>,
}

#[derive(Debug, Template)]
#[template(path = "customer/license.html")]
struct LicensePage {
    t: Words,
    typed: bool,
    shown: Option<ShownLicense>,
}

#[derive(Debug, Template)]
#[template(path = "not_found.html")]
struct NotFound {
    t: Words,
}

/// A license in words.
#[derive(Debug)]
struct ShownLicense {
    product: String,
    plan: String,
    state: &'static str,
    state_class: &'static str,
    expires_at: Option<String>,
    machines: u32,
    support: Vec<String>,
    usage_guide: Option<String>,
}

/// The texts of the pages: one value per language, checked by the compiler.
#[derive(Debug, Clone, Copy)]
struct Words(Language);

impl Words {
    /// `zh` or `en`: the document's language.
    fn lang(&self) -> &'static str {
        self.pick("zh-CN", "en")
    }

    fn pick(&self, zh: &'static str, en: &'static str) -> &'static str {
        match self.0 {
            Language::Zh => zh,
            Language::En => en,
        }
    }
}

/// `GET /`: what this service is, and where things are.
pub async fn home(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let t = Words(language(&headers));
    let installation = app.installation();
    let products = installation.catalog.catalog().products.iter();
    let products = products.map(|it| (it.slug.to_string(), it.name.get(t.0).to_owned())).collect();
    page(StatusCode::OK, &Home { t, url: app.public_url(), products })
}

/// `GET /l`: the form that takes a license code or key.
pub async fn license_form(headers: HeaderMap) -> Result<Response, Problem> {
    let t = Words(language(&headers));
    page(StatusCode::OK, &LicensePage { t, typed: false, shown: None })
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub struct Typed {
    license: SecretString,
}

/// `POST /l`: how the license behind a code or key stands. Unknown ones and unreadable ones are answered alike.
pub async fn license_show(
    State(app): State<App>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let t = Words(language(&headers));
    let text = typed.license;
    let shown = app.read(Actor::Signet, move |tx, ctx| lookup::show(tx, ctx, &text)).await;
    let shown = shown.map_err(|failure: Failure| Problem::from(failure))?;
    let shown = shown.map(|it| in_words(t, &it));
    page(StatusCode::OK, &LicensePage { t, typed: true, shown })
}

/// `GET /assets/signet.css`.
pub async fn stylesheet() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../templates/signet.css"))
}

/// Everything that is not there: a page for browsers, a problem for programs.
pub async fn not_found(headers: HeaderMap) -> Response {
    let wants_page =
        headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html"));
    if wants_page {
        let t = Words(language(&headers));
        return page(StatusCode::NOT_FOUND, &NotFound { t }).unwrap_or_else(IntoResponse::into_response);
    }
    Problem::not_found("There is nothing at this address. GET / lists what there is.").into_response()
}

fn in_words(t: Words, shown: &Shown) -> ShownLicense {
    let name = |text: &Localized| text.get(t.0).to_owned();
    let (state, state_class) = match (shown.state, shown.expired) {
        (LicenseState::Released, _) => (t.pick("已释放", "Released: ended for good"), "ended"),
        (LicenseState::Frozen, _) => (t.pick("已冻结", "Frozen: suspended"), "held"),
        (LicenseState::Active, true) => (t.pick("已到期", "Expired"), "held"),
        (LicenseState::Active, false) => (t.pick("有效", "Active"), "good"),
    };
    let support = [&shown.support.email, &shown.support.phone, &shown.support.url];
    ShownLicense {
        product: name(&shown.product),
        plan: name(&shown.plan),
        state,
        state_class,
        expires_at: shown.expires_at.map(|at| at.civil().strftime("%Y-%m-%d").to_string()),
        machines: shown.machines,
        support: support.into_iter().flatten().cloned().collect(),
        usage_guide: shown.usage_guide.clone(),
    }
}

fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| {
        tracing::error!("a page could not be rendered: {error}");
        Problem::internal()
    })?;
    let headers = [(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY), (header::VARY, "Accept-Language")];
    Ok((status, headers, Html(html)).into_response())
}

/// Chinese when the browser names it before English; English otherwise.
fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let first = wanted
        .split(',')
        .map(|it| it.trim().to_ascii_lowercase())
        .find(|it| it.starts_with("zh") || it.starts_with("en"));
    if first.is_some_and(|it| it.starts_with("zh")) { Language::Zh } else { Language::En }
}
