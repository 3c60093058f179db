//! Renewals, refunds of renewals, and trials that become formal: the expiry follows, once per order.

use serde_json::{Value, json};

use crate::{
    base::{ids::OrderId, time::Time},
    catalog::{Channel, PlanMatch},
    license::{
        model::{Expiry, License},
        plan::{Plan, Term},
        state::{Event, Verdict},
    },
    marketplace::event::{Renewal, RenewalCause},
    store::{OrderKind, OrderRecord, OrderStatus, Tx},
};

use super::{
    Context, Done,
    alert::{self, About, AlertKind},
    change::{self, Change},
    order,
    outcome::{Outcome, Refusal},
    term, upgrade,
};

/// Applies a renewal to the license it names.
///
/// # Errors
/// The database's and those of signing a code.
pub fn renew(tx: &mut Tx, ctx: Context, channel: &Channel, renewal: &Renewal, license: License) -> Done<Outcome> {
    let identity = identity(renewal, &license);
    if let Some(order) = tx.order_by_identity(&channel.slug, &identity)? {
        return Ok(answer(order.status == OrderStatus::Flagged, renewal));
    }
    let mut order = record(ctx, channel, renewal, &license, &identity);
    if refunded_before(tx, channel, renewal, &license)? {
        order::save(tx, ctx, order)?;
        return Ok(Outcome::Done);
    }
    let plan = plan(tx, ctx, channel, renewal, &license)?;
    let (event, made_up) = event(renewal, &license, plan, ctx.now);
    let change = Change {
        plan,
        formal: renewal.cause == RenewalCause::TrialToFormal
            || (renewal.cause == RenewalCause::Refresh && license.trial),
        ..Change::new(name(renewal.cause), event).by_order(&renewal.order.order_id)
    };
    let changed = change::apply(tx, ctx, license, &change)?;
    let gone = changed.verdict == Verdict::Gone;
    if let Some(term) = made_up.filter(|_| !gone) {
        let detail = term::made_up(term);
        alert::raise(tx, ctx, AlertKind::TermUnknown, &about(channel, renewal, &changed.license, detail))?;
    }
    if renewal.cause == RenewalCause::RenewalChange && plan.is_none() && !names_plan(renewal) && !gone {
        upgrade::await_details(tx, ctx, channel, &renewal.order, &changed.license)?;
    }
    if gone {
        order.status = OrderStatus::Flagged;
    }
    order::save(tx, ctx, order)?;
    Ok(answer(gone, renewal))
}

fn answer(gone: bool, renewal: &Renewal) -> Outcome {
    if gone { Outcome::Refused(Refusal::ReleasedInstance(renewal.subject.as_str().to_owned())) } else { Outcome::Done }
}

/// Channel, activity, scene, order, line and instance together: the guides disagree on whether a refund
/// carries its own order or the refunded one, so the cause is part of what makes a call the same.
fn identity(renewal: &Renewal, license: &License) -> String {
    identity_of(renewal.cause, &renewal.order.order_id, renewal.order.line_id.as_deref(), license)
}

fn identity_of(cause: RenewalCause, order_id: &str, line_id: Option<&str>, license: &License) -> String {
    json!(["renewal", name(cause), order_id, line_id, license.id]).to_string()
}

/// A renewal that arrives after its own refund (the client guide's refunds name the refunded order) is over.
fn refunded_before(tx: &mut Tx, channel: &Channel, renewal: &Renewal, license: &License) -> Done<bool> {
    if renewal.cause == RenewalCause::RefundOfRenewal {
        return Ok(false);
    }
    let line_id = renewal.order.line_id.as_deref();
    let refund = identity_of(RenewalCause::RefundOfRenewal, &renewal.order.order_id, line_id, license);
    Ok(tx.order_by_identity(&channel.slug, &refund)?.is_some())
}

fn name(cause: RenewalCause) -> &'static str {
    match cause {
        RenewalCause::Refresh | RenewalCause::Renewal => "renewed",
        RenewalCause::RenewalChange => "renewed_with_change",
        RenewalCause::TrialToFormal => "became_formal",
        RenewalCause::RefundOfRenewal => "renewal_refunded",
    }
}

/// What the state machine is told, and the term that had to be made up for it.
fn event(renewal: &Renewal, license: &License, plan: Option<&Plan>, now: Time) -> (Event, Option<Term>) {
    if renewal.cause == RenewalCause::RefundOfRenewal {
        return (Event::RenewalRefunded { to: renewal.expires_at }, None);
    }
    if let Some(at) = renewal.expires_at {
        let may_lower = renewal.cause == RenewalCause::Refresh;
        return (Event::Renewed { to: Some(Expiry::Confirmed(at)), may_lower }, None);
    }
    let (to, made_up) = worked_out(renewal, license, plan, now);
    (Event::Renewed { to, may_lower: false }, made_up)
}

/// Without a date: the named period on top of what is left, or a new plan's own term from now. A period on top of a
/// guess is a guess.
fn worked_out(renewal: &Renewal, license: &License, plan: Option<&Plan>, now: Time) -> (Option<Expiry>, Option<Term>) {
    let left = license.expiry.at().filter(|at| *at > now);
    if let Some(end) = renewal.period.and_then(|period| period.end(left.unwrap_or(now))) {
        let guess = left.is_some() && license.expiry.is_guess();
        return (Some(if guess { Expiry::Guessed(end) } else { Expiry::Estimated(end) }), None);
    }
    match plan.filter(|_| renewal.cause == RenewalCause::TrialToFormal) {
        Some(plan) => {
            let end = term::formal_end(plan, now);
            (Some(end.expiry), end.made_up)
        }
        None => (None, None),
    }
}

fn names_plan(renewal: &Renewal) -> bool {
    renewal.plan.product_id.is_some() || renewal.plan.sku_code.is_some()
}

/// The plan the renewal's ids name, when it is another one of the same product. An unknown id never refuses a
/// paid renewal: the license keeps its plan and the merchant is told.
fn plan<'a>(
    tx: &mut Tx,
    ctx: Context<'a>,
    channel: &Channel,
    renewal: &Renewal,
    license: &License,
) -> Done<Option<&'a Plan>> {
    if !names_plan(renewal) {
        return Ok(None);
    }
    let about = |detail| about(channel, renewal, license, detail);
    match ctx.installation.catalog.plan_for(channel, &renewal.plan) {
        PlanMatch::Found(product, plan) if product.slug != license.product => {
            let detail = json!({ "named": format!("{}/{}", product.slug, plan.slug), "kept": license.plan });
            alert::raise(tx, ctx, AlertKind::RenewalPlanUnknown, &about(detail))?;
            Ok(None)
        }
        PlanMatch::Found(_, plan) if plan.slug == license.plan => Ok(None),
        PlanMatch::Found(_, plan) => {
            let expected = matches!(renewal.cause, RenewalCause::RenewalChange | RenewalCause::TrialToFormal);
            if !expected {
                let detail = json!({ "from": license.plan, "to": plan.slug });
                alert::raise(tx, ctx, AlertKind::RenewalMovedPlan, &about(detail))?;
            }
            Ok(Some(plan))
        }
        PlanMatch::Unknown(what) => {
            let detail = json!({ "unknown": what, "kept": license.plan });
            alert::raise(tx, ctx, AlertKind::RenewalPlanUnknown, &about(detail))?;
            Ok(None)
        }
    }
}

fn about<'a>(channel: &'a Channel, renewal: &'a Renewal, license: &License, detail: Value) -> About<'a> {
    About {
        channel: Some(&channel.slug),
        license_id: Some(license.id),
        order_id: Some(&renewal.order.order_id),
        detail,
    }
}

fn record(ctx: Context, channel: &Channel, renewal: &Renewal, license: &License, identity: &str) -> OrderRecord {
    let kind = match renewal.cause {
        RenewalCause::Refresh | RenewalCause::Renewal | RenewalCause::RenewalChange => OrderKind::Renewal,
        RenewalCause::TrialToFormal => OrderKind::TrialToFormal,
        RenewalCause::RefundOfRenewal => OrderKind::Refund,
    };
    OrderRecord {
        id: OrderId::new(ctx.now, ctx.entropy),
        channel: Some(channel.slug.clone()),
        identity: identity.to_owned(),
        kind,
        order_id: renewal.order.order_id.clone(),
        line_id: renewal.order.line_id.clone(),
        product_id: renewal.plan.product_id.clone(),
        sku_code: renewal.plan.sku_code.clone(),
        instance_id: license.instance_id.clone(),
        license_id: Some(license.id),
        status: OrderStatus::Fulfilled,
        quantity: None,
        details: json!({ "expires_at": renewal.expires_at }),
        created_at: ctx.now,
        updated_at: ctx.now,
    }
}
