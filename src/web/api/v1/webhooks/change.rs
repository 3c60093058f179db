//! `PATCH /webhooks/{id}`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::WebhookId,
    usecase::{token::Scope, webhook},
    web::{
        api::{
            auth::Authorized,
            input::Id,
            openapi::ChangeProblems,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

use super::{Description, EventName, Webhook, settings, unknown};

/// What of a webhook shall change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhook {
    /// Where messages are sent: https.
    #[serde(default)]
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    description: Option<Description>,
    /// The events it is told; empty: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    events: Option<Vec<EventName>>,
    /// Whether it is told anything.
    #[serde(default)]
    enabled: Option<bool>,
}

/// Change a webhook.
///
/// What is on its way to one that is disabled becomes dead letters, and what happens meanwhile is not sent. Scope
/// `webhooks:write`.
#[utoipa::path(
    patch, path = "/webhooks/{id}", tag = "webhooks",
    params(
        ("id" = String, Path, format = "uuid", description = "The webhook's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    request_body = ChangeWebhook, security(("bearer" = ["webhooks:write"])),
    responses((status = 200, description = "The webhook as it is now.", body = Webhook), ChangeProblems),
)]
pub async fn change_webhook(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    let wanted: ChangeWebhook = submitted.json()?;
    let settings = settings(&app, wanted.url.as_deref(), wanted.description, wanted.events, wanted.enabled)?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let webhook = webhook::change(tx, ctx, id, &settings)?.ok_or_else(|| unknown(id))?;
            Reply::json(StatusCode::OK, &Webhook::from(webhook))
        })
        .await
}
