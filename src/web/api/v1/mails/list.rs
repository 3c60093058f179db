//! `GET /mails`.

use axum::{Json, extract::State as Service};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    base::{
        ids::{EventId, LicenseId, MailId},
        time::Time,
    },
    store::MailRecord,
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

/// How a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// On its way.
    Pending,
    /// Its text is leaving.
    Sending,
    /// The server took it.
    Sent,
    /// Given up.
    Failed,
    /// Nobody knows whether it arrived: it is not sent again.
    Unknown,
}

impl MailState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// Which mails.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those that stand so.
    #[param(inline)]
    state: Option<MailState>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// A mail, without its address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mail {
    /// Its id; with `@` and the sender's domain its `Message-ID`.
    #[schema(value_type = String, format = "uuid")]
    id: MailId,
    /// What it is about.
    #[schema(example = "license_delivered")]
    kind: String,
    /// The license.
    #[schema(required, value_type = Option<String>, format = "uuid")]
    license_id: Option<LicenseId>,
    /// The event it tells.
    #[schema(value_type = String, format = "uuid")]
    event_id: EventId,
    /// How it stands.
    #[schema(example = "sent")]
    state: String,
    /// How often it was tried.
    tries: u32,
    /// What was wrong last.
    #[schema(required)]
    error: Option<String>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was sent or given up.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Time>,
}

impl From<MailRecord> for Mail {
    fn from(it: MailRecord) -> Self {
        Self {
            id: it.id,
            kind: it.kind,
            license_id: it.license_id,
            event_id: it.event_id,
            state: it.state,
            tries: it.tries,
            error: it.error,
            created_at: it.created_at,
            ended_at: it.ended_at,
        }
    }
}

/// Mail, newest first.
///
/// Scope `mails:read`.
#[utoipa::path(
    get, path = "/mails", tag = "mails", params(Wanted), security(("bearer" = ["mails:read"])),
    responses((status = 200, description = "A page of mails.", body = Page<Mail>), ListProblems),
)]
pub async fn list_mails(
    Service(app): Service<App>,
    authorized: Authorized,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<Mail>>, Problem> {
    let bearer = authorized.require(Scope::MailsRead)?;
    let place = Place::new("mails", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows, state) = (place.after, place.rows(), wanted.state.map(MailState::as_str));
    let found =
        app.read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, _| Ok(tx.mail_page(state, after, rows)?)).await?;
    Ok(Json(place.page(found, |it| it.id, Mail::from)))
}
