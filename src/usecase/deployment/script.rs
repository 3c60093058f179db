//! The script that a deployment's machine runs, and the order that carries it.

use std::collections::BTreeMap;

use crate::{
    base::{
        ids::{DeploymentId, LicenseId},
        secret::{ExposeSecret, SecretString},
    },
    provision::{
        bootstrap::{Bootstrap, BootstrapError, Script},
        offer,
        plan::Cloud,
        provider::{ATTEMPT_TAG, ServerOrder},
    },
    store::Tx,
};

use super::{
    super::{Context, Done, Failure},
    Deployment, secrets, wish, work,
};

/// Stands for the attempt in a rehearsal: its token opens nothing.
const REHEARSAL: &str = "rehearsal";
/// Name of the tag that carries the deployment's id.
const DEPLOYMENT_TAG: &str = "signet-deployment";

/// The script of the attempt under way; before there is one, a script of the same length whose token opens nothing.
///
/// # Errors
/// The database's; the product's missing key.
pub fn script(ctx: Context, deployment: &Deployment) -> Done<Result<Script, BootstrapError>> {
    let record = &deployment.record;
    let token = secrets::token(ctx, record.id, record.attempt.as_deref().unwrap_or(REHEARSAL));
    let password = secrets::password(ctx, record)?;
    let kid = &deployment.plan.package.kid;
    let Some((_, key)) = ctx.installation.keys.recognise(kid) else {
        return Err(Failure::Missing(format!("the key {kid}, which signed the package, is not known")));
    };
    let bootstrap = Bootstrap {
        service: &ctx.installation.issuer,
        deployment: record.id,
        token: &token,
        manifest_sha256: &deployment.plan.package.manifest_sha256,
        key: key.public.as_bytes(),
        product: &record.product,
        password: password.as_ref(),
        recipe: &deployment.plan.recipe,
        answers: &deployment.plan.answers,
    };
    Ok(bootstrap.script())
}

/// The order for the deployment's server. The same attempt gives the same order, to the byte.
///
/// # Errors
/// The database's; [`Failure::Missing`] for a deployment that makes no server.
pub fn order(ctx: Context, deployment: &Deployment) -> Done<Result<ServerOrder, BootstrapError>> {
    let Some(server) = &deployment.plan.server else {
        return Err(Failure::Missing(format!("deployment {} makes no server", deployment.record.id)));
    };
    let attempt = deployment.record.attempt.clone().unwrap_or_else(|| REHEARSAL.to_owned());
    let tags = [(ATTEMPT_TAG, attempt), (DEPLOYMENT_TAG, deployment.record.id.to_string())];
    let tags: BTreeMap<String, String> = tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(script(ctx, deployment)?.map(|script| offer::order(server, SecretString::from(script.text()), tags)))
}

/// The command that fetches the script onto a server that exists and runs it there; `None`: the deployment waits for no such
/// server, or not yet. The token never stands in an address or among a process's arguments.
pub fn command(ctx: Context, deployment: &Deployment) -> Option<SecretString> {
    let own = deployment.plan.place.cloud == Cloud::Own && deployment.is_deploying();
    let attempt = deployment.record.attempt.as_deref().filter(|_| own)?;
    let token = secrets::token(ctx, deployment.record.id, attempt);
    let (token, service) = (token.expose_secret(), &ctx.installation.issuer);
    Some(format!("echo token={token} | curl -fsS -d @- {service}/api/v1/bootstrap/script | sudo sh").into())
}

/// Why there is no script to run by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoScript {
    /// The machine is made by a cloud, which is given the script.
    #[error("this deployment makes its own server: there is nothing to run by hand")]
    Cloud,
    /// It does not wait for a machine.
    #[error("the deployment does not wait for a machine any more: resume it, or begin a new one")]
    NotWaiting,
    /// The script cannot be written.
    #[error(transparent)]
    Unwritable(#[from] BootstrapError),
}

/// The script for a server that exists. `None`: the license has no such deployment.
///
/// # Errors
/// The database's.
pub fn for_own_server(
    tx: &mut Tx,
    ctx: Context,
    license: LicenseId,
    id: DeploymentId,
) -> Done<Option<Result<Script, NoScript>>> {
    let Some(mut deployment) = wish::find(tx, Some(license), id)? else { return Ok(None) };
    if deployment.plan.place.cloud != Cloud::Own {
        return Ok(Some(Err(NoScript::Cloud)));
    }
    // Nobody should have to wait for a worker before there is something to paste.
    work::prepare(tx, ctx, &mut deployment)?;
    if !deployment.is_deploying() {
        return Ok(Some(Err(NoScript::NotWaiting)));
    }
    Ok(Some(script(ctx, &deployment)?.map_err(NoScript::from)))
}
