//! `POST /activations/{id}/usage`.

use std::borrow::Cow;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use crate::{
    app::App,
    base::{decimal::Decimal, ids::is_report_id, limits, slug::Slug, time::Time},
    usecase::{
        Actor, Context, Failure,
        activation::{self as usecase, Became, Report, Reported},
    },
    web::{
        api::{
            input::Text,
            licensed::Renewing,
            meter::{MeterState, states},
            openapi::UsageProblems,
            submit::Submitted,
        },
        problem::Problem,
    },
};

use super::{Refusal, ReportResult, problem, refused, status};

/// What a machine used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportMachineUsage {
    /// 1 to 100 reports. Each is counted whole and once, or not at all, whatever becomes of the others.
    #[schema(min_items = 1, max_items = 100)]
    reports: Vec<UsageReport>,
    /// Comes back in the signed answer.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, example = "q83vEjRWeJA")]
    nonce: Option<Text<{ limits::NONCE_CHARS }>>,
}

/// One report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageReport {
    /// An id of its own within the license, by which a repeat is known: 1 to 64 characters of `A-Z a-z 0-9 . _ : -`.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9._:-]{1,64}$", example = "9b2f0c1e-0001")]
    id: ReportId,
    /// A meter of the license's plan: 1 to 40 characters of `a-z 0-9 -`.
    #[schema(value_type = String, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 40, example = "tiles")]
    meter: Slug,
    /// How much: text with at most 4 digits behind the point, or a whole number; not negative.
    amount: Amount,
}

/// An amount of usage.
#[derive(Debug, Clone, Copy)]
pub struct Amount(Decimal);

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^[0-9]{1,8}(\.[0-9]{1,4})?$"))
            .examples([json!("12.5")]);
        let whole =
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(limits::USAGE_AMOUNT));
        OneOfBuilder::new()
            .item(text)
            .item(whole)
            .description(Some("Text with at most 4 digits behind the point, or a whole number."))
            .into()
    }
}

impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "UsageAmount".into()
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl de::Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text such as \"12.5\", or a whole number of at most 99999999")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        let whole = u32::try_from(number).ok().filter(|number| *number <= limits::USAGE_AMOUNT);
        whole
            .map(|number| Amount(Decimal::whole(number)))
            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        text.parse().map(Amount).map_err(E::custom)
    }
}

/// A report's id.
#[derive(Debug)]
pub struct ReportId(String);

impl<'de> Deserialize<'de> for ReportId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if is_report_id(&text) {
            Ok(Self(text))
        } else {
            let most = limits::USAGE_REPORT_ID_CHARS;
            Err(de::Error::custom(format!("a report's id has 1 to {most} characters of A-Z, a-z, 0-9 and . _ : -")))
        }
    }
}

/// What became of the reports.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageAnswer {
    /// Each report, in order.
    reports: Vec<ReportResult>,
    /// What was used of the plan's meters, by all machines of the license.
    meters: Vec<MeterState>,
    /// The service's clock, to the microsecond.
    #[schema(value_type = String, format = DateTime)]
    server_time: Time,
    /// The same, as a `validation+jwt`: believe nothing else.
    signed: String,
    /// The key list by which `signed` verifies, as a `keys+jwt`.
    keys: String,
}

/// Report what a machine used.
///
/// Each report adds to a meter of the license's plan, exactly once however often it is sent: its id is remembered for 35
/// days. Beyond a limit nothing of a report is counted, unless the plan allows it. 200 as soon as one report counts; where
/// none does, the first one's reason decides the status: 409 for `usage_limit` and `report_conflict` (the id stands for
/// another report), 422 for `meter_unknown`.
#[utoipa::path(
    post, path = "/activations/{id}/usage", tag = "software",
    params(("id" = String, Path, format = "uuid", description = "The activation.")),
    request_body = ReportMachineUsage, security(("license" = [])),
    responses((status = 200, description = "What became of each report.", body = UsageAnswer), UsageProblems),
)]
pub async fn report_activation_usage(
    State(app): State<App>,
    renewing: Renewing,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let ReportMachineUsage { reports, nonce } = submitted.json()?;
    let most = limits::USAGE_REPORTS;
    if !(1..=most).contains(&reports.len()) {
        let count = reports.len();
        return Err(Problem::unprocessable(format!("`reports` has {count} reports; it must have 1 to {most}.")));
    }
    let report = |it: UsageReport| Report { id: it.id.0, meter: it.meter.to_string(), amount: it.amount.0 };
    let reports: Vec<Report> = reports.into_iter().map(report).collect();
    let nonce = nonce.map(|text| text.0);
    let Renewing { credential, activation } = renewing;
    let count = move |tx: &mut _, ctx: Context<'_>| {
        usecase::report(tx, ctx, &credential, activation, nonce.as_deref(), &reports)
    };
    let outcome = app.write::<_, Failure, _>(Actor::Software, count).await?;
    Ok(outcome.map_or_else(|it| refused(*it), answered))
}

fn answered(reported: Reported) -> Response {
    let Reported { reports, verdict } = reported;
    let reports: Vec<ReportResult> = reports.into_iter().map(result).collect();
    let meters = states(&verdict.meters);
    if verdict.valid() {
        let (server_time, signed, keys) = (verdict.server_time, verdict.signed, verdict.keys);
        return Json(UsageAnswer { reports, meters, server_time, signed, keys }).into_response();
    }
    let status = status(verdict.reason);
    problem(status, Refusal { reports: Some(reports), meters: Some(meters), ..Refusal::of(status, verdict) })
}

fn result((id, became): (String, Became)) -> ReportResult {
    let reason = became.refused();
    let repeated = became == Became::Repeated;
    ReportResult { id, counted: reason.is_none(), repeated, reason: reason.map(|it| it.as_str()) }
}
