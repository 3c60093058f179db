//! `POST /licenses`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{limits, slug::Slug, time::Time},
    catalog::PlanName,
    usecase::{
        merchant::{self, ByHand},
        token::Scope,
    },
    web::{
        api::{
            auth::Authorized,
            input::Text,
            openapi::CreateProblems,
            submit::{Reply, Submitted},
        },
        problem::Problem,
    },
};

use super::{Customer, License};

/// A license to be issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueLicense {
    /// The product.
    #[schema(value_type = String, example = "atlas")]
    product: Slug,
    /// One of its plans.
    #[schema(value_type = String, example = "team")]
    plan: Slug,
    /// When it ends; left out or `null`: after the plan's own term, from now.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-01-31T08:00:00Z")]
    expires_at: Option<Time>,
    /// The quantity, as if bought.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<u32>,
    /// A trial.
    #[serde(default)]
    trial: bool,
    /// The device it is bound to.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    device: Option<Text<{ limits::EXTENSION_VALUE_CHARS }>>,
    /// For whom.
    #[serde(default)]
    customer: Customer,
}

/// A license that was just issued, with its two faces.
#[derive(Serialize, ToSchema)]
pub struct IssuedLicense {
    /// The license.
    license: License,
    /// The license code: signed, verified offline.
    license_code: String,
    /// The license key: short, to be typed.
    #[schema(example = "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")]
    license_key: String,
}

/// Without code and key.
impl std::fmt::Debug for IssuedLicense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssuedLicense(…)")
    }
}

/// Issue a license by hand.
///
/// The answer shows its code and key. Send an `Idempotency-Key`, so that a repeat after a lost answer gets this
/// license and not a second one. Scope `licenses:write`.
#[utoipa::path(
    post, path = "/licenses", tag = "licenses",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless.")),
    request_body = IssueLicense, security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The license was issued.", body = IssuedLicense), CreateProblems),
)]
pub async fn issue_license(
    State(app): State<App>,
    authorized: Authorized,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    let wanted: IssueLicense = submitted.json()?;
    quantity_fits(wanted.quantity)?;
    let expires_at = wanted.expires_at;
    let by_hand = ByHand {
        plan: PlanName { product: wanted.product, plan: wanted.plan },
        expires_at,
        quantity: wanted.quantity,
        trial: wanted.trial,
        device: wanted.device.map(|text| text.0),
        customer: wanted.customer.into(),
    };
    submitted
        .run(&app, bearer, move |tx, ctx| {
            // Inside: a repeat of a request that was in time gets its answer also later.
            if let Some(at) = expires_at.filter(|at| *at <= ctx.now) {
                let detail =
                    format!("`expires_at` {at} is over. Name a later instant, or none for the plan's own term.");
                return Err(Problem::unprocessable(detail).into());
            }
            let issued = merchant::issue(tx, ctx, &by_hand)?.ok_or_else(|| unknown_plan(&by_hand.plan))?;
            let answer = IssuedLicense {
                license: issued.license.into(),
                license_code: issued.code,
                license_key: issued.key.to_string(),
            };
            Reply::json(StatusCode::CREATED, &answer)
        })
        .await
}

/// Refuses a quantity that no license can have.
///
/// # Errors
/// 422.
pub fn quantity_fits(quantity: Option<u32>) -> Result<(), Problem> {
    match quantity {
        Some(quantity) if !(1..=limits::MACHINES).contains(&quantity) => {
            Err(Problem::unprocessable(format!("`quantity` is {quantity}; it must be 1 to {}.", limits::MACHINES)))
        }
        _ => Ok(()),
    }
}

/// The catalog has no such plan.
pub fn unknown_plan(name: &PlanName) -> Problem {
    Problem::unprocessable(format!(
        "The catalog has no plan `{}/{}`. /api/v1/products lists what there is; `signet catalog apply` adds to it.",
        name.product, name.plan
    ))
}
