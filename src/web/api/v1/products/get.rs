//! `GET /products/{product}`.

use axum::{Json, extract::State};

use crate::{
    app::App,
    base::slug::Slug,
    usecase::{Actor, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::Product;

/// One product with its plans.
///
/// Scope `catalog:read`.
#[utoipa::path(
    get, path = "/products/{product}", tag = "products",
    params(("product" = String, Path, description = "The product's name.", example = "atlas")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The product.", body = Product), ItemProblems),
)]
pub async fn get_product(
    State(app): State<App>,
    authorized: Authorized,
    Id(slug): Id<Slug>,
) -> Result<Json<Product>, Problem> {
    let bearer = authorized.require(Scope::CatalogRead)?;
    let product = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |_, ctx| {
            let unknown =
                || Problem::not_found(format!("The catalog has no product `{slug}`. /api/v1/products lists them."));
            Ok(ctx.installation.catalog.product(&slug).map(Product::from).ok_or_else(unknown)?)
        })
        .await?;
    Ok(Json(product))
}
