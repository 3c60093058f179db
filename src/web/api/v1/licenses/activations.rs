//! `GET /licenses/{id}/activations`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    base::{
        ids::{ActivationId, LicenseId},
        time::Time,
    },
    store::ActivationRecord,
    usecase::{Actor, activation, token::Scope},
    web::{
        api::{
            auth::Authorized,
            input::{Filters, Id},
            openapi::ItemProblems,
            page::{Page, Place},
            submit::Stop,
        },
        problem::Problem,
    },
};

use super::unknown;

/// Which activations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those that have a seat now.
    #[serde(default)]
    #[param(default = false)]
    seated: bool,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<u32>,
}

/// A machine that has, or had, a seat of a license.
#[derive(Debug, Serialize, ToSchema)]
pub struct LicensedMachine {
    /// The activation's id.
    #[schema(value_type = String, format = "uuid")]
    id: ActivationId,
    /// What the machine calls itself.
    #[schema(required)]
    name: Option<String>,
    /// Its system.
    #[schema(required)]
    platform: Option<String>,
    /// The software's version when it was last seen.
    #[schema(required)]
    version: Option<String>,
    /// Whether it said that it is a container.
    container: bool,
    /// The names of the components by which it is recognised.
    components: Vec<String>,
    /// Whether it has a seat now.
    seated: bool,
    /// Whether the seat goes back when the lease ends.
    floating: bool,
    /// Whether its lease is longer than ordinary ones: a loan, or one for a machine without network.
    borrowed: bool,
    /// When it was first activated.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it last asked for a lease.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Time,
    /// When its last lease ends.
    #[schema(value_type = String, format = DateTime)]
    lease_ends_at: Time,
    /// Until when it may run on without a newer lease.
    #[schema(value_type = String, format = DateTime)]
    grace_until: Time,
    /// When the seat was given back or freed.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Time>,
    /// By whom.
    #[schema(required, example = "token:crm")]
    ended_by: Option<String>,
}

impl LicensedMachine {
    /// As it stands at `now`.
    pub(super) fn at(now: Time, it: ActivationRecord) -> Self {
        Self {
            id: it.id,
            seated: it.has_seat(now),
            name: it.name,
            platform: it.platform,
            version: it.version,
            container: it.container,
            components: it.components.into_keys().collect(),
            floating: it.floating,
            borrowed: it.borrowed,
            created_at: it.created_at,
            last_seen_at: it.last_seen_at,
            lease_ends_at: it.lease_ends_at,
            grace_until: it.grace_until,
            ended_at: it.ended_at,
            ended_by: it.ended_by,
        }
    }
}

/// The machines of a license, the one first activated first.
///
/// Scope `licenses:read`.
#[utoipa::path(
    get, path = "/licenses/{id}/activations", tag = "licenses",
    params(("id" = String, Path, format = "uuid", description = "The license's id."), Wanted),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of its machines.", body = Page<LicensedMachine>), ItemProblems),
)]
pub async fn list_activations(
    State(app): State<App>,
    authorized: Authorized,
    Id(id): Id<LicenseId>,
    Filters(wanted): Filters<Wanted>,
) -> Result<Json<Page<LicensedMachine>>, Problem> {
    let bearer = authorized.require(Scope::LicensesRead)?;
    let place = Place::new("activations", wanted.cursor.as_deref(), wanted.limit)?;
    let (after, rows) = (place.after, place.rows());
    let (now, found) = app
        .read::<_, Stop, _>(Actor::Token(bearer.name), move |tx, ctx| {
            tx.license_find(id)?.ok_or_else(|| unknown(id))?;
            Ok((ctx.now, activation::list(tx, ctx, id, wanted.seated, after, rows)?))
        })
        .await?;
    Ok(Json(place.page(found, |it| it.id, |it| LicensedMachine::at(now, it))))
}
