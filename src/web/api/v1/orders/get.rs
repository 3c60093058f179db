//! `GET /orders/{id}`.

use axum::{Json, extract::State};

use crate::{
    app::App,
    base::ids::OrderId,
    usecase::{Actor, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::{Order, unknown};

/// One order.
///
/// Scope `orders:read`.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders",
    params(("id" = String, Path, format = "uuid", description = "The order's id here, not the marketplace's.")),
    security(("bearer" = ["orders:read"])),
    responses((status = 200, description = "The order.", body = Order), ItemProblems),
)]
pub async fn get_order(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<OrderId>,
) -> Result<Json<Order>, Problem> {
    let bearer = authorized.require(Scope::OrdersRead)?;
    let order = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| {
            Ok(tx.order_find(id)?.ok_or_else(|| unknown(id))?)
        })
        .await?;
    Ok(Json(order.into()))
}
