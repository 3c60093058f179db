//! `GET` and `POST /licenses/{id}/usage`.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{decimal::Decimal, ids::LicenseId, slug::Slug, time::Time},
    store::UsageRecord,
    usecase::{
        Actor,
        token::Scope,
        usage::{self, Counted, Usage},
    },
    web::{
        api::{
            auth::Authorized,
            input::Id,
            meter::{MeterState, states},
            openapi::{ChangeProblems, ItemProblems},
            submit::{Reply, Stop, Submitted},
        },
        problem::Problem,
    },
};

use super::unknown;

/// Usage since the last report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportUsage {
    /// What is counted: 1 to 40 characters of `a-z 0-9 -`.
    #[schema(value_type = String, example = "api-calls")]
    meter: Slug,
    /// How much is added: text, at most 4 digits behind the point. With a minus it is taken back, as a correction.
    #[schema(value_type = String, pattern = r"^-?\d{1,8}(\.\d{1,4})?$", example = "12.5")]
    amount: Amount,
}

/// Ten-thousandths, negative where something is taken back.
#[derive(Debug, Clone, Copy)]
struct Amount(i64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (is_negative, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |digits| (true, digits));
        let Decimal(amount) = digits.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(if is_negative { -amount } else { amount }))
    }
}

/// One counter.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counter {
    /// What is counted.
    #[schema(example = "api-calls")]
    meter: String,
    /// The total so far.
    #[schema(value_type = String, example = "1047.25")]
    total: Decimal,
    /// When it was last counted.
    #[schema(value_type = String, format = DateTime)]
    counted_at: Time,
}

/// The counters of a license, by their names.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicenseUsage {
    /// Every counter: all that was ever counted.
    items: Vec<Counter>,
    /// The meters of its plan, each with what was used in its period.
    meters: Vec<MeterState>,
}

impl From<Usage> for LicenseUsage {
    fn from(usage: Usage) -> Self {
        let counter =
            |it: UsageRecord| Counter { meter: it.meter, total: Decimal(it.total), counted_at: it.counted_at };
        Self { meters: states(&usage.meters), items: usage.totals.into_iter().map(counter).collect() }
    }
}

/// The usage counters of a license.
///
/// Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses/{id}/usage", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "Its counters.", body = LicenseUsage), ItemProblems),
)]
pub async fn get_usage(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<Json<LicenseUsage>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let usage = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| {
            let license = tx.license_find(id)?.ok_or_else(|| unknown(id))?;
            Ok(usage::of(tx, ctx, &license)?)
        })
        .await?;
    Ok(Json(usage.into()))
}

/// Report usage.
///
/// Adds to a counter, which starts at nothing; the marketplace shows on-demand buyers the totals. Send an
/// `Idempotency-Key`, so that a repeat is not counted twice. A negative amount takes back what was reported wrongly, and stands
/// in the license's history. Also taken after the release, for what was used before
/// it. A meter of the plan counts it as well, whatever its limit; other names may be counted too. Scope `licenses:write`.
#[utoipa::path(
    post, path = "/licenses/{id}/usage", tag = "licenses",
    params(
        ("id" = String, Path, format = "uuid", description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    request_body = ReportUsage, security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The counters as they are now.", body = LicenseUsage), ChangeProblems),
)]
pub async fn report_usage(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    let report: ReportUsage = submitted.json()?;
    submitted
        .run(&app, bearer, move |tx, ctx| match usage::add(tx, ctx, id, &report.meter, report.amount.0)? {
            Counted::Counters(counters) => Reply::json(StatusCode::OK, &LicenseUsage::from(counters)),
            Counted::NotFound => Err(unknown(id).into()),
            Counted::TooLarge => Err(too_large(&report.meter).into()),
            Counted::TooLittle => Err(too_little(&report.meter).into()),
            Counted::TooManyMeters => Err(too_many_meters().into()),
        })
        .await
}

fn too_large(meter: &Slug) -> Problem {
    let max = Decimal(usage::TOTAL_MAX);
    Problem::conflict(format!(
        "The counter `{meter}` would pass {max}, the most that is counted. Nothing was added; count in a larger unit."
    ))
}

fn too_little(meter: &Slug) -> Problem {
    Problem::conflict(format!(
        "More would be taken back than the counter `{meter}` ever counted. Nothing was changed: look at its total."
    ))
}

fn too_many_meters() -> Problem {
    let max = usage::METERS_MAX;
    Problem::conflict(format!("The license has {max} counters already, and no more are kept. Use one of them."))
}
