//! `POST /orders/{id}/complete`.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::OrderId, slug::Slug, time::Time},
    catalog::PlanName,
    marketplace::event::PurchaseDetails,
    usecase::{
        order::{self, Completion, OrderInfo},
        term::Teller,
        token::Scope,
    },
    web::{
        api::{
            auth::Authorized,
            input::Id,
            openapi::ChangeProblems,
            submit::{Reply, Submitted},
            v1::licenses::{
                Customer,
                issue::{quantity_fits, unknown_plan},
            },
        },
        problem::Problem,
    },
};

use super::{Order, unknown};

/// What a waiting order is about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteOrder {
    /// The product.
    #[schema(value_type = String, example = "atlas")]
    product: Slug,
    /// The plan that was bought, or to which an upgrade leads.
    #[schema(value_type = String, example = "team")]
    plan: Slug,
    /// When a purchase ends, as an estimate; left out or `null`: after the plan's own term. An upgrade keeps its end.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-01-31T08:00:00Z")]
    expires_at: Option<Time>,
    /// The quantity that was bought.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<u32>,
    /// A trial.
    #[serde(default)]
    trial: bool,
    /// Who bought it.
    #[serde(default)]
    customer: Customer,
}

/// Complete a waiting order.
///
/// Some calls of a marketplace carry only ids; their orders wait until somebody says what was bought. A purchase
/// becomes a license, an upgrade changes its license. An order that does not wait answers 409. Scope `orders:write`.
#[utoipa::path(
    post, path = "/orders/{id}/complete", tag = "orders",
    params(
        ("id" = String, Path, format = "uuid", description = "The order's id here, not the marketplace's."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    request_body = CompleteOrder, security(("bearer" = ["orders:write"])),
    responses((status = 200, description = "The order, fulfilled.", body = Order), ChangeProblems),
)]
pub async fn complete_order(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<OrderId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::OrdersWrite)?;
    let wanted: CompleteOrder = submitted.json()?;
    quantity_fits(wanted.quantity)?;
    let info = OrderInfo {
        plan: PlanName { product: wanted.product, plan: wanted.plan },
        teller: Teller::Merchant,
        details: PurchaseDetails {
            customer: wanted.customer.into(),
            expires_at: wanted.expires_at,
            quantity: wanted.quantity,
            trial: wanted.trial,
            ..PurchaseDetails::default()
        },
    };
    submitted
        .run(&app, bearer, move |tx, ctx| match order::complete(tx, ctx, id, &info)? {
            Completion::Fulfilled(order) => Reply::json(StatusCode::OK, &Order::from(*order)),
            Completion::NotFound => Err(unknown(id).into()),
            Completion::NotWaiting => Err(not_waiting(id).into()),
            Completion::UnknownPlan => Err(unknown_plan(&info.plan).into()),
            // Kept: the order is flagged and an alert raised, because somebody paid.
            Completion::Released => Ok(Reply::Refused(released(id))),
        })
        .await
}

fn not_waiting(id: OrderId) -> Problem {
    Problem::conflict(format!(
        "Order {id} waits for nothing. /api/v1/orders?status=waiting lists those that wait for their details."
    ))
}

fn released(id: OrderId) -> Problem {
    Problem::conflict(format!(
        "The license of order {id} is released, which is final. The order is now flagged, and an alert tells that \
         somebody paid: refund them, or issue a new license."
    ))
}
