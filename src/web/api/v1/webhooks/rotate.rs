//! `POST /webhooks/{id}/secrets`.

use axum::{extract::State, http::StatusCode, response::Response};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::WebhookId, limits, secret::ExposeSecret},
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

use super::unknown;

/// How the secrets before are to end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotateSecret {
    /// Hours for which messages are signed with the secrets before as well; 0: not at all.
    #[schema(minimum = 0, maximum = 720, default = 24)]
    keep_hours: Option<u16>,
}

/// A new secret.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    /// The secret: shown only now.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: String,
}

/// Without the secret.
impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecret(…)")
    }
}

/// Give a webhook a new secret.
///
/// Messages are signed with it and, for a while, with those before: a receiver that knows either accepts them. Scope
/// `webhooks:write`.
#[utoipa::path(
    post, path = "/webhooks/{id}/secrets", tag = "webhooks",
    params(
        ("id" = String, Path, format = "uuid", description = "The webhook's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    request_body = RotateSecret, security(("bearer" = ["webhooks:write"])),
    responses((status = 201, description = "The new secret.", body = NewSecret), ChangeProblems),
)]
pub async fn rotate_secret(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    let wanted: RotateSecret = submitted.json_or_default()?;
    let hours = wanted.keep_hours.unwrap_or(24);
    if hours > limits::WEBHOOK_SECRET_HOURS {
        let most = limits::WEBHOOK_SECRET_HOURS;
        return Err(Problem::unprocessable(format!("`keep_hours` is {hours}; it must be 0 to {most}.")));
    }
    let keep = SignedDuration::from_hours(hours.into());
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let secret = webhook::rotate(tx, ctx, id, keep)?.ok_or_else(|| unknown(id))?;
            Reply::json(StatusCode::CREATED, &NewSecret { secret: secret.expose_secret().to_owned() })
        })
        .await
}
