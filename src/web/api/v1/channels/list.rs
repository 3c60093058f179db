//! `GET /channels`.

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

use super::Channel;

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

/// Channels, by name.
///
/// Scope `catalog:read`.
#[utoipa::path(
    get, path = "/channels", tag = "channels", params(Wanted), security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "A page of channels.", body = Page<Channel>), ListProblems),
)]
pub async fn list_channels(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Channel>>, Problem> {
    let bearer = authorized.require(Scope::CatalogRead)?;
    let place = Place::<Slug>::new("channels", wanted.cursor.as_deref(), wanted.limit)?;
    let public_url = app.public_url().to_owned();
    // Through the database: it says when another server or the command line changed the catalog.
    let page = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |_, ctx| {
            let mut channels: Vec<_> = ctx.installation.catalog.catalog().channels.iter().collect();
            channels.sort_by_key(|channel| &channel.slug);
            channels.retain(|channel| place.after.as_ref().is_none_or(|after| channel.slug > *after));
            Ok(place.page(channels, |channel| channel.slug.clone(), |channel| Channel::of(channel, ctx, &public_url)))
        })
        .await?;
    Ok(Json(page))
}
