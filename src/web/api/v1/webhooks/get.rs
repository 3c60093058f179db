//! `GET /webhooks/{id}`.

use axum::{Json, extract::State};

use crate::{
    app::App,
    base::ids::WebhookId,
    usecase::{Actor, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::{Webhook, unknown};

/// One webhook.
///
/// Scope `webhooks:read`.
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, format = "uuid", description = "The webhook's id.")),
    security(("bearer" = ["webhooks:read"])),
    responses((status = 200, description = "The webhook.", body = Webhook), ItemProblems),
)]
pub async fn get_webhook(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
) -> Result<Json<Webhook>, Problem> {
    let bearer = authorized.require(Scope::WebhooksRead)?;
    let find = move |tx: &mut crate::store::Tx, _: crate::usecase::Context<'_>| Ok(tx.webhook_find(id)?);
    let found = app.read::<_, Stop, _>(Actor::Token(bearer.name), find).await?;
    Ok(Json(found.ok_or_else(|| unknown(id))?.into()))
}
