//! `POST /webhooks/{id}/test`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::{EventId, WebhookId},
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

use super::{refused, unknown};

/// A test that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestSent {
    /// Its event: `GET /webhooks/{id}/deliveries/{event}` shows what came of it.
    #[schema(value_type = String, format = "uuid")]
    event_id: EventId,
}

/// Send a webhook a test.
///
/// It is sent like any other message, as `webhook.test`, also where the webhook is told only of other events. Scope
/// `webhooks:write`.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", tag = "webhooks",
    params(
        ("id" = String, Path, format = "uuid", description = "The webhook's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["webhooks:write"])),
    responses((status = 202, description = "It is on its way.", body = TestSent), ChangeProblems),
)]
pub async fn test_webhook(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    submitted.nothing()?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let event = webhook::test(tx, ctx, id)?.ok_or_else(|| unknown(id))?.map_err(|why| refused(&why))?;
            Reply::json(StatusCode::ACCEPTED, &TestSent { event_id: event.id })
        })
        .await
}
