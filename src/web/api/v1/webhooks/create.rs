//! `POST /webhooks`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::secret::ExposeSecret,
    usecase::{token::Scope, webhook},
    web::{
        api::{
            auth::Authorized,
            openapi::CreateProblems,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

use super::{Description, EventName, Webhook, refused, settings};

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Where messages are sent: https.
    #[schema(max_length = 2000, example = "https://shop.example.com/signet")]
    url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    description: Option<Description>,
    /// The events it is told; left out or empty: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100, example = json!(["license.issued", "license.renewed"]))]
    events: Option<Vec<EventName>>,
}

/// A webhook that was just made, with its secret.
#[derive(Serialize, ToSchema)]
pub struct CreatedWebhook {
    /// The webhook.
    webhook: Webhook,
    /// The secret by which its messages are signed: shown only now.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: String,
}

/// Without the secret.
impl std::fmt::Debug for CreatedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CreatedWebhook(…)")
    }
}

/// Make a webhook.
///
/// The answer shows its secret, which is shown never again. Scope `webhooks:write`.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless.")),
    request_body = CreateWebhook, security(("bearer" = ["webhooks:write"])),
    responses(
        (status = 201, description = "The webhook was made.", body = CreatedWebhook),
        (status = 409, description = "There are too many.", body = Problem, content_type = "application/problem+json"),
        CreateProblems
    ),
)]
pub async fn create_webhook(
    State(app): State<App>,
    authorized: Authorized,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    let wanted: CreateWebhook = submitted.json()?;
    let settings = settings(&app, Some(&wanted.url), wanted.description, wanted.events, None)?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let (webhook, secret) = webhook::create(tx, ctx, &settings)?.map_err(|why| refused(&why))?;
            let answer = CreatedWebhook { webhook: webhook.into(), secret: secret.expose_secret().to_owned() };
            Reply::json(StatusCode::CREATED, &answer)
        })
        .await
}
