//! What licensed software calls: it shows the license itself and needs no token. One file per verb; what they share is
//! here: the fingerprint, the lease, and the refusal that a proxy cannot forge.
//!
//! No answer allows other origins to read it (CORS): a page in a browser would show its license to everybody who opens
//! it, so software asks from its own side.

pub mod activate;
pub mod deactivate;
pub mod fingerprint;
pub mod license_file;
pub mod offline;
pub mod redeem;
pub mod renew;
pub mod usage;
pub mod validate;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    base::{ids::ActivationId, limits, time::Time},
    license::activation::{Reason, Stay},
    store::ActivationRecord,
    usecase::{
        activation::{self as usecase, Granted, Warning},
        verdict::Verdict,
    },
    web::{
        api::{
            meter::{MeterState, states},
            submit::sentence,
        },
        problem::Problem,
        rate_limit,
    },
};

/// The addresses of licensed software.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(validate::validate))
        .routes(routes!(activate::activate))
        .routes(routes!(renew::renew))
        .routes(routes!(deactivate::deactivate))
        .routes(routes!(usage::report_activation_usage))
        .routes(routes!(license_file::license_file))
        .routes(routes!(offline::activate_offline))
        .routes(routes!(redeem::redeem))
        .layer(middleware::from_fn(rate_limit::announce))
}

/// No seat, no lease, no file: a problem (RFC 9457) with the signed reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    #[serde(flatten)]
    problem: Problem,
    /// Why: one of a closed list, in the documented order.
    #[schema(example = "machine_limit")]
    reason: &'static str,
    /// Whether asking again unchanged is useless until somebody changes something.
    conclusive: bool,
    /// The same, as a `validation+jwt`. A refusal whose signature does not verify is none.
    signed: String,
    /// The key list by which `signed` verifies, as a `keys+jwt`.
    keys: String,
    /// Who has the seats, the oldest first; only where none is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    holders: Option<Vec<Holder>>,
    /// What became of the reports, in order; only where usage was reported and none of it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    reports: Option<Vec<ReportResult>>,
    /// What was used of the plan's meters; beside `reports`.
    #[serde(skip_serializing_if = "Option::is_none")]
    meters: Option<Vec<MeterState>>,
}

/// What became of a report of usage.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportResult {
    /// The report's id.
    #[schema(example = "9b2f0c1e-0001")]
    id: String,
    /// Whether it counts.
    counted: bool,
    /// Whether it was counted before, and so not again.
    repeated: bool,
    /// Why it does not count: `usage_limit`, `meter_unknown`, `report_conflict` or `report_limit`.
    #[schema(required, example = "usage_limit")]
    reason: Option<&'static str>,
}

/// A machine that has a seat.
#[derive(Debug, Serialize, ToSchema)]
pub struct Holder {
    /// Its activation, by which the seat can be freed.
    #[schema(value_type = String, format = "uuid")]
    activation: ActivationId,
    /// What it calls itself.
    #[schema(required)]
    name: Option<String>,
    /// Its system.
    #[schema(required)]
    platform: Option<String>,
    /// Since when it has the seat.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// When it last asked for a lease.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Time,
}

/// A machine's seat.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activation {
    /// Its id: names the seat in later calls.
    #[schema(value_type = String, format = "uuid")]
    id: ActivationId,
    /// What the machine calls itself.
    #[schema(required)]
    name: Option<String>,
    /// Its system.
    #[schema(required)]
    platform: Option<String>,
    /// The software's version.
    #[schema(required)]
    version: Option<String>,
    /// When the machine was first activated.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it last asked for a lease.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Time,
    /// When the lease ends.
    #[schema(value_type = String, format = DateTime)]
    lease_ends_at: Time,
    /// Whether the seat goes back when the lease ends.
    floating: bool,
}

/// A seat with its lease, and what must travel with it.
#[derive(Serialize, ToSchema)]
pub struct Lease {
    /// The seat.
    activation: Activation,
    /// What the machine runs by: a `lease+jwt`.
    lease: String,
    /// The newest license code: a `license+jwt`.
    code: String,
    /// The product's newest key list: a `keys+jwt`.
    keys: String,
    /// The service's clock, to the microsecond.
    #[schema(value_type = String, format = DateTime)]
    server_time: Time,
    /// What the caller should know.
    warnings: Vec<Notice>,
    /// What was used of the plan's meters, by all machines of the license.
    meters: Vec<MeterState>,
}

/// Without the code, which is the license itself.
impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({:?}, …)", self.activation)
    }
}

/// Something that works, but not as the caller may think.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notice {
    /// A stable name.
    #[schema(example = "container_identity")]
    code: &'static str,
    /// What it means and what to do.
    detail: String,
}

impl From<Warning> for Notice {
    fn from(it: Warning) -> Self {
        Self { code: it.as_str(), detail: it.detail() }
    }
}

impl From<ActivationRecord> for Activation {
    fn from(it: ActivationRecord) -> Self {
        Self {
            id: it.id,
            name: it.name,
            platform: it.platform,
            version: it.version,
            created_at: it.created_at,
            last_seen_at: it.last_seen_at,
            lease_ends_at: it.lease_ends_at,
            floating: it.floating,
        }
    }
}

impl From<usecase::Holder> for Holder {
    fn from(it: usecase::Holder) -> Self {
        Self { activation: it.id, name: it.name, platform: it.platform, since: it.since, last_seen_at: it.last_seen_at }
    }
}

impl From<Granted> for Lease {
    fn from(it: Granted) -> Self {
        Self {
            activation: it.activation.into(),
            lease: it.lease,
            code: it.code,
            keys: it.keys,
            server_time: it.server_time,
            warnings: it.warnings.into_iter().map(Notice::from).collect(),
            meters: states(&it.meters),
        }
    }
}

/// The lease: 201 when the machine had no seat before.
fn granted(granted: Granted) -> Response {
    let status = if granted.new_seat { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(Lease::from(granted))).into_response()
}

/// A bundle, as the use case wrote it.
fn bundle(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// No seat, or no lease.
fn refused(refused: usecase::Refused) -> Response {
    let is_full = refused.verdict.reason == Reason::MachineLimit;
    let holders = is_full.then(|| refused.holders.into_iter().map(Holder::from).collect());
    let mut response = declined(refused.verdict, holders);
    if let Some(wait) = refused.wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

/// What a verdict against the license is answered with.
fn declined(verdict: Verdict, holders: Option<Vec<Holder>>) -> Response {
    let status = status(verdict.reason);
    problem(status, Refusal { holders, ..Refusal::of(status, verdict) })
}

fn problem(status: StatusCode, refusal: Refusal) -> Response {
    let mut response = (status, Json(refusal)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

impl Refusal {
    fn of(status: StatusCode, verdict: Verdict) -> Self {
        let reason = verdict.reason.as_str();
        let name = reason.replace('_', "-");
        Self {
            problem: Problem::new(status, &name, "The license does not allow this", sentence(&verdict.detail)),
            reason,
            conclusive: verdict.conclusive,
            signed: verdict.signed,
            keys: verdict.keys,
            holders: None,
            reports: None,
            meters: None,
        }
    }
}

fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::DeviceMismatch
        | Reason::MachineMismatch
        | Reason::LeaseEnded
        | Reason::MachineLimit
        | Reason::ReportConflict
        | Reason::UsageLimit => StatusCode::CONFLICT,
        Reason::MeterUnknown => StatusCode::UNPROCESSABLE_ENTITY,
        Reason::MachineUnknown => StatusCode::NOT_FOUND,
        Reason::ActivationCycling | Reason::ReportLimit => StatusCode::TOO_MANY_REQUESTS,
        Reason::LicenseMalformed
        | Reason::LicenseNotFound
        | Reason::NotRedeemed
        | Reason::ProductMismatch
        | Reason::LicenseReleased
        | Reason::LicenseFrozen
        | Reason::LicenseExpired
        | Reason::CodeRevoked
        | Reason::VersionNotAllowed
        | Reason::FeatureMissing
        | Reason::Valid => StatusCode::FORBIDDEN,
    }
}

/// How long the machine wants to stay away.
fn stay(borrow_days: Option<u16>) -> Result<Stay, Problem> {
    match borrow_days {
        None => Ok(Stay::Usual),
        Some(days) if (1..=limits::BORROW_DAYS).contains(&days) => Ok(Stay::Borrow(days)),
        Some(days) => {
            Err(Problem::unprocessable(format!("`borrow_days` is {days}; it must be 1 to {}.", limits::BORROW_DAYS)))
        }
    }
}
