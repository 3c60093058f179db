//! `DELETE /webhooks/{id}`.

use axum::{extract::State, http::StatusCode};

use crate::{
    app::App,
    base::ids::WebhookId,
    usecase::{Actor, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::unknown;

/// Delete a webhook, with its secrets and the log of its deliveries.
///
/// What is on its way to it is not sent. Scope `webhooks:write`.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, format = "uuid", description = "The webhook's id.")),
    security(("bearer" = ["webhooks:write"])),
    responses((status = 204, description = "It is deleted."), ItemProblems),
)]
pub async fn delete_webhook(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, Problem> {
    let bearer = authorized.require(Scope::WebhooksWrite)?;
    let delete = move |tx: &mut crate::store::Tx, _: crate::usecase::Context<'_>| Ok(tx.webhook_delete(id)?);
    match app.write::<_, Stop, _>(Actor::Token(bearer.name), delete).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(id)),
    }
}
