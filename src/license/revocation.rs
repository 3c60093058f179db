//! Which revisions of a license's code must no longer be believed: those that grant more than the license has now.
//!
//! An old revision that grants less, or the same, stays good: whoever typed it in once is not bothered by a renewal or
//! an upgrade, and the marketplace goes on showing its buyer the first one for ever.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::base::{slug::Slug, time::Time};

use super::{
    code::{Claims, device_digest},
    model::License,
    plan::{FeatureValue, Plan, Product},
};

/// Why something stands in a revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The license ended for good.
    Released,
    /// Revisions of its code grant more than it has now.
    GrantsMore,
    /// A key leaked.
    KeyRevoked,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Released, Self::GrantsMore, Self::KeyRevoked];

    /// The stable name, as in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::GrantsMore => "grants_more",
            Self::KeyRevoked => "key_revoked",
        }
    }
}

/// Whether a code of `license` that says `code` grants more than the license has now. `product` is the license's, as
/// the catalog describes it; `None` when it is no longer sold, and then only the grant is compared.
///
/// More is: a license that is released; another license or product; a later end than the license has with either of
/// the plan's slacks, or none where the plan's codes carry one; no device, or another, where the license is bound to
/// one; more machines; a feature that is on, higher, or not there any more.
///
/// Names have no order: a feature with another text, or another plan, grants more only when nothing that can be
/// counted differs, and the code's plan then stands after the license's plan in the catalog. So an upgrade that
/// also changes the name of the edition does not revoke the revision before it.
///
/// The newest revision never grants more: when a catalog changes its plans, the codes in force stay good until the
/// license changes.
pub fn grants_more(code: &Claims, license: &License, product: Option<&Product>) -> bool {
    if license.standing.released || code.sub != license.id || *code.aud.product() != license.product {
        return true;
    }
    if code.rev >= license.rev {
        return false;
    }
    let plan = product.and_then(|product| find(product, &license.plan));
    if plan.is_some_and(|plan| ends_later(code, license, plan) || escapes_device(code, license, plan)) {
        return true;
    }
    let difference = difference(code, license);
    if difference.more || difference.less {
        return difference.more;
    }
    (difference.other || code.plan != license.plan) && product.is_some_and(|it| stands_after(it, code, license))
}

fn find<'a>(product: &'a Product, plan: &Slug) -> Option<&'a Plan> {
    product.plans.iter().find(|it| it.slug == *plan)
}

/// The slacks are courtesy, not grant: that an estimate is confirmed takes nothing from anybody.
fn ends_later(code: &Claims, license: &License, plan: &Plan) -> bool {
    let Some(end) = license.expiry.at().filter(|_| plan.code_carries_expiry) else { return false };
    let slack = plan.expiry_slack.estimate_days.max(plan.expiry_slack.confirmed_days);
    code.exp.is_none_or(|exp| exp > Time::plus_days(end, slack.into()).as_seconds())
}

fn escapes_device(code: &Claims, license: &License, plan: &Plan) -> bool {
    let bound = plan.bind_parameter.as_ref().and(license.device.as_deref());
    bound.is_some_and(|device| code.device != Some(device_digest(device)))
}

fn stands_after(product: &Product, code: &Claims, license: &License) -> bool {
    let place = |slug: &Slug| product.plans.iter().position(|plan| plan.slug == *slug);
    matches!((place(&code.plan), place(&license.plan)), (Some(code), Some(license)) if code > license)
}

/// How a code's grant differs from the license's.
#[derive(Debug, Default)]
struct Difference {
    /// Something that can be counted is more.
    more: bool,
    /// Something that can be counted is less.
    less: bool,
    /// A name is another one.
    other: bool,
}

impl Difference {
    fn note(&mut self, order: Option<Ordering>) {
        match order {
            Some(Ordering::Greater) => self.more = true,
            Some(Ordering::Less) => self.less = true,
            Some(Ordering::Equal) => {}
            None => self.other = true,
        }
    }
}

fn difference(code: &Claims, license: &License) -> Difference {
    let mut difference = Difference::default();
    difference.note(Some(code.machines.cmp(&license.machines)));
    for name in code.features.keys() {
        difference.note(compared(code.features.get(name), license.features.get(name)));
    }
    for name in license.features.keys().filter(|name| !code.features.contains_key(*name)) {
        difference.note(compared(None, license.features.get(name)));
    }
    difference
}

/// How a feature of a code stands to the license's. One that is off is as good as none; everything else is more than
/// none. Values without an order between them are `None`.
fn compared(code: Option<&FeatureValue>, license: Option<&FeatureValue>) -> Option<Ordering> {
    let on = |value: Option<&FeatureValue>| value.is_some_and(|value| *value != FeatureValue::Flag(false));
    match (code, license) {
        (Some(FeatureValue::Number(code)), Some(FeatureValue::Number(license))) => Some(code.cmp(license)),
        (code, license) if on(code) && on(license) => (code == license).then_some(Ordering::Equal),
        (code, license) => Some(on(code).cmp(&on(license))),
    }
}

#[cfg(test)]
#[path = "revocation_tests.rs"]
mod tests;
