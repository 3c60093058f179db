//! Applies an event to a license and writes down what came of it: license, code, history and alerts.

use serde_json::{Value, json};

use crate::{
    base::ids::HistoryId,
    license::{
        model::{Expiry, License, State},
        plan::Plan,
        state::{Event, Position, Step, Verdict},
    },
    store::{HistoryRecord, Tx},
};

use super::{
    Context, Done,
    alert::{self, About, AlertKind},
    code,
    event::{self, Kind},
    revocations, usage,
};

/// What shall change.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The name by which the history tells it, such as `renewed`.
    pub name: &'static str,
    /// What the state machine is told.
    pub event: Event,
    /// The plan the license moves to.
    pub plan: Option<&'a Plan>,
    /// The new quantity.
    pub quantity: Option<u32>,
    /// Whether it ceases to be a trial.
    pub formal: bool,
    /// The order behind it.
    pub order_id: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// A change of state or term alone.
    pub fn new(name: &'static str, event: Event) -> Self {
        Self { name, event, plan: None, quantity: None, formal: false, order_id: None }
    }

    /// Names the order behind it.
    pub fn by_order(self, order_id: &'a str) -> Self {
        Self { order_id: Some(order_id), ..self }
    }
}

/// A license after a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The license as it is now.
    pub license: License,
    /// What came of the event.
    pub verdict: Verdict,
}

/// Applies `change` to `license`, which the transaction holds, and stores everything that follows.
///
/// # Errors
/// The database's and those of signing a code.
pub fn apply(tx: &mut Tx, ctx: Context, license: License, change: &Change) -> Done<Changed> {
    let position = Position { standing: license.standing, expiry: license.expiry };
    let step = position.next(change.event, ctx.now);
    ctx.journal.about(license.id);
    for remark in &step.remarks {
        let detail = serde_json::to_value(remark).unwrap_or(Value::Null);
        let about = About {
            channel: license.channel.as_ref(),
            license_id: Some(license.id),
            order_id: change.order_id,
            detail,
        };
        alert::raise(tx, ctx, AlertKind::from(*remark), &about)?;
    }
    if matches!(step.verdict, Verdict::Gone | Verdict::Stale) {
        let why = if step.verdict == Verdict::Gone { "the license is released" } else { "a newer call came before" };
        ctx.journal.note(format!("not {}: {why}", change.name));
        return Ok(Changed { license, verdict: step.verdict });
    }
    let mut after = edited(ctx, &license, change, &step);
    if after == license {
        ctx.journal.note("it already stood so");
        return Ok(Changed { license, verdict: Verdict::Unchanged });
    }
    after.updated_at = ctx.now;
    if let Some(plan) = ctx.installation.catalog.plan(&after.product, &after.plan) {
        code::sign_if_changed(tx, ctx, &mut after, plan)?;
    }
    tx.license_update(&after)?;
    let revoked = revocations::follow(tx, ctx, &license, &after)?;
    if is_new_term(change.event, license.expiry, after.expiry) {
        usage::term_began(tx, ctx, &after)?;
    }
    let verdict = if visible(&after) == visible(&license) { Verdict::Unchanged } else { Verdict::Applied };
    if verdict == Verdict::Applied {
        let mut detail = difference(&license, &after, change.order_id);
        if !revoked.is_empty() {
            detail["revoked_revs"] = json!(revoked);
        }
        if is_back(&license, &after) && Kind::of_line(change.name, &after) != Some(Kind::LicenseUnfrozen) {
            event::about(tx, ctx, Kind::LicenseUnfrozen, &after, change.name, &detail)?;
        }
        record(tx, ctx, &after, change.name, detail)?;
    } else {
        ctx.journal.note("it already stood so");
    }
    Ok(Changed { license: after, verdict })
}

/// Writes a line of the license's history, and tells it where it is an event.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx, ctx: Context, license: &License, line: &str, detail: Value) -> Done<()> {
    ctx.journal.about(license.id);
    ctx.journal.note(format!("{line} {detail}"));
    if let Some(kind) = Kind::of_line(line, license) {
        event::about(tx, ctx, kind, license, line, &detail)?;
    }
    Ok(tx.history_insert(&HistoryRecord {
        id: HistoryId::new(ctx.journal.next_line(ctx.now), ctx.entropy),
        license_id: license.id,
        at: ctx.now,
        actor: ctx.actor.to_string(),
        event: line.to_owned(),
        detail,
    })?)
}

fn edited(ctx: Context, license: &License, change: &Change, step: &Step) -> License {
    let mut after = License { standing: step.position.standing, expiry: step.position.expiry, ..license.clone() };
    after.trial &= !change.formal;
    after.quantity = change.quantity.or(after.quantity);
    if let Some(plan) = change.plan {
        after.plan = plan.slug.clone();
    }
    if change.plan.is_some() || change.quantity.is_some() {
        let plan = change.plan.or_else(|| ctx.installation.catalog.plan(&after.product, &after.plan));
        if let Some(grant) = plan.map(|plan| plan.grant(after.quantity)) {
            after.machines = grant.machines;
            after.features = grant.features;
        }
    }
    after
}

/// Whether a license that was frozen is in force again.
fn is_back(before: &License, after: &License) -> bool {
    before.standing.state() == State::Frozen && after.standing.state() == State::Active
}

/// Whether a renewal, or the merchant, moved the end by a day or more: another term was bought. Hours are a courtesy.
fn is_new_term(event: Event, before: Expiry, after: Expiry) -> bool {
    let is_term = matches!(event, Event::Renewed { .. } | Event::Extended { .. });
    is_term && before.at().is_some_and(|before| after.at().is_none_or(|after| after >= before.plus_days(1)))
}

/// What people would call a change: everything but the memory of the last call's time.
fn visible(license: &License) -> License {
    let mut shown = license.clone();
    shown.standing.status_signed_at = None;
    shown.updated_at = shown.created_at;
    shown
}

/// The fields that differ, as `{"field": {"from": …, "to": …}}`.
fn difference(before: &License, after: &License, order_id: Option<&str>) -> Value {
    let facts = |it: &License| {
        [
            ("state", json!(it.standing.state())),
            ("expires_at", json!(it.expiry.at())),
            ("plan", json!(it.plan)),
            ("quantity", json!(it.quantity)),
            ("machines", json!(it.machines)),
            ("features", json!(it.features)),
            ("trial", json!(it.trial)),
            ("rev", json!(it.rev)),
        ]
    };
    let mut detail = serde_json::Map::new();
    for ((name, from), (_, to)) in facts(before).into_iter().zip(facts(after)) {
        if from != to {
            detail.insert(name.to_owned(), json!({ "from": from, "to": to }));
        }
    }
    if let Some(order_id) = order_id {
        detail.insert("order_id".to_owned(), json!(order_id));
    }
    Value::Object(detail)
}
