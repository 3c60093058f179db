//! `POST /validate`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use signet_verify::claims::{Features, LicenseFacts};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::ActivationId, limits, time::Time},
    usecase::{
        Actor, Failure,
        validate::{self as usecase, Question},
        verdict::Verdict,
    },
    web::{
        api::{
            input::Text,
            licensed::Licensed,
            meter::{MeterState, states},
            openapi::AskProblems,
            submit::{Submitted, sentence},
        },
        problem::Problem,
    },
};

use super::fingerprint::{Fingerprint, components};

/// What the software wants to know.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// The software's product.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "atlas")]
    product: Option<Text<{ limits::ASKED_NAME_CHARS }>>,
    /// The software's version.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "2.4.1")]
    version: Option<Text<{ limits::VERSION_CHARS }>>,
    /// A feature that it wants to use.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "export")]
    feature: Option<Text<{ limits::ASKED_NAME_CHARS }>>,
    /// The machine: 1 to 8 components, each a name and its digest. Left out: it is not asked about a machine.
    #[serde(default)]
    components: Option<Fingerprint>,
    /// Comes back in the signed answer, so that no old one can be shown again.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, example = "q83vEjRWeJA")]
    nonce: Option<Text<{ limits::NONCE_CHARS }>>,
}

/// Whether the license may run, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct Validation {
    /// Whether it may.
    valid: bool,
    /// Why, or why not: one of a closed list; the first in the documented order that applies.
    #[schema(example = "valid")]
    reason: &'static str,
    /// Whether asking again unchanged is useless until somebody changes something.
    conclusive: bool,
    /// The reason in a sentence, and what to do.
    detail: String,
    /// The license, where there is one.
    #[schema(required)]
    license: Option<Facts>,
    /// The machine's activation, where components were sent and have one.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    activation: Option<ActivationId>,
    /// What was used of the plan's meters, by all machines of the license; empty where it does not hold.
    meters: Vec<MeterState>,
    /// The service's clock, to the microsecond.
    #[schema(value_type = String, format = DateTime)]
    server_time: Time,
    /// All of it but sentences and names, as a `validation+jwt`: believe nothing else.
    signed: String,
    /// The key list by which `signed` verifies, as a `keys+jwt`.
    keys: String,
}

/// What the holder of a license may know of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Facts {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// Its product.
    #[schema(example = "atlas")]
    product: String,
    /// Its plan.
    #[schema(example = "team")]
    plan: String,
    /// `active`, `frozen` or `released`.
    #[schema(example = "active")]
    state: String,
    /// Whether it is a trial.
    trial: bool,
    /// When it ends; `null`: never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// Until when it is honoured: the end plus the plan's slack.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    holds_until: Option<Time>,
    /// How many machines may use it.
    machines: u32,
    /// What the software may do: each feature is a flag, a number or a text.
    #[schema(value_type = Object, example = json!({ "export": true, "projects": 20 }))]
    features: Features,
    /// Revision of its license code.
    rev: u32,
}

impl From<LicenseFacts> for Facts {
    fn from(it: LicenseFacts) -> Self {
        let instant = |seconds: i64| Time::from_micros(seconds.saturating_mul(1_000_000));
        Self {
            id: it.id,
            product: it.product,
            plan: it.plan,
            state: it.state,
            trial: it.trial,
            expires_at: it.expires_at.and_then(instant),
            holds_until: it.holds_until.and_then(instant),
            machines: it.machines,
            features: it.features,
            rev: it.rev,
        }
    }
}

impl From<Verdict> for Validation {
    fn from(it: Verdict) -> Self {
        Self {
            valid: it.valid(),
            reason: it.reason.as_str(),
            conclusive: it.conclusive,
            detail: sentence(&it.detail),
            license: it.license.map(Facts::from),
            activation: it.activation,
            meters: states(&it.meters),
            server_time: it.server_time,
            signed: it.signed,
            keys: it.keys,
        }
    }
}

/// May this license run?
///
/// Reads only and takes no seat. Answers 200 whether it may or not, also for a license that is none; everything in the
/// body may be left out, and the body with it. The answer is signed by the product's keys; where neither the question
/// nor the license names a product of this service, by those of `installation`.
#[utoipa::path(
    post, path = "/validate", tag = "software", request_body = Option<Validate>, security(("license" = [])),
    responses((status = 200, description = "Whether it may run, and why.", body = Validation), AskProblems),
)]
pub async fn validate(
    State(app): State<App>,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Json<Validation>, Problem> {
    let wanted: Validate = submitted.json_or_default()?;
    let question = Question {
        product: wanted.product.map(|text| text.0),
        version: wanted.version.map(|text| text.0),
        feature: wanted.feature.map(|text| text.0),
        components: components(wanted.components)?,
        nonce: wanted.nonce.map(|text| text.0),
    };
    let credential = licensed.credential;
    let verdict = app
        .read::<_, Failure, _>(Actor::Software, move |tx, ctx| usecase::validate(tx, ctx, &credential, &question))
        .await?;
    Ok(Json(verdict.into()))
}
