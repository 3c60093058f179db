//! What a cloud said is kept. What exists there is paid for: that is kept whatever was asked of the deployment meanwhile.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    provision::{
        provider::{Accepted, CloudError, Resource, ResourceKind, Trouble},
        run::LineSource,
    },
    store::Tx,
};

use super::{
    super::{
        super::{Context, Done},
        Deployment,
    },
    Event, Work,
};

/// How long an order is looked for whose answer was lost, before it counts as never made.
const LOST: SignedDuration = SignedDuration::from_mins(3);

pub(super) fn keep(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, event: &Event) -> Done<()> {
    let id = deployment.record.id;
    match event {
        Event::Checked(identity) => {
            deployment.plan.account = Some(identity.account.clone());
            deployment.record.plan = json!(deployment.plan);
        }
        Event::Accepted(accepted) => {
            deployment.record.accepted = Some(json!(accepted).to_string());
            if let Some(known) = &accepted.server {
                tx.resources_seen(id, &[server(known)], ctx.now)?;
            }
        }
        Event::Pending(Some(known)) => remember_server(tx, ctx, deployment, known)?,
        Event::Created(made) => {
            remember_server(tx, ctx, deployment, &made.id)?;
            tx.resources_seen(id, &made.resources, ctx.now)?;
            deployment.record.address = made.public_ip.clone().or_else(|| made.private_ip.clone());
            deployment.record.password = None;
        }
        // An order can become visible late: as long as it may, it counts as sent.
        Event::NothingFound => deployment.record.sent = may_show_up(ctx, deployment),
        Event::Refused(error) => {
            deployment.record.sent = false;
            if !error.trouble.passes() && !error.trouble.wants_credentials() {
                deployment.record.attempt = None;
            }
        }
        // Something is left, and nobody knows what: the order stays the only trace of it.
        Event::NotMade { error, left } if is_lost(error, left) => {}
        Event::NotMade { error, left } => {
            tx.resources_seen(id, left, ctx.now)?;
            // What the cloud rolled back is not there any more; where it says that it could not, all may be.
            if error.trouble != Trouble::Leftover {
                tx.resources_removed(id, left, ctx.now)?;
            }
            deployment.record.accepted = None;
            deployment.record.attempt = None;
            deployment.record.sent = false;
        }
        Event::RemovalDone => tx.resources_removed(id, &[], ctx.now)?,
        Event::RemovalBegun(removal) => deployment.record.removal = Some(json!(removal).to_string()),
        Event::RemovalFailed { left, .. } => {
            deployment.record.removal = None;
            if !left.is_empty() {
                tx.resources_seen(id, left, ctx.now)?;
                tx.resources_removed(id, left, ctx.now)?;
            }
        }
        Event::Failed(_)
        | Event::Pending(None)
        | Event::Alive
        | Event::Seen(_)
        | Event::Vanished
        | Event::Overdue(_)
        | Event::RemovalPending => {}
    }
    Ok(())
}

/// Whether an order failed so that something is left of it, and the cloud does not tell what.
pub(super) fn is_lost(error: &CloudError, left: &[Resource]) -> bool {
    error.trouble == Trouble::Leftover && left.is_empty()
}

/// The same for a worker whose claim is not held any more. Others may know better by now how things stand, and ask again for
/// what they want to know; but that something exists, and that an order was refused, was true when it was said.
pub(super) fn keep_late(
    tx: &mut Tx,
    ctx: Context,
    deployment: &mut Deployment,
    work: &Work,
    event: &Event,
) -> Done<()> {
    let seen = match event {
        Event::Accepted(Accepted { server: Some(known), .. }) | Event::Pending(Some(known)) => vec![server(known)],
        Event::Created(made) => made.resources.clone(),
        Event::NotMade { error, left } if error.trouble == Trouble::Leftover => left.clone(),
        _ => Vec::new(),
    };
    tx.resources_seen(deployment.record.id, &seen, ctx.now)?;
    let then = &work.deployment.record;
    if deployment.record.attempt != then.attempt {
        return match event {
            Event::Accepted(_) | Event::Created(_) => {
                let what = "an earlier order was carried out after all: what it made is in the inventory";
                deployment.say(tx, ctx, LineSource::Signet, what)
            }
            _ => Ok(()),
        };
    }
    match event {
        Event::Accepted(accepted) if deployment.record.accepted.is_none() => {
            deployment.record.accepted = Some(json!(accepted).to_string());
        }
        Event::Pending(Some(known)) => remember_server(tx, ctx, deployment, known)?,
        Event::Created(made) => remember_server(tx, ctx, deployment, &made.id)?,
        // Nobody sent it again since.
        Event::Refused(_)
            if deployment.record.accepted.is_none() && deployment.record.attempt_at == then.attempt_at =>
        {
            deployment.record.sent = false;
        }
        _ => {}
    }
    Ok(())
}

fn server(id: &str) -> Resource {
    Resource { kind: ResourceKind::Server, id: id.to_owned(), name: None }
}

/// Whether an order whose answer was lost may still become visible.
pub(super) fn may_show_up(ctx: Context, deployment: &Deployment) -> bool {
    deployment.record.attempt_at.is_some_and(|sent_at| ctx.now.since(sent_at) < LOST)
}

fn remember_server(tx: &mut Tx, ctx: Context, deployment: &mut Deployment, id: &str) -> Done<()> {
    let known = deployment.accepted()?.unwrap_or(Accepted { job: None, server: None });
    if known.server.as_deref() == Some(id) {
        return Ok(());
    }
    let accepted = Accepted { server: Some(id.to_owned()), ..known };
    deployment.record.accepted = Some(json!(accepted).to_string());
    Ok(tx.resources_seen(deployment.record.id, &[server(id)], ctx.now)?)
}
