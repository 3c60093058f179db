//! `GET /messages/{id}`.

use axum::{Json, extract::State};

use crate::{
    app::App,
    base::ids::MessageId,
    usecase::{Actor, token::Scope},
    web::{
        api::{auth::Authorized, input::Id, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

use super::Message;

/// One message with its request.
///
/// Scope `messages:read`.
#[utoipa::path(
    get, path = "/messages/{id}", tag = "messages",
    params(("id" = String, Path, format = "uuid", description = "The message's id.")),
    security(("bearer" = ["messages:read"])),
    responses((status = 200, description = "The message.", body = Message), ItemProblems),
)]
pub async fn get_message(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<MessageId>,
) -> Result<Json<Message>, Problem> {
    let bearer = authorized.require(Scope::MessagesRead)?;
    let days = app.message_days();
    let message = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| {
            let unknown =
                || Problem::not_found(format!("There is no message {id}. Messages are kept for {days} days."));
            Ok(tx.message_find(id)?.ok_or_else(unknown)?)
        })
        .await?;
    Ok(Json(Message::whole(message)))
}
