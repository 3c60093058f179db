//! A license and what is known about it.

use serde::{Deserialize, Serialize};

use crate::base::{ids::LicenseId, slug::Slug, time::Time};

use super::plan::{ExpirySlack, Features};

/// A license: the right itself, as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// `sub` of its code.
    pub id: LicenseId,
    /// The product it is for.
    pub product: Slug,
    /// The plan whose rules it follows.
    pub plan: Slug,
    /// The channel it was sold through; `None` when issued by hand.
    pub channel: Option<Slug>,
    /// The id Signet gave the marketplace for the purchase (for code 2.0: the marketplace's own code).
    pub instance_id: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// When it ends.
    pub expiry: Expiry,
    /// Machine limit.
    pub machines: u32,
    /// Features.
    pub features: Features,
    /// Quantity of the last purchase or upgrade, where one was named.
    pub quantity: Option<u32>,
    /// Whether it is a trial.
    pub trial: bool,
    /// The device it is bound to, from the plan's extension parameter.
    pub device: Option<String>,
    /// Who bought it.
    pub customer: Customer,
    /// Revision of its code: +1 whenever a claim of the code changes.
    pub rev: u32,
    /// When it was issued.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Who bought a license, in the marketplace's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The marketplace's id of the customer.
    pub id: Option<String>,
    /// The name it gave.
    pub name: Option<String>,
}

/// State, holds, and what the rules need to remember about how they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Ended for good.
    pub released: bool,
    /// Held by the marketplace (expire, FREEZE).
    pub marketplace_hold: bool,
    /// The marketplace's hold came more than 3 days before the expiry: a violation, so a renewal does not lift it.
    pub violation: bool,
    /// Held by the merchant (suspend).
    pub merchant_hold: bool,
    /// Signed time of the last expire, freeze or unfreeze that was applied.
    pub status_signed_at: Option<Time>,
}

/// The state people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In force.
    Active,
    /// Suspended, recoverable: at least one hold.
    Frozen,
    /// Ended for good.
    Released,
}

impl State {
    /// The stable name, as in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Released => "released",
        }
    }
}

impl Standing {
    /// The state these facts amount to.
    pub fn state(&self) -> State {
        if self.released {
            State::Released
        } else if self.marketplace_hold || self.merchant_hold {
            State::Frozen
        } else {
            State::Active
        }
    }
}

/// When a license ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "at", rename_all = "snake_case")]
pub enum Expiry {
    /// Never: one-time goods.
    Never,
    /// What the marketplace stated with the purchase: its estimate, or its period counted from that day.
    Estimated(Time),
    /// Signet's own guess, from the plan's term: nobody stated an end. Any end that is stated later outranks it.
    Guessed(Time),
    /// The word of a renewal, an order query or the merchant.
    Confirmed(Time),
}

impl Expiry {
    /// The instant, where there is one.
    pub fn at(self) -> Option<Time> {
        match self {
            Self::Never => None,
            Self::Estimated(at) | Self::Guessed(at) | Self::Confirmed(at) => Some(at),
        }
    }

    /// Whether nobody stated it.
    pub fn is_guess(self) -> bool {
        matches!(self, Self::Guessed(_))
    }

    /// The instant until which the license holds: the expiry plus the plan's slack.
    pub fn holds_until(self, slack: ExpirySlack) -> Option<Time> {
        match self {
            Self::Never => None,
            Self::Estimated(at) | Self::Guessed(at) => Some(at.plus_days(slack.estimate_days.into())),
            Self::Confirmed(at) => Some(at.plus_days(slack.confirmed_days.into())),
        }
    }
}
