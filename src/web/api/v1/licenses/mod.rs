//! Licenses. One file per verb; what they share is here: the license as the API shows it.

pub mod activations;
pub mod extend;
pub mod free;
pub mod get;
pub mod history;
pub mod issue;
pub mod link;
pub mod list;
pub mod release;
pub mod resume;
pub mod reveal;
pub mod suspend;
pub mod usage;

use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{ids::LicenseId, slug::Slug, time::Time},
    license::{
        model::{self as domain, Expiry},
        plan::Features,
    },
    usecase::{
        merchant::{self, Act},
        token::Bearer,
    },
    web::{
        api::{
            input::Text,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

/// The addresses of this resource.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_licenses, issue::issue_license))
        .routes(routes!(get::get_license))
        .routes(routes!(suspend::suspend_license))
        .routes(routes!(resume::resume_license))
        .routes(routes!(release::release_license))
        .routes(routes!(extend::extend_license))
        .routes(routes!(reveal::reveal_license))
        .routes(routes!(link::get_link, link::rotate_link))
        .routes(routes!(history::license_history))
        .routes(routes!(activations::list_activations))
        .routes(routes!(free::free_activation))
        .routes(routes!(usage::get_usage, usage::report_usage))
}

/// A license.
#[derive(Debug, Serialize, ToSchema)]
pub struct License {
    /// Its id: `sub` of its license code.
    #[schema(value_type = String, format = "uuid", example = "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21")]
    pub id: LicenseId,
    /// The product it is for.
    #[schema(value_type = String, example = "atlas")]
    pub product: Slug,
    /// The plan whose rules it follows.
    #[schema(value_type = String, example = "team")]
    pub plan: Slug,
    /// The channel it was sold through; `null` when issued by hand.
    #[schema(required, value_type = Option<String>, example = "koogallery")]
    pub channel: Option<Slug>,
    /// The id by which the marketplace knows it.
    #[schema(required)]
    pub instance_id: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Why it is frozen.
    pub holds: Holds,
    /// When it ends; `null`: never.
    #[schema(required, value_type = Option<String>, format = DateTime, example = "2027-01-31T08:00:00Z")]
    pub expires_at: Option<Time>,
    /// How sure the end is.
    pub expiry: ExpiryKind,
    /// How many machines may use it.
    #[schema(example = 5)]
    pub machines: u32,
    /// What the software may do: each feature is a flag, a number or a text.
    #[schema(value_type = Object, example = json!({ "export": true, "projects": 20 }))]
    pub features: Features,
    /// The quantity last bought, where one was named.
    #[schema(required)]
    pub quantity: Option<u32>,
    /// Whether it is a trial.
    pub trial: bool,
    /// The device it is bound to.
    #[schema(required)]
    pub device: Option<String>,
    /// Who bought it.
    pub customer: Customer,
    /// Revision of its license code.
    #[schema(example = 1)]
    pub rev: u32,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
}

/// Where a license stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In force.
    Active,
    /// Held by the marketplace, the merchant or both; can be lifted.
    Frozen,
    /// Ended for good.
    Released,
}

/// Why a license is frozen.
#[derive(Debug, Serialize, ToSchema)]
pub struct Holds {
    /// The marketplace holds it.
    pub marketplace: bool,
    /// The marketplace's hold came long before the expiry: a violation in its eyes, which no renewal lifts.
    pub violation: bool,
    /// The merchant holds it: suspended.
    pub merchant: bool,
}

/// How sure a license's end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryKind {
    /// It never ends.
    Never,
    /// The estimate of the purchase.
    Estimated,
    /// Taken from the plan, because the order named no term.
    Guessed,
    /// The word of a renewal or of the merchant.
    Confirmed,
}

/// Who bought a license.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The marketplace's id of the customer, or your own.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, example = "c-1047")]
    pub id: Option<Text>,
    /// The customer's name.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub name: Option<Text>,
}

impl From<Customer> for domain::Customer {
    fn from(customer: Customer) -> Self {
        Self { id: customer.id.map(|text| text.0), name: customer.name.map(|text| text.0) }
    }
}

impl From<State> for domain::State {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Frozen => Self::Frozen,
            State::Released => Self::Released,
        }
    }
}

impl From<domain::State> for State {
    fn from(state: domain::State) -> Self {
        match state {
            domain::State::Active => Self::Active,
            domain::State::Frozen => Self::Frozen,
            domain::State::Released => Self::Released,
        }
    }
}

impl From<domain::License> for License {
    fn from(it: domain::License) -> Self {
        let expiry = match it.expiry {
            Expiry::Never => ExpiryKind::Never,
            Expiry::Estimated(_) => ExpiryKind::Estimated,
            Expiry::Guessed(_) => ExpiryKind::Guessed,
            Expiry::Confirmed(_) => ExpiryKind::Confirmed,
        };
        let holds = Holds {
            marketplace: it.standing.marketplace_hold,
            violation: it.standing.violation,
            merchant: it.standing.merchant_hold,
        };
        Self {
            id: it.id,
            product: it.product,
            plan: it.plan,
            channel: it.channel,
            instance_id: it.instance_id,
            state: it.standing.state().into(),
            holds,
            expires_at: it.expiry.at(),
            expiry,
            machines: it.machines,
            features: it.features,
            quantity: it.quantity,
            trial: it.trial,
            device: it.device,
            customer: Customer { id: it.customer.id.map(Text), name: it.customer.name.map(Text) },
            rev: it.rev,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// There is no license with this id.
pub fn unknown(id: LicenseId) -> Problem {
    Problem::not_found(format!("There is no license {id}."))
}

/// Does `act` and answers with the license as it is then.
async fn change(app: &App, bearer: Bearer, submitted: Submitted, id: LicenseId, act: Act) -> Result<Response, Problem> {
    submitted
        .run(app, bearer, move |tx, ctx| {
            let changed = merchant::act(tx, ctx, id, act)?.ok_or_else(|| unknown(id))?;
            if merchant::refused(&changed) {
                let detail = format!("License {id} is released, which is final. Issue a new license instead.");
                return Err(Problem::conflict(detail).into());
            }
            Reply::json(StatusCode::OK, &License::from(changed.license))
        })
        .await
}
