//! `GET`, `PUT` and `DELETE /licenses/{id}/contact`.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    base::{ids::LicenseId, secret::ExposeSecret, text::Language, time::Time},
    mail,
    store::Tx,
    usecase::{
        Actor, Context,
        mail::contact::{self, Source},
        token::Scope,
    },
    web::{
        api::{
            auth::Authorized,
            input::Id,
            openapi::{ChangeProblems, ItemProblems},
            submit::{Reply, Stop, Submitted},
            v1::licenses::unknown,
        },
        problem::Problem,
    },
};

/// Where the holder of a license reads mail.
#[derive(Serialize, ToSchema)]
pub struct Contact {
    /// The address.
    #[schema(example = "buyer@example.com")]
    email: String,
    /// The language: `zh` or `en`.
    language: String,
    /// Who named it: `order`, `merchant` or `customer`.
    source: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// Without the address.
impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(…)")
    }
}

/// Where the holder of a license shall be written to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetContact {
    /// The address.
    #[schema(max_length = 254, example = "buyer@example.com")]
    email: String,
    /// The language: `zh` (the default) or `en`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    language: Option<Language>,
}

/// Without the address.
impl std::fmt::Debug for SetContact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetContact(…)")
    }
}

fn shown(tx: &mut Tx, ctx: Context, id: LicenseId) -> Result<Contact, Stop> {
    tx.license_find(id)?.ok_or_else(|| unknown(id))?;
    let nowhere = || Problem::not_found(format!("Nobody said where the holder of license {id} reads mail."));
    let contact = tx.contact_find(id)?.ok_or_else(nowhere)?;
    let (email, _) = contact::open(ctx, &contact)?;
    Ok(Contact {
        email: email.expose_secret().to_owned(),
        language: contact.language,
        source: contact.source,
        updated_at: contact.updated_at,
    })
}

/// Where the holder of a license reads mail.
///
/// Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses/{id}/contact", tag = "mails",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The contact.", body = Contact), ItemProblems),
)]
pub async fn get_contact(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<Json<Contact>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let found = app.read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| shown(tx, ctx, id)).await?;
    Ok(Json(found))
}

/// Say where the holder of a license reads mail.
///
/// Scope `licenses:write`.
#[utoipa::path(
    put, path = "/licenses/{id}/contact", tag = "mails",
    params(
        ("id" = String, Path, format = "uuid", description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes a repeat harmless."),
    ),
    request_body = SetContact, security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The contact.", body = Contact), ChangeProblems),
)]
pub async fn set_contact(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    submitted: Submitted,
) -> Result<Response, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    let wanted: SetContact = submitted.json()?;
    if !mail::is_address(&wanted.email) {
        return Err(Problem::unprocessable("`email` is no address to which mail can be sent."));
    }
    let language = wanted.language.unwrap_or(Language::Zh);
    submitted
        .run(&app, bearer, move |tx, ctx| {
            tx.license_find(id)?.ok_or_else(|| unknown(id))?;
            contact::set(tx, ctx, id, &wanted.email, language, Source::Merchant)?;
            Reply::json(StatusCode::OK, &shown(tx, ctx, id)?)
        })
        .await
}

/// Forget where the holder of a license reads mail: nothing more is written to them.
///
/// Scope `licenses:write`.
#[utoipa::path(
    delete, path = "/licenses/{id}/contact", tag = "mails",
    params(("id" = String, Path, format = "uuid", description = "The license's id.")),
    security(("bearer" = ["licenses:write"])),
    responses((status = 204, description = "It is forgotten."), ItemProblems),
)]
pub async fn delete_contact(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
) -> Result<StatusCode, Problem> {
    let bearer = authorized.require(Scope::LicensesWrite)?;
    let delete = move |tx: &mut Tx, _: Context<'_>| {
        tx.license_find(id)?.ok_or_else(|| unknown(id))?;
        Ok(tx.contact_delete(id)?)
    };
    app.write::<_, Stop, _>(Actor::Token(bearer.name), delete).await?;
    Ok(StatusCode::NO_CONTENT)
}
