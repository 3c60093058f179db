//! `GET /channels/{channel}`.

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

use super::Channel;

/// One channel.
///
/// Scope `catalog:read`.
#[utoipa::path(
    get, path = "/channels/{channel}", tag = "channels",
    params(("channel" = String, Path, description = "The channel's name.", example = "koogallery")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The channel.", body = Channel), ItemProblems),
)]
pub async fn get_channel(
    State(app): State<App>,
    authorized: Authorized,
    Id(slug): Id<Slug>,
) -> Result<Json<Channel>, Problem> {
    let bearer = authorized.require(Scope::CatalogRead)?;
    let public_url = app.public_url().to_owned();
    let channel = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |_, ctx| {
            let unknown =
                || Problem::not_found(format!("The catalog has no channel `{slug}`. /api/v1/channels lists them."));
            Ok(ctx
                .installation
                .catalog
                .channel(&slug)
                .map(|it| Channel::of(it, ctx, &public_url))
                .ok_or_else(unknown)?)
        })
        .await?;
    Ok(Json(channel))
}
