//! `POST /webhooks/{id}/deliveries/{event}/replay` and `POST /webhooks/{id}/replay`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::ids::{EventId, WebhookId},
    usecase::{Failure, token::Scope, webhook},
    web::{
        api::{
            auth::Authorized,
            input::{Id, Ids},
            openapi::ChangeProblems,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

use super::{Delivery, deliveries::unknown_delivery, refused, unknown};

/// Send a delivery again.
///
/// It may have been given up, or have arrived: the receiver knows it by its `webhook-id`, which stays. Scope
/// `webhooks:write`.
#[utoipa::path(
    post, path = "/webhooks/{id}/deliveries/{event}/replay", tag = "webhooks",
    params(
        ("id" = String, Path, format = "uuid", description = "The webhook's id."),
        ("event" = String, Path, format = "uuid", description = "The event's id: `webhook-id` of the message."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["webhooks:write"])),
    responses((status = 200, description = "The delivery, on its way again.", body = Delivery), ChangeProblems),
)]
pub async fn replay_delivery(
    State(app): State<App>,
    authorized: Authorized,
    Ids(id, event): Ids<WebhookId, EventId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    submitted.nothing()?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let replayed = webhook::replay(tx, ctx, id, event)?.ok_or_else(|| unknown_delivery(id, event))?;
            let delivery = replayed.map_err(|why| refused(&why))?;
            let gone = || Failure::Missing(format!("event {event} of a delivery is not there"));
            let told = tx.event_find(event)?.ok_or_else(gone)?;
            Reply::json(StatusCode::OK, &Delivery::of(&delivery, told.kind, told.at))
        })
        .await
}

/// How much is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// Dead letters that are on their way again.
    replayed: usize,
}

/// Send all dead letters of a webhook again.
///
/// Scope `webhooks:write`.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", tag = "webhooks",
    params(
        ("id" = String, Path, format = "uuid", description = "The webhook's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    security(("bearer" = ["webhooks:write"])),
    responses((status = 200, description = "They are on their way again.", body = Replayed), ChangeProblems),
)]
pub async fn replay_dead(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    submitted.nothing()?;
    submitted
        .run(&app, bearer, move |tx, ctx| {
            let replayed = webhook::replay_dead(tx, ctx, id)?.ok_or_else(|| unknown(id))?;
            Reply::json(StatusCode::OK, &Replayed { replayed: replayed.map_err(|why| refused(&why))? })
        })
        .await
}
