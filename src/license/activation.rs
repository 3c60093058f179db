//! Activation: may this license run here, on which machine, and for how long.
//!
//! Rules only: which machine is meant, when a lease ends, which reason comes first. What is stored and signed is done
//! by the use cases.

use jiff::SignedDuration;
use signet_verify::{
    claims::{Components, LicenseFacts},
    machine::{MatchRule, digest, same},
};

use crate::base::{ids::ActivationId, limits, time::Time};

use super::{
    model::{License, State},
    plan::{ExpirySlack, FeatureValue, Features, LeaseRule, MachineRule, Plan},
};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $conclusive:literal;)*) => {
        /// Why a license may run or not: a closed list, in the order in which it is looked for. The first that
        /// applies is the answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether asking again unchanged is useless until somebody changes something.
            pub fn conclusive(self) -> bool {
                match self { $(Self::$name => $conclusive,)* }
            }
        }
    };
}

reasons! {
    /// Neither the form of a license code nor that of a key: typed or copied wrong.
    LicenseMalformed = "license_malformed", true;
    /// Not a license of this service.
    LicenseNotFound = "license_not_found", true;
    /// A code that the marketplace made and nobody has redeemed yet.
    NotRedeemed = "not_redeemed", true;
    /// A license for another product.
    ProductMismatch = "product_mismatch", true;
    /// Ended for good.
    LicenseReleased = "license_released", true;
    /// Suspended.
    LicenseFrozen = "license_frozen", true;
    /// Over, the plan's slack included.
    LicenseExpired = "license_expired", true;
    /// The code's key leaked, or its revision grants more than the license has.
    CodeRevoked = "code_revoked", true;
    /// The plan covers other versions.
    VersionNotAllowed = "version_not_allowed", true;
    /// The plan does not have the feature.
    FeatureMissing = "feature_missing", true;
    /// Bound to another device.
    DeviceMismatch = "device_mismatch", true;
    /// The machine has no seat.
    MachineUnknown = "machine_unknown", true;
    /// The activation belongs to another machine.
    MachineMismatch = "machine_mismatch", true;
    /// The floating seat went back when its lease ended.
    LeaseEnded = "lease_ended", false;
    /// All seats are taken.
    MachineLimit = "machine_limit", true;
    /// Too many new machines within a day.
    ActivationCycling = "activation_cycling", false;
    /// The plan has no such meter: its usage is not counted.
    MeterUnknown = "meter_unknown", true;
    /// The id of a report of usage stands for another report.
    ReportConflict = "report_conflict", true;
    /// More reports in a day than are kept.
    ReportLimit = "report_limit", false;
    /// More usage than the plan's meter allows.
    UsageLimit = "usage_limit", false;
    /// It may run.
    Valid = "valid", true;
}

/// The plan's rules that activation follows; the defaults where the catalog no longer has the plan.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Leases.
    pub lease: LeaseRule,
    /// Machines.
    pub machine: MachineRule,
    /// How long a license holds beyond its expiry.
    pub slack: ExpirySlack,
    /// The plan.
    pub plan: Option<&'a Plan>,
}

impl<'a> Rules<'a> {
    /// Of `plan`.
    pub fn of(plan: Option<&'a Plan>) -> Self {
        Self {
            lease: plan.map(|plan| plan.lease).unwrap_or_default(),
            machine: plan.map(|plan| plan.machine).unwrap_or_default(),
            slack: plan.map(|plan| plan.expiry_slack).unwrap_or_default(),
            plan,
        }
    }

    /// Whether one of `components` is `device`, to which a license is bound: the component that is called like the plan's
    /// parameter in small letters, or the one called `device`.
    fn names_device(&self, components: &Components, device: &str) -> bool {
        let parameter = self.plan.and_then(|plan| plan.bind_parameter.as_deref()).map(str::to_ascii_lowercase);
        let is_device = |name: &str| components.get(name) == Some(&digest(name, device));
        parameter.is_some_and(|name| is_device(&name)) || is_device("device")
    }
}

/// What is asked about a license, the machine's seat aside.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The product.
    pub product: Option<&'a str>,
    /// The software's version.
    pub version: Option<&'a str>,
    /// A feature that it wants.
    pub feature: Option<&'a str>,
    /// The machine; empty: not said.
    pub components: &'a Components,
    /// Whether the code that was shown is revoked.
    pub code_revoked: bool,
}

/// The first reason why `license` does not hold for what is claimed at `now`; `None`: it holds.
pub fn objection(license: &License, rules: &Rules, claim: &Claim, now: Time) -> Option<Reason> {
    let other_product = claim.product.is_some_and(|product| product != license.product.as_str());
    let covers = |version| rules.plan.is_none_or(|plan| plan.covers_version(version));
    let reasons = [
        (Reason::ProductMismatch, other_product),
        (Reason::LicenseReleased, license.standing.state() == State::Released),
        (Reason::LicenseFrozen, license.standing.state() == State::Frozen),
        (Reason::LicenseExpired, license.expiry.holds_until(rules.slack).is_some_and(|end| end <= now)),
        (Reason::CodeRevoked, claim.code_revoked),
        (Reason::VersionNotAllowed, claim.version.is_some_and(|version| !covers(version))),
        (Reason::FeatureMissing, claim.feature.is_some_and(|name| !has_feature(&license.features, name))),
        (Reason::DeviceMismatch, is_other_device(license, rules, claim.components)),
    ];
    reasons.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason)
}

/// Whether the license has a feature: one that is off, or a limit of none, it does not have.
pub fn has_feature(features: &Features, name: &str) -> bool {
    !matches!(features.get(name), None | Some(FeatureValue::Flag(false) | FeatureValue::Number(0)))
}

/// Whether `license` is bound to another device. A machine that says what it is made of must name the device; a question
/// without a machine asks for none.
pub fn is_other_device(license: &License, rules: &Rules, components: &Components) -> bool {
    let bound = rules.plan.is_some_and(|plan| plan.bind_parameter.is_some());
    let device = license.device.as_deref().filter(|_| bound && !components.is_empty());
    device.is_some_and(|device| !rules.names_device(components, device))
}

/// How long a machine wants to stay away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stay {
    /// As the plan says.
    #[default]
    Usual,
    /// A loan of so many days; for floating plans that lend.
    Borrow(u16),
    /// As long as the plan allows a machine that never asks.
    Offline,
}

/// From when to when a lease holds, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// When the machine asks for the next one.
    pub renew_after: Time,
    /// When it ends.
    pub ends_at: Time,
    /// Until when the machine may run on. Not before `ends_at`.
    pub grace_until: Time,
    /// Whether it is longer than the plan's ordinary ones.
    pub borrowed: bool,
}

/// The times of a lease given at `now`. Neither its end nor its grace outlives the license and its slack; where it is
/// known until when the machine already has a loan (`held_until`), it is not cut short by asking in between.
pub fn lease_times(
    license: &License,
    rules: &Rules,
    stay: Stay,
    held_until: Option<Time>,
    id: ActivationId,
    now: Time,
) -> LeaseTimes {
    let LeaseRule { floating, borrow_days, offline_days, grace_days, .. } = rules.lease;
    let usual = now.saturating_add(rules.lease.length());
    let asked = match stay {
        Stay::Borrow(days) if floating => now.plus_days(days.min(borrow_days).into()),
        Stay::Offline => now.plus_days(offline_days.into()),
        Stay::Usual | Stay::Borrow(_) => usual,
    };
    let wanted = asked.max(usual).max(held_until.unwrap_or(usual));
    let holds_until = license.expiry.holds_until(rules.slack).unwrap_or(wanted.plus_days(grace_days.into()));
    let ends_at = whole_second(wanted.min(holds_until));
    let grace = if floating { ends_at } else { wanted.plus_days(grace_days.into()) };
    LeaseTimes {
        renew_after: renew_after(id, now, ends_at),
        ends_at,
        grace_until: whole_second(grace.min(holds_until)).max(ends_at),
        borrowed: wanted > usual,
    }
}

/// Half of the lease, up to a tenth of it earlier or later by the activation's id: machines that started together do not
/// ask together for ever.
fn renew_after(id: ActivationId, now: Time, ends_at: Time) -> Time {
    let length = ends_at.since(now).as_secs().max(0);
    let [.., high, low] = *id.as_bytes();
    let spread = i64::from(u16::from_be_bytes([high, low]));
    // 0.4 to 0.6 of the length.
    let wait = length * 2 / 5 + length / 5 * spread / i64::from(u16::MAX);
    whole_second(now.saturating_add(SignedDuration::from_secs(wait))).min(ends_at)
}

/// The instant without what is below a second: tokens tell whole seconds, so the database knows the same end.
fn whole_second(time: Time) -> Time {
    Time::from_micros(time.as_seconds().saturating_mul(1_000_000)).unwrap_or(time)
}

/// Which of `candidates` (oldest first, each with whether it has a seat) is the machine with these components. One with a
/// seat goes before one without, then the more components are the same the better, then the older.
pub fn best_match<'c, T>(
    candidates: impl IntoIterator<Item = (T, &'c Components, bool)>,
    rule: MatchRule,
    presented: &Components,
) -> Option<T> {
    let matching = candidates.into_iter().filter(|(_, known, _)| rule.matches(known, presented));
    let rank = |known: &Components, seat: bool| (seat, same(known, presented));
    // The first of equals stays.
    let mut best: Option<(T, (bool, usize))> = None;
    for (item, known, seat) in matching {
        let rank = rank(known, seat);
        if best.as_ref().is_none_or(|(_, best)| rank > *best) {
            best = Some((item, rank));
        }
    }
    best.map(|(item, _)| item)
}

/// A fingerprint that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentsError {
    /// None or too many.
    #[error("a machine has 1 to {most} components, this one has {found}", most = limits::COMPONENTS)]
    Count {
        /// How many there are.
        found: usize,
    },
    /// A name that is none.
    #[error("component {number} has a name that is not 1 to 32 characters of a-z, 0-9 and -")]
    Name {
        /// Which, counted from 1 in the order of the names.
        number: usize,
    },
    /// A digest that is none.
    #[error(
        "component `{name}` is not the digest of `{name}:value`: SHA-256 in base64url without padding, 43 characters"
    )]
    Digest {
        /// Its name.
        name: String,
    },
}

/// Checks what a machine says it is made of.
///
/// # Errors
/// [`ComponentsError`] names the first component that breaks a rule.
pub fn check_components(components: &Components) -> Result<(), ComponentsError> {
    if !(1..=limits::COMPONENTS).contains(&components.len()) {
        return Err(ComponentsError::Count { found: components.len() });
    }
    for (index, (name, digest)) in components.iter().enumerate() {
        if !is_component_name(name) {
            return Err(ComponentsError::Name { number: index + 1 });
        }
        let bytes = data_encoding::BASE64URL_NOPAD.decode(digest.as_bytes());
        if digest.len() != 43 || bytes.is_err() {
            return Err(ComponentsError::Digest { name: name.clone() });
        }
    }
    Ok(())
}

fn is_component_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=limits::COMPONENT_NAME_CHARS).contains(&name.len()) && name.bytes().all(fits)
}

/// What the holder of a license may know of it.
pub fn facts(license: &License, rules: &Rules) -> LicenseFacts {
    LicenseFacts {
        id: license.id.to_string(),
        product: license.product.to_string(),
        plan: license.plan.to_string(),
        state: license.standing.state().as_str().to_owned(),
        trial: license.trial,
        expires_at: license.expiry.at().map(Time::as_seconds),
        holds_until: license.expiry.holds_until(rules.slack).map(Time::as_seconds),
        machines: license.machines,
        features: license.features.clone(),
        rev: license.rev,
    }
}

#[cfg(test)]
#[path = "activation_tests.rs"]
mod tests;
