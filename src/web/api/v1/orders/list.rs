//! `GET /orders`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    base::{ids::LicenseId, slug::Slug},
    store::OrderFilter,
    usecase::{Actor, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::{Filters, Text},
            openapi::ListProblems,
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::{Kind, Order, Status};

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Through this channel.
    #[param(value_type = Option<String>)]
    channel: Option<Slug>,
    /// With this order id of the marketplace.
    #[param(value_type = Option<String>)]
    order_id: Option<Text>,
    /// With this status.
    status: Option<Status>,
    /// Of this kind.
    kind: Option<Kind>,
    /// Of this license.
    #[param(value_type = Option<String>, format = "uuid")]
    license_id: Option<LicenseId>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// Orders, newest first.
///
/// `status=waiting` shows those that wait for their details. Scope `orders:read`.
#[utoipa::path(
    get, path = "/orders", tag = "orders", params(Wanted), security(("bearer" = ["orders:read"])),
    responses((status = 200, description = "A page of orders.", body = Page<Order>), ListProblems),
)]
pub async fn list_orders(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Order>>, Problem> {
    let bearer = authorized.require(Scope::OrdersRead)?;
    let place = Place::new("orders", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows) = (place.after, place.rows());
    let filter = OrderFilter {
        channel: wanted.channel,
        order_id: wanted.order_id.map(|text| text.0),
        status: wanted.status.map(Into::into),
        kind: wanted.kind.map(Into::into),
        license_id: wanted.license_id,
    };
    let found = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| Ok(tx.order_page(&filter, after, rows)?))
        .await?;
    Ok(Json(place.page(found, |order| order.id, Order::from)))
}
