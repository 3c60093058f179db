//! What API and customer page share of deployments: asking a cloud on a customer's behalf, and beginning one.
//!
//! Credentials live here for one call. They are never logged, and never part of an address or an answer.

use std::{future::Future, sync::Arc, time::Duration};

use axum::http::StatusCode;

use crate::{
    app::App,
    base::{
        ids::{DeploymentId, LicenseId},
        secret::SecretString,
        text::Language,
    },
    license::model::License,
    provision::{
        offer::{self, Chosen},
        password::{self, PasswordHash},
        plan::{Cloud, Place, Plan},
        provider::{Answer, Bond, CloudError, Entry, Provider, Trouble, error, huawei::policy},
        recipe::{Answers, Recipe},
    },
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        deployment::{
            Deployment, secrets,
            start::{self, Order, Refusal},
        },
    },
};

use super::problem::Problem;

/// How long a cloud may take over everything that one page or call asks of it.
const ASKING: Duration = Duration::from_secs(45);
/// Questions of one license to clouds that are under way at once.
const QUESTIONS_OF_LICENSE: usize = 4;
/// The same of all licenses together: each may hold some megabytes of answers.
const QUESTIONS: usize = 64;

/// What somebody wants to deploy.
#[derive(Debug)]
pub struct Wanted {
    /// Chosen by who asks, so that asking twice is one deployment.
    pub id: Option<DeploymentId>,
    /// Where.
    pub place: Place,
    /// What opens the account.
    pub credentials: Option<Entry>,
    /// The server, by ids.
    pub server: Option<Chosen>,
    /// The hash of its root's password: [`hashed`].
    pub password: Option<PasswordHash>,
    /// The recipe's parameters.
    pub answers: Answers,
}

/// Why a deployment does not begin.
#[derive(Debug)]
pub enum Denied {
    /// The cloud says so.
    Cloud(CloudError),
    /// The rules say so.
    Refused(Refusal),
    /// The password.
    Password(password::PasswordError),
    /// Something else.
    Failed(Failure),
}

impl From<CloudError> for Denied {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Cloud(error) => cloud_problem(&error),
            Denied::Refused(refusal) => refused(&refusal),
            Denied::Password(weak) => Self::unprocessable(weak.to_string()),
            Denied::Failed(failure) => failure.into(),
        }
    }
}

/// What a cloud said, as a problem: the cloud's code and request id, and what to do.
pub fn cloud_problem(error: &CloudError) -> Problem {
    let status = match error.trouble {
        Trouble::Throttled | Trouble::Unavailable | Trouble::Unknown | Trouble::Unexpected => StatusCode::BAD_GATEWAY,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let code = error.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let id = error.request_id.as_ref().map(|id| format!(" [request {id}]")).unwrap_or_default();
    let detail = format!("{}{code}{id}. {}", error.message, error.trouble.advice(Language::En));
    Problem::new(status, &format!("cloud-{}", error.trouble.as_str().replace('_', "-")), "The cloud refused", detail)
}

fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::License(_) => Problem::new(
            StatusCode::FORBIDDEN,
            "license-refused",
            "The license does not permit it",
            refusal.to_string(),
        ),
        Refusal::TooMany(_) => Problem::conflict(refusal.to_string()),
        _ => Problem::unprocessable(refusal.to_string()),
    }
}

/// Asks a cloud for the holder of a license, within a limit of time.
///
/// # Errors
/// The cloud's; [`Trouble::Unavailable`] when the time is over.
pub async fn ask<T, F, Fut>(app: &App, license: LicenseId, place: &Place, entry: &Entry, question: F) -> Answer<T>
where
    F: FnOnce(Arc<dyn Provider>) -> Fut,
    Fut: Future<Output = Answer<T>>,
{
    let Some(_place) = app.deployment_places().questions.take_of(license, QUESTIONS_OF_LICENSE, QUESTIONS) else {
        let message = (
            "这个许可证同时向云发出的请求太多：请等待进行中的请求返回",
            "this license asks clouds too many things at once: wait for the answers under way",
        );
        return Err(CloudError::new(Trouble::Throttled, message));
    };
    let bond = bond(app, license);
    let asking = async { question(app.clouds().enter(place, entry, &bond).await?).await };
    let late = || CloudError::new(Trouble::Unavailable, error::TOO_LONG);
    let answer = tokio::time::timeout(ASKING, asking).await.unwrap_or_else(|_| Err(late()));
    if answer.as_ref().is_err_and(|error| error.trouble.wants_credentials()) {
        app.clouds().forget(place, entry, &bond);
    }
    answer
}

fn bond(app: &App, license: LicenseId) -> Bond {
    secrets::bond(&app.installation().master, license)
}

/// What the holder of a license writes into an agency, so that the merchant's account can take it on.
#[derive(Debug)]
pub struct Trust {
    /// The merchant's account.
    pub account: String,
    /// Its id.
    pub account_id: String,
    /// What ties the agency to the license.
    pub bond: Bond,
    /// The rights of a trust agency.
    pub identity_policy: serde_json::Value,
    /// The rights of an agency of the older kind.
    pub policy: serde_json::Value,
}

/// How a cloud can be opened without keys; `None`: it cannot.
pub fn trust(app: &App, license: LicenseId, cloud: Cloud) -> Option<Trust> {
    app.clouds().vendor(cloud).map(|vendor| Trust {
        account: vendor.name.clone(),
        account_id: vendor.id.clone(),
        bond: bond(app, license),
        identity_policy: policy::identity_policy(),
        policy: policy::least_privilege(),
    })
}

/// The recipe of a license's product.
///
/// # Errors
/// The database's.
pub async fn recipe(app: &App, license: LicenseId) -> Result<Option<Recipe>, Failure> {
    app.read(Actor::Customer, move |tx: &mut Tx, ctx: Context| {
        let license = tx.license_find(license)?;
        Ok(license.and_then(|license| ctx.installation.catalog.recipe(&license.product).cloned()))
    })
    .await
}

/// The hash of a server's password; the clear one goes no further.
///
/// Made on a thread of its own: hashing takes a tenth of a second of a processor.
///
/// # Errors
/// [`Denied::Password`] for one that no server takes.
pub async fn hashed(app: &App, clear: SecretString) -> Result<PasswordHash, Denied> {
    let app = app.clone();
    let hash = tokio::task::spawn_blocking(move || password::hash(&clear, app.entropy())).await;
    let hash = hash.map_err(|error| Denied::Failed(Failure::Missing(format!("a password was not hashed: {error}"))))?;
    hash.map_err(Denied::Password)
}

/// Looks everything up at the cloud and begins.
///
/// # Errors
/// [`Denied`]; nothing was stored then.
pub async fn begin(app: &App, actor: Actor, license: LicenseId, wanted: Wanted) -> Result<Deployment, Denied> {
    let order = order(app, license, wanted).await?;
    let begun: Result<_, Failure> = app.write(actor, move |tx, ctx| start::start(tx, ctx, license, &order)).await;
    begun?.map_err(Denied::Refused)
}

/// What would begin, with its price: everything is looked up and checked, nothing is stored.
///
/// # Errors
/// [`Denied`].
pub async fn quote(app: &App, license: &License, wanted: Wanted) -> Result<Plan, Denied> {
    let order = order(app, license.id, wanted).await?;
    let license = license.clone();
    let look = app.read(Actor::Software, move |tx: &mut Tx, ctx| start::check(tx, ctx, &license, &order));
    let checked: Result<_, Failure> = look.await;
    checked?.map_err(Denied::Refused)
}

/// The order with what its ids name.
async fn order(app: &App, license: LicenseId, wanted: Wanted) -> Result<Order, Denied> {
    let recipe = recipe(app, license).await?.ok_or(Denied::Refused(Refusal::NoRecipe))?;
    let has_password = wanted.password.is_some();
    let answers = recipe.filled(wanted.answers);
    let server = match (&wanted.server, &wanted.credentials) {
        (Some(chosen), Some(credentials)) => {
            let look = |provider| async move { offer::look_up(&provider, &recipe, chosen, has_password).await };
            Some(ask(app, license, &wanted.place, credentials, look).await?)
        }
        _ => None,
    };
    Ok(Order {
        id: wanted.id,
        place: wanted.place,
        server,
        answers,
        credentials: wanted.credentials,
        password: wanted.password,
    })
}
