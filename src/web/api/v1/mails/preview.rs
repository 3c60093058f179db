//! `GET /mails/preview`.

use axum::{Json, extract::State};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    base::{ids::LicenseId, text::Language},
    letters::{self, Kind},
    usecase::{Actor, mail, token::Scope},
    web::{
        api::{auth::Authorized, input::Filters, openapi::ItemProblems, submit::Stop},
        problem::Problem,
    },
};

/// Which letter.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// What it is about: `license_delivered` (the default), `license_expiring`, `license_renewed`, `license_released`, `deployment_done` or
    /// `call_failing`.
    #[serde(default, deserialize_with = "kind")]
    #[param(value_type = Option<String>, example = "license_delivered")]
    kind: Option<Kind>,
    /// In which language: `zh` (the default) or `en`.
    #[param(value_type = Option<String>)]
    language: Option<Language>,
    /// Of this license; left out: of a made-up one of the first product.
    #[param(value_type = Option<String>, format = "uuid")]
    license_id: Option<LicenseId>,
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kind>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

/// A letter as it would be sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// Its subject.
    subject: String,
    /// As text.
    text: String,
    /// As HTML.
    html: String,
}

/// What a mail looks like. Nothing is sent, and the link in it opens no page.
///
/// Scope `mails:read`.
#[utoipa::path(
    get, path = "/mails/preview", tag = "mails", params(Wanted), security(("bearer" = ["mails:read"])),
    responses((status = 200, description = "The letter.", body = Preview), ItemProblems),
)]
pub async fn preview_mail(
    State(app): State<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Preview>, Problem> {
    let bearer = authorized.require(Scope::MailsRead)?;
    let id = wanted.license_id;
    let facts =
        app.read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| Ok(mail::sample(tx, ctx, id)?)).await?;
    let facts = facts.ok_or_else(|| Problem::not_found("There is no such license, or the catalog has no product."))?;
    let letter =
        letters::write(wanted.kind.unwrap_or(Kind::LicenseDelivered), wanted.language.unwrap_or(Language::Zh), &facts)
            .map_err(|error| {
                tracing::error!("a letter cannot be written: {error}");
                Problem::internal()
            })?;
    Ok(Json(Preview { subject: letter.subject, text: letter.text, html: letter.html }))
}
