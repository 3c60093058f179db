//! `GET /products`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    base::slug::Slug,
    usecase::{Actor, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::Filters,
            openapi::ListProblems,
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::Product;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// Products with their plans, by name.
///
/// Scope `catalog:read`.
#[utoipa::path(
    get, path = "/products", tag = "products", params(Wanted), security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "A page of products.", body = Page<Product>), ListProblems),
)]
pub async fn list_products(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Product>>, Problem> {
    let bearer = authorized.require(Scope::CatalogRead)?;
    let place = Place::<Slug>::new("products", wanted.cursor.as_deref(), wanted.limit)?;
    // Through the database: it says when another server or the command line changed the catalog.
    let page = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |_, ctx| {
            let mut products: Vec<_> = ctx.installation.catalog.catalog().products.iter().collect();
            products.sort_by_key(|product| &product.slug);
            products.retain(|product| place.after.as_ref().is_none_or(|after| product.slug > *after));
            Ok(place.page(products, |product| product.slug.clone(), Product::from))
        })
        .await?;
    Ok(Json(page))
}
