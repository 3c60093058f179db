//! `GET /webhooks/{id}/deliveries` and `GET /webhooks/{id}/deliveries/{event}`.

use axum::{Json, extract::State as Service};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    base::{
        ids::{EventId, WebhookId},
        limits,
        time::Time,
    },
    store::AttemptRecord,
    usecase::{Actor, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::{Filters, Id, Ids},
            openapi::{ItemProblems, ListProblems},
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::{Delivery, State, unknown};

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those that stand so.
    state: Option<State>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// What was sent to a webhook, or is on its way, newest event first.
///
/// Kept for 30 days. Scope `webhooks:read`.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, format = "uuid", description = "The webhook's id."), Wanted),
    security(("bearer" = ["webhooks:read"])),
    responses(
        (status = 200, description = "A page of deliveries.", body = Page<Delivery>),
        (status = 404, description = "There is no such thing.", body = Problem, content_type = "application/problem+json"),
        ListProblems
    ),
)]
pub async fn list_deliveries(
    Service(app): Service<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let bearer = authorized.require(Scope::WebhooksRead)?;
    let place = Place::<EventId>::new("deliveries", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows, state) = (place.after, place.rows(), wanted.state.map(Into::into));
    let found = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| {
            tx.webhook_find(id)?.ok_or_else(|| unknown(id))?;
            Ok(tx.delivery_page(id, state, after, rows)?)
        })
        .await?;
    Ok(Json(place.page(found, |it| it.0.event_id, |(it, event, at)| Delivery::of(&it, event, at))))
}

/// A delivery with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeDelivery {
    /// The delivery.
    #[serde(flatten)]
    delivery: Delivery,
    /// What is sent.
    #[schema(value_type = Object)]
    message: Value,
    /// What each try came to, newest first.
    attempts: Vec<Attempt>,
}

/// What one try came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempt {
    /// Which one, from 1 on.
    number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// Milliseconds until the answer, or until it was given up.
    millis: i64,
    /// The answer's HTTP status; `null`: there was none.
    #[schema(required)]
    status: Option<i64>,
    /// Why there was none.
    #[schema(required)]
    error: Option<String>,
}

impl From<AttemptRecord> for Attempt {
    fn from(it: AttemptRecord) -> Self {
        Self { number: it.number, at: it.at, millis: it.millis, status: it.status, error: it.error }
    }
}

/// One delivery, with what is sent and what each try came to.
///
/// Scope `webhooks:read`.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries/{event}", tag = "webhooks",
    params(
        ("id" = String, Path, format = "uuid", description = "The webhook's id."),
        ("event" = String, Path, format = "uuid", description = "The event's id: `webhook-id` of the message."),
    ),
    security(("bearer" = ["webhooks:read"])),
    responses((status = 200, description = "The delivery.", body = WholeDelivery), ItemProblems),
)]
pub async fn get_delivery(
    Service(app): Service<App>,
    authorized: Authorized,
    Ids(id, event): Ids<WebhookId, EventId>,
) -> Result<Json<WholeDelivery>, Problem> {
    let bearer = authorized.require(Scope::WebhooksRead)?;
    let whole = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| {
            let delivery = tx.delivery_look(id, event)?.ok_or_else(|| unknown_delivery(id, event))?;
            let told = tx.event_find(event)?.ok_or_else(|| unknown_delivery(id, event))?;
            let attempts = tx.attempts_of(id, event)?.into_iter().map(Attempt::from).collect();
            let message = serde_json::from_str(&told.payload).unwrap_or_default();
            Ok(WholeDelivery { delivery: Delivery::of(&delivery, told.kind, told.at), message, attempts })
        })
        .await?;
    Ok(Json(whole))
}

/// Nothing of this event was, or is, sent to this webhook.
pub(super) fn unknown_delivery(id: WebhookId, event: EventId) -> Problem {
    let days = limits::EVENT_DAYS;
    Problem::not_found(format!("Webhook {id} has no delivery of event {event}. Deliveries are kept for {days} days."))
}
