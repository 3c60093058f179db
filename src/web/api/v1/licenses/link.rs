//! `GET` and `POST /licenses/{id}/link`.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::LicenseId, time::Time},
    usecase::{
        Actor,
        link::{self, Link},
        token::Scope,
    },
    web::{
        api::{
            auth::Authorized,
            input::Id,
            openapi::{ChangeProblems, ItemProblems},
            submit::{Reply, Stop, Submitted},
        },
        problem::Problem,
    },
};

use super::unknown;

/// The customer's link to the page of a license.
#[derive(Serialize, ToSchema)]
pub struct CustomerLink {
    /// The address: whoever opens it sees the license's code and key.
    #[schema(format = "uri", example = "https://license.example.com/l/AZPzqCxNfhCbGlwOjT96IQAAAAHr…")]
    url: String,
    #[serde(flatten)]
    state: LinkState,
}

/// How the customer's link stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkState {
    /// Its version: 1 until it is rotated.
    #[schema(example = 1)]
    version: u32,
    /// When it was rotated last; `null`: never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    rotated_at: Option<Time>,
}

/// Without the address.
impl std::fmt::Debug for CustomerLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomerLink(…)")
    }
}

impl From<Link> for LinkState {
    fn from(link: Link) -> Self {
        Self { version: link.version, rotated_at: link.rotated_at }
    }
}

/// The link that opens the customer's page of a license.
///
/// The same that the marketplace's resource page leads to. It opens the page without code or key, so it is as secret as
/// they are. Scope `licenses:reveal`.
#[utoipa::path(
    get, path = "/licenses/{id}/link", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:reveal"])),
    responses((status = 200, description = "The link in force.", body = CustomerLink), ItemProblems),
)]
pub async fn get_link(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<Json<CustomerLink>, Problem> {
    let bearer = authorized.require(Scope::LicensesReveal)?;
    let shown = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| {
            tx.license_find(id)?.ok_or_else(|| unknown(id))?;
            let link = link::of(tx, id)?;
            Ok(CustomerLink { url: link.url(ctx), state: link.into() })
        })
        .await?;
    Ok(Json(shown))
}

/// Make a new link and end the old one.
///
/// For a link that fell into wrong hands: it opens nothing from now on, and pages that are open are closed. Code and
/// key stay. `GET` on the same address shows the new link, which needs another scope. Scope `licenses:write`.
#[utoipa::path(
    post, path = "/licenses/{id}/link", tag = "licenses",
    params(
        ("id" = String, Path, format = "uuid", description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "How the link stands now.", body = LinkState), ChangeProblems),
)]
pub async fn rotate_link(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    submitted.nothing()?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let link = link::rotate(tx, ctx, id)?.ok_or_else(|| unknown(id))?;
            Reply::json(StatusCode::OK, &LinkState::from(link))
        })
        .await
}
