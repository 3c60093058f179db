//! `GET /licenses`.

use axum::{Json, extract::State as Service};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    base::{slug::Slug, time::Time},
    store::LicenseFilter,
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

use super::{License, State};

/// Which licenses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Of this product.
    #[param(value_type = Option<String>, example = "atlas")]
    product: Option<Slug>,
    /// Of this plan.
    #[param(value_type = Option<String>, example = "team")]
    plan: Option<Slug>,
    /// Sold through this channel.
    #[param(value_type = Option<String>)]
    channel: Option<Slug>,
    /// In this state.
    state: Option<State>,
    /// Of this customer.
    #[param(value_type = Option<String>)]
    customer_id: Option<Text>,
    /// With this instance id.
    #[param(value_type = Option<String>)]
    instance_id: Option<Text>,
    /// Touched by this order of the marketplace.
    #[param(value_type = Option<String>)]
    order_id: Option<Text>,
    /// Ending before this instant.
    #[param(value_type = Option<String>, format = DateTime, example = "2027-01-31T08:00:00Z")]
    expires_before: Option<Time>,
    /// Ending at this instant or later.
    #[param(value_type = Option<String>, format = DateTime)]
    expires_after: Option<Time>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// Licenses, newest first.
///
/// Every filter that is given must fit. Licenses that never end fit no filter by expiry. Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses", tag = "licenses", params(Wanted), security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of licenses.", body = Page<License>), ListProblems),
)]
pub async fn list_licenses(
    Service(app): Service<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<License>>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let place = Place::new("licenses", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows) = (place.after, place.rows());
    let filter = LicenseFilter {
        product: wanted.product,
        plan: wanted.plan,
        channel: wanted.channel,
        state: wanted.state.map(Into::into),
        customer_id: wanted.customer_id.map(|text| text.0),
        instance_id: wanted.instance_id.map(|text| text.0),
        order_id: wanted.order_id.map(|text| text.0),
        expires_before: wanted.expires_before,
        expires_after: wanted.expires_after,
    };
    let found = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| Ok(tx.license_page(&filter, after, rows)?))
        .await?;
    Ok(Json(place.page(found, |license| license.id, License::from)))
}
