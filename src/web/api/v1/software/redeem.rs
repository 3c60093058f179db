//! `POST /redeem`.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::{App, redeem::NotRedeemed},
    base::{secret::SecretString, slug::Slug, time::Time},
    usecase::{Actor, Failure, link, merchant, redemption::Refusal},
    web::{
        api::{
            licensed::Licensed,
            openapi::RedeemProblems,
            submit::{Submitted, sentence},
        },
        caller::Caller,
        problem::Problem,
    },
};

/// What is known beside the code.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redeem {
    /// The product it is for, where this service sells several by such codes.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "atlas")]
    product: Option<Slug>,
}

/// The license of a code.
#[derive(Serialize, ToSchema)]
pub struct Redeemed {
    /// The product.
    #[schema(value_type = String, example = "atlas")]
    product: Slug,
    /// The plan.
    #[schema(value_type = String, example = "standard")]
    plan: Slug,
    /// When it ends; `null`: never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// The newest license code.
    license_code: String,
    /// The license key.
    #[schema(example = "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")]
    license_key: String,
    /// The license's page. Whoever has the address can use the license.
    page: String,
}

/// Without what opens the license.
impl std::fmt::Debug for Redeemed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redeemed").field("product", &self.product).field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Redeem a code that the marketplace made.
///
/// Show the code, which begins with `PL`, as the license: `Authorization: License PL…`. The marketplace activates it: that
/// closes the order's supervision, and cannot be taken back. A code that was redeemed before gives the same license again.
#[utoipa::path(
    post, path = "/redeem", tag = "software", request_body = Redeem, security(("license" = [])),
    responses((status = 200, description = "The license.", body = Redeemed), RedeemProblems),
)]
pub async fn redeem(
    State(app): State<App>,
    Caller(address): Caller,
    licensed: Licensed,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let Redeem { product } = submitted.json_or_default()?;
    let license = match app.redeem(Actor::Software, &licensed.credential, product.as_ref(), address).await {
        Ok(license) => license,
        Err(why) => return Ok(not_redeemed(why)),
    };
    let id = license.id;
    let show = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
        let missing = || Failure::Missing(format!("license {id} vanished"));
        let revealed = merchant::reveal(tx, ctx, id)?.ok_or_else(missing)?;
        Ok((revealed, link::of(tx, id)?.url(ctx)))
    };
    let (revealed, page) = app.read::<_, Failure, _>(Actor::Software, show).await?;
    let merchant::Revealed { license, code, key, .. } = revealed;
    let redeemed = Redeemed {
        product: license.product,
        plan: license.plan,
        expires_at: license.expiry.at(),
        license_code: code,
        license_key: key,
        page,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(redeemed)).into_response())
}

/// Why a code is not redeemed, as a problem.
pub(super) fn not_redeemed(why: NotRedeemed) -> Response {
    let detail = sentence(&why.to_string());
    let of = |status, name: &str, title| Problem::new(status, name, title, detail.clone());
    let later = |problem: Problem, seconds: u64| {
        let mut response = problem.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    };
    match why {
        NotRedeemed::NoCode | NotRedeemed::NotSold => Problem::unprocessable(detail).into_response(),
        NotRedeemed::Refused(refusal) => {
            let name = match refusal {
                Refusal::Unknown => "code-unknown",
                Refusal::NotCollected => "code-not-collected",
                Refusal::Elsewhere => "code-activated-elsewhere",
                Refusal::Ended => "code-ended",
            };
            of(StatusCode::CONFLICT, name, "The marketplace refuses the code").into_response()
        }
        NotRedeemed::Waiting => {
            of(StatusCode::CONFLICT, "order-waiting", "The merchant has to complete the order").into_response()
        }
        NotRedeemed::Unanswered => {
            later(of(StatusCode::SERVICE_UNAVAILABLE, "not-answered", "The marketplace has not answered yet"), 30)
        }
        NotRedeemed::NotAsked => {
            later(of(StatusCode::SERVICE_UNAVAILABLE, "not-asked", "The marketplace cannot be asked"), 60)
        }
        NotRedeemed::TooOften(wait) => {
            later(of(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"), wait)
        }
        NotRedeemed::Failed(failure) => Problem::from(failure).into_response(),
    }
}

/// Redeems the code of the marketplace that software shows, where it shows one. `None`: it may go on.
pub(super) async fn first(
    app: &App,
    credential: &SecretString,
    product: Option<&str>,
    address: Option<std::net::IpAddr>,
) -> Option<Response> {
    let product: Option<Slug> = product.and_then(|slug| slug.parse().ok());
    match app.redeem(Actor::Software, credential, product.as_ref(), address).await {
        // What is no code is judged by whoever asks for a seat.
        Ok(_) | Err(NotRedeemed::NoCode | NotRedeemed::NotSold) => None,
        Err(why) => Some(not_redeemed(why)),
    }
}
