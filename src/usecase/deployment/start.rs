//! Begins a deployment. Whatever can be refused without asking a cloud is refused here, before anything is stored.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    base::{
        ids::{DeploymentId, LicenseId},
        limits,
        slug::Slug,
    },
    license::{activation::Reason, model::License},
    provision::{
        bootstrap::BootstrapError,
        password::PasswordHash,
        plan::{PackagePin, Place, Plan, ServerChoice},
        provider::Entry,
        recipe::{Answers, Recipe},
        run::{Goal, LineSource, Stage, Status},
    },
    store::{DeploymentRecord, Tx},
};

use super::{
    super::{Context, Done, activation, package},
    Deployment,
    model::refusal,
    script::script,
    secrets, words,
};

/// What a customer orders.
#[derive(Debug, Clone)]
pub struct Order {
    /// The deployment's id, where the one who asks has chosen it: asked twice, it is one deployment.
    pub id: Option<DeploymentId>,
    /// Where.
    pub place: Place,
    /// What is made there; `None`: a server exists.
    pub server: Option<ServerChoice>,
    /// The recipe's parameters.
    pub answers: Answers,
    /// What opens the account; `None`: a server exists.
    pub credentials: Option<Entry>,
    /// The hash of the server's password.
    pub password: Option<PasswordHash>,
}

/// Why a deployment cannot begin. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The license does not hold, or has no free seat.
    #[error("nothing can be deployed: {}", words::license(*.0))]
    License(Reason),
    /// The product has none.
    #[error("the product has no recipe: the merchant has not prepared it for deployment")]
    NoRecipe,
    /// The recipe's package is not there.
    #[error("the product's package is not published yet: ask the merchant")]
    NoPackage,
    /// Too many at once.
    #[error("this license has {0} deployments that are not removed: remove one first")]
    TooMany(u32),
    /// A parameter.
    #[error("`{name}` {why}")]
    Answer {
        /// Its name.
        name: String,
        /// What is wrong with its value.
        why: &'static str,
    },
    /// The server does not fit the recipe.
    #[error("the server does not fit: {0}")]
    Unfit(String),
    /// The script cannot be written.
    #[error(
        "the recipe and the answers make no script that a server takes: {0}. Ask the merchant to shorten the recipe"
    )]
    Script(BootstrapError),
    /// A server cannot be made without credentials, or needs none.
    #[error("{0}")]
    Mismatch(&'static str),
}

/// Begins a deployment for the license `license`, which must exist.
///
/// # Errors
/// The database's.
pub fn start(tx: &mut Tx, ctx: Context, license: LicenseId, order: &Order) -> Done<Result<Deployment, Refusal>> {
    let Some(license) = tx.license_for_update(license)? else {
        return Ok(Err(Refusal::License(Reason::LicenseNotFound)));
    };
    if let Some(known) = order.id.map(|id| Deployment::load(tx, id)).transpose()?.flatten() {
        let own = known.record.license_id == license.id;
        return Ok(if own { Ok(known) } else { Err(Refusal::License(Reason::LicenseNotFound)) });
    }
    let checked = match check(tx, ctx, &license, order)? {
        Ok(checked) => checked,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let id = order.id.unwrap_or_else(|| DeploymentId::new(ctx.now, ctx.entropy));
    let mut deployment = Deployment { record: record(ctx, id, &license, order, &checked), plan: checked };
    tx.deployment_insert(&deployment.record)?;
    deployment.enter(tx, ctx, Stage::Preflight)?;
    deployment.look_again(ctx.now, 0);
    let what = format!("deployment of {} {} began", license.product, deployment.plan.package.version);
    deployment.say(tx, ctx, LineSource::Signet, &what)?;
    let detail = json!({
        "deployment": id, "provider": order.place.cloud, "region": order.place.region,
        "version": deployment.plan.package.version,
    });
    deployment.tell(tx, ctx, "deployment_started", detail)?;
    deployment.save(tx, ctx)?;
    Ok(Ok(deployment))
}

fn record(ctx: Context, id: DeploymentId, license: &License, order: &Order, plan: &Plan) -> DeploymentRecord {
    DeploymentRecord {
        id,
        license_id: license.id,
        product: license.product.clone(),
        provider: order.place.cloud.to_string(),
        goal: Goal::Deploy,
        status: Status::Running,
        stage: Stage::Preflight,
        plan: json!(plan),
        attempt: None,
        attempt_at: None,
        sent: false,
        accepted: None,
        removal: None,
        address: None,
        credentials: order.credentials.as_ref().map(|it| secrets::seal_entry(ctx, id, it)),
        password: order.password.as_ref().map(|it| secrets::seal_password(ctx, id, it)),
        trouble: None,
        machine_key: None,
        suspect: false,
        again: false,
        sequence: 0,
        activation_id: None,
        next_at: None,
        deadline_at: None,
        created_at: ctx.now,
        updated_at: ctx.now,
        ended_at: None,
        version: 1,
        worker: None,
        absences: 0,
        sighting: None,
        before_gone: None,
    }
}

/// What stands in the way of any deployment of `license`, wherever to, so that nobody is asked for what is of no use then.
/// `except` is a deployment whose seat is not counted.
///
/// # Errors
/// The database's.
pub fn in_the_way(tx: &mut Tx, ctx: Context, license: &License, except: Option<DeploymentId>) -> Done<Option<Refusal>> {
    if let Some(reason) = refusal(ctx, license) {
        return Ok(Some(Refusal::License(reason)));
    }
    if ctx.installation.catalog.recipe(&license.product).is_none() {
        return Ok(Some(Refusal::NoRecipe));
    }
    let open = tx.deployment_open(license.id)?;
    if open >= limits::DEPLOYMENTS_OPEN {
        return Ok(Some(Refusal::TooMany(open)));
    }
    let free = has_seat(tx, ctx, license, except)?;
    Ok((!free).then_some(Refusal::License(Reason::MachineLimit)))
}

/// What would be deployed. Nothing is stored.
///
/// # Errors
/// The database's.
pub fn check(tx: &mut Tx, ctx: Context, license: &License, order: &Order) -> Done<Result<Plan, Refusal>> {
    if let Some(refusal) = in_the_way(tx, ctx, license, order.id)? {
        return Ok(Err(refusal));
    }
    if order.place.cloud.makes_servers() != (order.server.is_some() && order.credentials.is_some()) {
        return Ok(Err(Refusal::Mismatch(
            "a cloud needs a server's description and credentials; a server that exists needs neither",
        )));
    }
    let Some(recipe) = ctx.installation.catalog.recipe(&license.product).cloned() else {
        return Ok(Err(Refusal::NoRecipe));
    };
    if let Err(refusal) = answered(&recipe, &order.answers).and_then(|()| fits(&recipe, order.server.as_ref())) {
        return Ok(Err(refusal));
    }
    let Some(package) = pin(tx, ctx, &license.product, &recipe)? else { return Ok(Err(Refusal::NoPackage)) };
    let (place, server, answers) = (order.place.clone(), order.server.clone(), order.answers.clone());
    let plan = Plan { place, account: None, server, recipe, answers, package };
    // A script that is too long is the merchant's to shorten: nobody should have a deployment that can never begin.
    let id = DeploymentId::new(ctx.now, ctx.entropy);
    let would_be = Deployment { record: record(ctx, id, license, order, &plan), plan };
    if let Err(why) = script(ctx, &would_be)? {
        return Ok(Err(Refusal::Script(why)));
    }
    Ok(Ok(would_be.plan))
}

fn pin(tx: &mut Tx, ctx: Context, product: &Slug, recipe: &Recipe) -> Done<Option<PackagePin>> {
    let package = package::for_recipe(tx, ctx, product, &recipe.package)?;
    Ok(package.map(|it| PackagePin {
        version: it.version,
        kid: it.kid,
        manifest_sha256: package::manifest_digest(&it.manifest),
        size: it.size,
    }))
}

/// Whether a seat is left for one more machine, beside those that deployments under way are about to take.
///
/// # Errors
/// The database's.
pub fn has_seat(tx: &mut Tx, ctx: Context, license: &License, except: Option<DeploymentId>) -> Done<bool> {
    let taken = activation::seats(tx, ctx, license.id)?;
    let coming = tx.deployment_coming(license.id, except)?;
    Ok(u64::from(taken) + u64::from(coming) < u64::from(license.machines))
}

/// Every parameter has a value that it allows, and nothing else was answered.
///
/// # Errors
/// [`Refusal::Answer`].
pub fn answered(recipe: &Recipe, answers: &Answers) -> Result<(), Refusal> {
    let known: BTreeMap<&str, _> = recipe.parameters.iter().map(|it| (it.name.as_str(), it)).collect();
    let refused = |name: &str, why| Err(Refusal::Answer { name: name.to_owned(), why });
    for (name, value) in answers {
        let Some(parameter) = known.get(name.as_str()) else { return refused(name, "is not asked for") };
        if value.chars().count() > limits::PARAMETER_CHARS {
            return refused(name, "is too long");
        }
        if value.chars().any(char::is_control) {
            return refused(name, "must be one line");
        }
        if value.is_empty() && parameter.default.as_deref() != Some("") {
            return refused(name, "is empty");
        }
        if !parameter.choices.is_empty() && !parameter.choices.contains(value) {
            return refused(name, "is none of the choices");
        }
    }
    match known.keys().find(|name| !answers.contains_key(**name)) {
        Some(missing) => refused(missing, "is missing"),
        None => Ok(()),
    }
}

/// Whether the server is large enough for the recipe, and of a kind it runs on.
///
/// # Errors
/// [`Refusal::Unfit`].
pub fn fits(recipe: &Recipe, server: Option<&ServerChoice>) -> Result<(), Refusal> {
    let Some(server) = server else { return Ok(()) };
    let (flavor, image, least) = (&server.flavor, &server.image, recipe.minimum);
    let unfit = |why: String| Err(Refusal::Unfit(why));
    if flavor.vcpus < least.vcpus || flavor.memory_mib < least.memory_mib {
        return unfit(format!(
            "{} has {} vCPU and {} MiB, at least {} vCPU and {} MiB are needed",
            flavor.id, flavor.vcpus, flavor.memory_mib, least.vcpus, least.memory_mib
        ));
    }
    if server.disk_gib < least.disk_gib.max(image.minimum_disk_gib) {
        let needed = least.disk_gib.max(image.minimum_disk_gib);
        return unfit(format!("a disk of {} GiB is too small, at least {needed} GiB are needed", server.disk_gib));
    }
    if flavor.architecture != image.architecture || !recipe.architectures.contains(&flavor.architecture) {
        return unfit(format!("{} and {} are not of an architecture it runs on", flavor.id, image.name));
    }
    if !recipe.runs_on(&image.system) {
        return unfit(format!("it does not run on {}", image.system));
    }
    Ok(())
}
