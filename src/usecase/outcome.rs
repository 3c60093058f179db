//! What a marketplace's call led to, in no marketplace's wire format.

use crate::{base::time::Time, license::plan::Delivery};

/// What a call led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done, or already so.
    Done,
    /// A purchase stands.
    Purchased(Purchased),
    /// Accepted and on disk; it completes later. Carries the instance id where the call is a purchase.
    InProgress(Option<String>),
    /// How the instances asked for stand.
    Instances(Vec<Instance>),
    /// Refused, for a reason that the answer names.
    Refused(Refusal),
}

/// A purchase's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Purchased {
    /// The id the marketplace will use from now on.
    pub instance: Instance,
    /// The first license code, byte for byte the same on every repeat.
    pub license_code: String,
}

/// One instance as its buyer may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The instance id.
    pub instance_id: String,
    /// Address of the customer page, where there is a license with the customer's link to it.
    pub front_end_url: String,
    /// What else the plan tells its buyer.
    pub delivery: Delivery,
    /// What was used of on-demand goods.
    pub usage: Option<Usage>,
}

/// A usage counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Total so far, in ten-thousandths.
    pub total: i64,
    /// When it was counted.
    pub counted_at: Time,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No license here answers to this id or code.
    UnknownInstance(String),
    /// The license is released, and what was asked was paid for.
    ReleasedInstance(String),
    /// The catalog knows no plan by these ids.
    UnknownPlan(String),
    /// The call contradicts itself or the plan.
    Illegal(String),
    /// A license for one more device than the order covers.
    QuotaExhausted {
        /// Devices the license covers.
        limit: u32,
    },
    /// A device license outside the order's term.
    OutsideTerm,
    /// A device license of a plan with a term needs an end.
    EndNeeded,
    /// A device license needs the device's fingerprint.
    FingerprintNeeded,
    /// The database holds as many calls for this id as it will keep.
    TooManyDeferred,
}
