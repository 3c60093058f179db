//! Events: what others are told of what happens here, in the transaction in which it happens.
//!
//! [`Kind`] is the one list of them. Each carries the license as the management API shows it, and nothing that is secret:
//! no code, no key. Who is told, and how, is none of this file: see [`super::webhook`] and [`super::mail`].

use serde_json::{Value, json};

use crate::{
    base::{
        ids::{EventId, LicenseId},
        text::truncate,
    },
    license::model::{Expiry, License, State},
    store::{AlertRecord, EventRecord, Tx},
};

use super::{Context, Done};

/// Characters of what is told beside the license: longer texts in it are cut.
const TEXT_CHARS: usize = 2_000;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// What others can be told. The names are stable: they stand in messages, settings and the database.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])* $name,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc,)*).trim_ascii(),)*
                }
            }
        }
    };
}

kinds! {
    /// A license was issued.
    LicenseIssued = "license.issued",
    /// A license was renewed or extended, or a trial became formal: its end moved.
    LicenseRenewed = "license.renewed",
    /// A renewal was refunded: the end moved back.
    LicenseRefunded = "license.refunded",
    /// A license is frozen: a hold was set, or one of two was lifted.
    LicenseFrozen = "license.frozen",
    /// A license is in force again: the last hold was lifted.
    LicenseUnfrozen = "license.unfrozen",
    /// A license has another plan or quantity.
    LicenseUpgraded = "license.upgraded",
    /// A license ended for good.
    LicenseReleased = "license.released",
    /// A license ends in 30, 7 or 1 days, as `detail.days` says.
    LicenseExpiring = "license.expiring",
    /// The end of a license has come; nothing else changed.
    LicenseExpired = "license.expired",
    /// A machine took a seat that it did not have before.
    MachineActivated = "machine.activated",
    /// A machine gave its seat back, or lost it.
    MachineDeactivated = "machine.deactivated",
    /// A deployment is done: the software runs.
    DeploymentDone = "deployment.done",
    /// A deployment stopped before it was done; somebody must look at it.
    DeploymentFailed = "deployment.failed",
    /// The server of a deployment is gone, and was not removed from here.
    DeploymentGone = "deployment.gone",
    /// Everything that a deployment made is removed.
    DeploymentRemoved = "deployment.removed",
    /// An alert was opened, or opened again.
    AlertOpened = "alert.opened",
    /// Calls from or to a marketplace fail; `alert.opened` comes as well.
    MarketplaceCallFailing = "marketplace.call_failing",
    /// A test that somebody asked for: nothing happened.
    WebhookTest = "webhook.test",
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("`{text}` is no event; there are {}", known.join(", "))
        })
    }
}

impl Kind {
    /// The event that a line of a license's history is, if it is one. `license`: as it is after it.
    pub fn of_line(line: &str, license: &License) -> Option<Self> {
        Some(match line {
            "issued" => Self::LicenseIssued,
            "renewed" | "renewed_with_change" | "became_formal" | "extended" | "confirmed" => Self::LicenseRenewed,
            "renewal_refunded" => Self::LicenseRefunded,
            "suspended" | "frozen" | "expired" => Self::LicenseFrozen,
            "resumed" | "unfrozen" if license.standing.state() == State::Frozen => Self::LicenseFrozen,
            "resumed" | "unfrozen" => Self::LicenseUnfrozen,
            "upgraded" => Self::LicenseUpgraded,
            "released" => Self::LicenseReleased,
            "activated" => Self::MachineActivated,
            "deactivated" => Self::MachineDeactivated,
            "deployment_healthy" => Self::DeploymentDone,
            "deployment_stopped" => Self::DeploymentFailed,
            "deployment_gone" => Self::DeploymentGone,
            "deployment_removed" => Self::DeploymentRemoved,
            _ => return None,
        })
    }
}

/// Writes down that `kind` happened to `license`.
///
/// # Errors
/// The database's.
pub fn about(tx: &mut Tx, ctx: Context, kind: Kind, license: &License, line: &str, detail: &Value) -> Done<()> {
    let data = json!({
        "license": shown(license), "line": line, "actor": ctx.actor.to_string(), "detail": shortened(detail),
    });
    write(tx, ctx, kind, Some(license.id), &data).map(|_| ())
}

/// Writes down that an alert was opened; `failing`: calls from or to a marketplace fail.
///
/// # Errors
/// The database's.
pub fn alert_opened(tx: &mut Tx, ctx: Context, alert: &AlertRecord, failing: bool) -> Done<()> {
    if failing {
        call_failing(tx, ctx, alert)?;
    }
    let data = alert_shown(tx, alert)?;
    write(tx, ctx, Kind::AlertOpened, alert.license_id, &data).map(|_| ())
}

/// Writes down that calls from or to a marketplace fail, as `alert` says.
///
/// # Errors
/// The database's.
pub fn call_failing(tx: &mut Tx, ctx: Context, alert: &AlertRecord) -> Done<()> {
    let data = alert_shown(tx, alert)?;
    write(tx, ctx, Kind::MarketplaceCallFailing, alert.license_id, &data).map(|_| ())
}

fn alert_shown(tx: &mut Tx, alert: &AlertRecord) -> Done<Value> {
    let license = alert.license_id.map(|id| tx.license_find(id)).transpose()?.flatten();
    Ok(json!({
        "license": license.as_ref().map(shown),
        "alert": {
            "id": alert.id, "kind": alert.kind, "channel": alert.channel, "license_id": alert.license_id,
            "order_id": alert.order_id, "detail": shortened(&alert.detail), "created_at": alert.created_at,
            "resolved_at": alert.resolved_at, "resolved_by": alert.resolved_by,
        },
    }))
}

/// Writes an event down. Those of one license come one after the other, also when their transactions ran side by side: each
/// reads what was the last before it.
///
/// # Errors
/// The database's.
pub fn write(tx: &mut Tx, ctx: Context, kind: Kind, license: Option<LicenseId>, data: &Value) -> Done<EventRecord> {
    let mut event = EventRecord {
        id: EventId::new(ctx.now, ctx.entropy),
        kind: kind.as_str().to_owned(),
        subject: String::new(),
        seq: 1,
        license_id: license,
        at: ctx.now,
        payload: String::new(),
        pending: true,
    };
    event.subject = license.map_or_else(|| event.id.to_string(), |id| id.to_string());
    if license.is_some()
        && let Some((seq, at)) = tx.event_last(&event.subject)?
    {
        // Clocks of several servers differ; the order does not.
        (event.seq, event.at) = (seq + 1, at.max(ctx.now));
    }
    event.payload = json!({ "type": event.kind, "timestamp": event.at, "data": data }).to_string();
    tx.event_insert(&event)?;
    Ok(event)
}

/// A license as the management API shows it.
pub fn shown(license: &License) -> Value {
    let expiry = match license.expiry {
        Expiry::Never => "never",
        Expiry::Estimated(_) => "estimated",
        Expiry::Guessed(_) => "guessed",
        Expiry::Confirmed(_) => "confirmed",
    };
    let standing = license.standing;
    json!({
        "id": license.id, "product": license.product, "plan": license.plan, "channel": license.channel,
        "instance_id": license.instance_id, "state": standing.state(),
        "holds": {
            "marketplace": standing.marketplace_hold, "violation": standing.violation, "merchant": standing.merchant_hold,
        },
        "expires_at": license.expiry.at(), "expiry": expiry, "machines": license.machines,
        "features": license.features, "quantity": license.quantity, "trial": license.trial,
        "device": license.device, "customer": { "id": license.customer.id, "name": license.customer.name },
        "rev": license.rev, "created_at": license.created_at, "updated_at": license.updated_at,
    })
}

/// What is too long to be told is cut: a message must stay small.
fn shortened(detail: &Value) -> Value {
    match detail {
        Value::String(text) => Value::String(truncate(text, TEXT_CHARS)),
        Value::Array(items) => Value::Array(items.iter().take(100).map(shortened).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), shortened(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/webhooks.md`, row by row.
    #[test]
    fn the_documented_events_are_those_of_the_code() {
        let rows = include_str!("../../docs/webhooks.md").lines().filter_map(|line| line.strip_prefix("| `"));
        let rows: Vec<&str> = rows.collect();
        let wanted: Vec<String> =
            Kind::ALL.iter().map(|kind| format!("{}` | {} |", kind.as_str(), kind.meaning())).collect();
        assert_eq!(rows, wanted);
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>(), Ok(*kind));
            assert!(kind.meaning().ends_with('.') && kind.as_str().contains('.'), "{kind:?}");
        }
        assert!("license.sold".parse::<Kind>().unwrap_err().contains("license.issued"));
    }
}
