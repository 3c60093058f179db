//! Alerts: what the merchant must see, because money or trust hangs on it and no rule can settle it.

use serde_json::Value;

use crate::{
    base::{
        ids::{AlertId, LicenseId},
        slug::Slug,
    },
    license::{model::License, state::Remark},
    store::{AlertRecord, Tx},
};

use super::{Context, Done, event};

/// What an alert is about. The names are stable: they stand in the database and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertKind {
    /// A purchase was refused because the catalog knows no plan for it: a paid order without a license.
    PurchaseRefused,
    /// An upgrade was refused for the same reason, or because its license is released.
    UpgradeRefused,
    /// A renewal named a product the catalog does not know; it was applied to the current plan.
    RenewalPlanUnknown,
    /// A renewal moved the license to another plan.
    RenewalMovedPlan,
    /// An authentic call was answered with an internal error: nothing of it is stored.
    CallFailed,
    /// An authentic renewal, release or status call could not be read.
    CallRejected,
    /// The plan binds to a device, but the purchase named none.
    DeviceMissing,
    /// So many calls are kept for one id that another was turned away.
    TooManyDeferred,
    /// An order waits for its details.
    OrderWaiting,
    /// An order named no term where it should have; the license was given one.
    TermUnknown,
    /// Part of a purchase could not be read; the license was issued without it.
    PurchaseIncomplete,
    /// The marketplace expired a license whose stored expiry lies ahead, or froze one long before an end that is a guess.
    ExpiredAhead,
    /// The marketplace froze a license long before its expiry.
    FrozenForViolation,
    /// A renewal was paid while a violation's hold stands.
    StillHeldForViolation,
    /// An expiry moved back.
    ExpiryLowered,
    /// A renewal named an earlier date than the stored one, which stays.
    ExpiryNotLowered,
    /// A refund of a renewal lowered nothing.
    RefundLoweredNothing,
    /// A renewal named no date.
    RenewalWithoutDate,
    /// Somebody paid for a license that is released.
    PaidAfterRelease,
    /// A second machine used the token of a deployment.
    BootstrapTokenReused,
    /// The license of a device could not be handed over to the marketplace, which asked for it.
    DeviceLicenseUndelivered,
    /// What was used of goods that are paid by use could not be told to the marketplace.
    UsageNotPushed,
    /// The marketplace says something else of a code that it made than what its calls said.
    CodeDiffers,
    /// Machines are turned away because a license has no seat left, or saw too many new ones within a day.
    SeatRefused,
    /// A webhook was not told what it wanted to be told, for three days, or it is gone.
    WebhookUndelivered,
}

impl AlertKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PurchaseRefused => "purchase_refused",
            Self::UpgradeRefused => "upgrade_refused",
            Self::RenewalPlanUnknown => "renewal_plan_unknown",
            Self::RenewalMovedPlan => "renewal_moved_plan",
            Self::CallFailed => "call_failed",
            Self::CallRejected => "call_rejected",
            Self::DeviceMissing => "device_missing",
            Self::TooManyDeferred => "too_many_deferred",
            Self::OrderWaiting => "order_waiting",
            Self::TermUnknown => "term_unknown",
            Self::PurchaseIncomplete => "purchase_incomplete",
            Self::ExpiredAhead => "expired_ahead",
            Self::FrozenForViolation => "frozen_for_violation",
            Self::StillHeldForViolation => "still_held_for_violation",
            Self::ExpiryLowered => "expiry_lowered",
            Self::ExpiryNotLowered => "expiry_not_lowered",
            Self::RefundLoweredNothing => "refund_lowered_nothing",
            Self::RenewalWithoutDate => "renewal_without_date",
            Self::PaidAfterRelease => "paid_after_release",
            Self::BootstrapTokenReused => "bootstrap_token_reused",
            Self::DeviceLicenseUndelivered => "device_license_undelivered",
            Self::UsageNotPushed => "usage_not_pushed",
            Self::CodeDiffers => "code_differs",
            Self::SeatRefused => "seat_refused",
            Self::WebhookUndelivered => "webhook_undelivered",
        }
    }
}

impl AlertKind {
    /// Whether it says that calls from or to a marketplace fail.
    pub fn is_call_failing(self) -> bool {
        matches!(self, Self::CallFailed | Self::CallRejected | Self::DeviceLicenseUndelivered | Self::UsageNotPushed)
    }
}

impl From<Remark> for AlertKind {
    fn from(remark: Remark) -> Self {
        match remark {
            Remark::ExpiredAhead { .. } => Self::ExpiredAhead,
            Remark::FrozenForViolation => Self::FrozenForViolation,
            Remark::StillHeldForViolation => Self::StillHeldForViolation,
            Remark::Lowered { .. } => Self::ExpiryLowered,
            Remark::NotLowered { .. } => Self::ExpiryNotLowered,
            Remark::RefundLoweredNothing => Self::RefundLoweredNothing,
            Remark::RenewalWithoutDate => Self::RenewalWithoutDate,
            Remark::PaidAfterRelease => Self::PaidAfterRelease,
        }
    }
}

/// What an alert says beside its kind.
#[derive(Debug, Clone, Default)]
pub struct About<'a> {
    /// The channel the call came through.
    pub channel: Option<&'a Slug>,
    /// The license.
    pub license_id: Option<LicenseId>,
    /// The marketplace's order id.
    pub order_id: Option<&'a str>,
    /// Facts for people.
    pub detail: Value,
}

/// Raises an alert, once: a repeat of the same kind about the same order (without one: about the same
/// license at the same instant) adds nothing while it is open. One that was resolved is opened again: whoever
/// resolved it must see that its cause came back. A marketplace's retries do so only as long as the rule finds the cause
/// again, and at most once for each time that somebody resolves the alert.
///
/// # Errors
/// The database's.
pub fn raise(tx: &mut Tx, ctx: Context, kind: AlertKind, about: &About) -> Done<()> {
    let occurrence = about.order_id.map_or_else(|| ctx.now.to_string(), ToOwned::to_owned);
    ctx.journal.note(format!("alert {}", kind.as_str()));
    raise_row(tx, ctx, kind, &row(ctx, kind, about, &occurrence))
}

/// Stores the alert, and tells it when it was not open before.
fn raise_row(tx: &mut Tx, ctx: Context, kind: AlertKind, alert: &AlertRecord) -> Done<()> {
    if !tx.alert_raise(alert)? {
        return Ok(());
    }
    // One that is opened again keeps its id.
    let opened = tx.alert_open(&alert.dedupe)?;
    event::alert_opened(tx, ctx, opened.as_ref().unwrap_or(alert), kind.is_call_failing())
}

/// Says more about an alert that is open, or raises it. Nothing is written where it is said already.
///
/// # Errors
/// The database's.
pub fn tell(tx: &mut Tx, ctx: Context, kind: AlertKind, about: &About) -> Done<()> {
    let alert = row(ctx, kind, about, about.order_id.unwrap_or_default());
    match tx.alert_open(&alert.dedupe)? {
        Some(open) if open.detail == alert.detail => Ok(()),
        Some(open) => {
            tx.alert_retell(open.id, &alert.detail)?;
            // An order that waits is no trouble until somebody says why it has to.
            if kind == AlertKind::OrderWaiting && open.detail.get("why").is_none() {
                event::call_failing(tx, ctx, &AlertRecord { detail: alert.detail, ..open })?;
            }
            Ok(())
        }
        None => raise(tx, ctx, kind, about),
    }
}

/// Raises an alert of which a license has one at most, however often its cause comes back; while it is open, its `count`
/// says how often that was. The caller holds the license, so that no count is lost.
///
/// # Errors
/// The database's.
pub fn count(tx: &mut Tx, ctx: Context, kind: AlertKind, license: &License, detail: Value) -> Done<()> {
    let about = About { channel: license.channel.as_ref(), license_id: Some(license.id), order_id: None, detail };
    let mut alert = row(ctx, kind, &about, "license");
    let open = tx.alert_open(&alert.dedupe)?;
    let before = open.as_ref().and_then(|it| it.detail["count"].as_u64()).unwrap_or(0);
    alert.detail["count"] = before.saturating_add(1).into();
    match open {
        Some(open) => Ok(tx.alert_retell(open.id, &alert.detail)?),
        None => {
            ctx.journal.note(format!("alert {}", kind.as_str()));
            raise_row(tx, ctx, kind, &alert)
        }
    }
}

fn row(ctx: Context, kind: AlertKind, about: &About, occurrence: &str) -> AlertRecord {
    let license = about.license_id.map(|id| id.to_string());
    let channel = about.channel.map(Slug::as_str);
    let dedupe = serde_json::json!([kind.as_str(), channel, license, occurrence]).to_string();
    AlertRecord {
        id: AlertId::new(ctx.now, ctx.entropy),
        kind: kind.as_str().to_owned(),
        channel: about.channel.cloned(),
        license_id: about.license_id,
        order_id: about.order_id.map(ToOwned::to_owned),
        detail: about.detail.clone(),
        created_at: ctx.now,
        resolved_at: None,
        resolved_by: None,
        dedupe,
    }
}

/// Marks the alert of which a license has one at most as dealt with: its cause is gone.
///
/// # Errors
/// The database's.
pub fn end(tx: &mut Tx, ctx: Context, kind: AlertKind, license: &License) -> Done<()> {
    let about = About { channel: license.channel.as_ref(), license_id: Some(license.id), ..About::default() };
    match tx.alert_open(&row(ctx, kind, &about, "license").dedupe)? {
        Some(open) => resolve(tx, ctx, open.id).map(|_| ()),
        None => Ok(()),
    }
}

/// Marks the alerts of one kind about an order as dealt with: what they asked for has happened.
///
/// # Errors
/// The database's.
pub fn settle(tx: &mut Tx, ctx: Context, kind: AlertKind, channel: &Slug, order_id: &str) -> Done<()> {
    Ok(tx.alert_settle(kind.as_str(), channel, order_id, &ctx.actor.to_string(), ctx.now)?)
}

/// Marks an alert as dealt with. `false`: there is no such open alert.
///
/// # Errors
/// The database's.
pub fn resolve(tx: &mut Tx, ctx: Context, id: AlertId) -> Done<bool> {
    Ok(tx.alert_resolve(id, &ctx.actor.to_string(), ctx.now)?)
}
