//! Webhooks: where the merchant's own systems are told what happens, and what became of each message.

pub mod change;
pub mod create;
pub mod delete;
pub mod deliveries;
pub mod get;
pub mod list;
pub mod replay;
pub mod rotate;
pub mod test;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{
        ids::{EventId, WebhookId},
        limits,
        time::Time,
    },
    store::{DeliveryRecord, DeliveryState, WebhookRecord},
    usecase::{
        event::Kind,
        webhook::{self, Refused},
    },
    web::{api::input::Text, problem::Problem},
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_webhooks, create::create_webhook))
        .routes(routes!(get::get_webhook, change::change_webhook, delete::delete_webhook))
        .routes(routes!(rotate::rotate_secret))
        .routes(routes!(test::test_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(replay::replay_delivery))
        .routes(routes!(replay::replay_dead))
}

/// A webhook, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: WebhookId,
    /// Where messages are sent.
    #[schema(example = "https://shop.example.com/signet")]
    url: String,
    /// What it is for.
    description: String,
    /// The events it is told; empty: all.
    #[schema(example = json!(["license.issued", "license.renewed"]))]
    events: Vec<String>,
    /// Whether it is told anything.
    enabled: bool,
    /// Why it was disabled, where nobody asked for it.
    #[schema(required)]
    disabled_because: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<WebhookRecord> for Webhook {
    fn from(it: WebhookRecord) -> Self {
        Self {
            id: it.id,
            url: it.url,
            description: it.description,
            events: it.kinds,
            enabled: it.enabled,
            disabled_because: it.disabled_because,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryState)]
pub enum State {
    /// On its way.
    Pending,
    /// Taken.
    Delivered,
    /// Given up.
    Dead,
}

impl From<DeliveryState> for State {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Dead => Self::Dead,
        }
    }
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Delivered => Self::Delivered,
            State::Dead => Self::Dead,
        }
    }
}

/// An event on its way to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    /// The event: `webhook-id` of its messages.
    #[schema(value_type = String, format = "uuid")]
    event_id: EventId,
    /// What happened.
    #[schema(example = "license.issued")]
    event: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// How it stands.
    state: State,
    /// How often it was sent.
    tries: u32,
    /// When it is sent next; `null`: not any more.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    next_at: Option<Time>,
    /// When it arrived or was given up.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Time>,
}

impl Delivery {
    fn of(it: &DeliveryRecord, event: String, at: Time) -> Self {
        Self {
            event_id: it.event_id,
            event,
            at,
            state: it.state.into(),
            tries: it.tries,
            next_at: (it.state == DeliveryState::Pending).then_some(it.next_at),
            ended_at: it.ended_at,
        }
    }
}

/// The name of an event.
#[derive(Debug, Clone, Copy)]
pub struct EventName(Kind);

impl<'de> Deserialize<'de> for EventName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// What a webhook is for: up to 200 characters, or nothing.
#[derive(Debug, Clone)]
pub struct Description(String);

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(text));
        }
        let checked = serde::de::value::StringDeserializer::<D::Error>::new(text);
        Text::<{ limits::WEBHOOK_DESCRIPTION_CHARS }>::deserialize(checked).map(|text| Self(text.0))
    }
}

fn settings(
    app: &App,
    url: Option<&str>,
    description: Option<Description>,
    events: Option<Vec<EventName>>,
    enabled: Option<bool>,
) -> Result<webhook::Settings, Problem> {
    let checked = url.map(|url| webhook::address(url, app.webhook_networks())).transpose();
    let url = checked.map_err(|why| Problem::unprocessable(format!("`url` will not do: {why}.")))?;
    Ok(webhook::Settings {
        url: url.map(Into::into),
        description: description.map(|it| it.0),
        kinds: events.map(|it| it.into_iter().map(|it| it.0).collect()),
        enabled,
    })
}

/// There is no webhook with this id.
fn unknown(id: WebhookId) -> Problem {
    Problem::not_found(format!("There is no webhook {id}. /api/v1/webhooks lists what there is."))
}

fn refused(why: &Refused) -> Problem {
    Problem::conflict(crate::web::api::submit::sentence(&why.to_string()))
}
