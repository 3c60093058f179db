//! Products and plans: what is sold, and every rule that follows from it, as named strategies.

use jiff::{Span, civil};
use semver::VersionReq;
use serde::{Deserialize, Serialize};
// Names of features are 1 to 40 characters of `a-z 0-9 _`.
pub use signet_verify::claims::{FeatureValue, Features};

use crate::base::{limits, slug::Slug, text::Localized, time::Time};

use super::{machine, meter::Meter};

pub use super::machine::{LeaseRule, MachineRule};

/// A product as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The name in URLs, and the `aud` of every license code of the product.
    pub slug: Slug,
    /// The name people read.
    pub name: Localized,
    /// Whom a customer asks.
    pub support: Support,
    /// Address of the usage guide (使用指南).
    pub usage_guide: Option<String>,
    /// What the keys are that its software is given at its door for existing software.
    #[serde(default)]
    pub license_keys: LicenseKeys,
    /// What is sold of it.
    pub plans: Vec<Plan>,
}

/// What a license's own key is at the door for existing software.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenseKeys {
    /// The license key: typed, and looked up.
    #[default]
    Short,
    /// A long text that software can verify by itself with the door's key.
    Signed,
}

/// Where customers find help (服务与支持): the marketplace requires one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// A web address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What is sold: the rules that a license of this plan follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The name inside its product; `product/plan` names it everywhere.
    pub slug: Slug,
    /// The name people read.
    pub name: Localized,
    /// How long a purchase lasts when the call brings neither a date nor a period.
    pub term: Term,
    /// How many machines one license allows, before the quantity rule.
    pub machines: u32,
    /// What the software may do, before the quantity rule.
    pub features: Features,
    /// What the purchased quantity changes.
    pub quantity: QuantityRule,
    /// Whether the license code carries `exp` (for software that never asks online).
    pub code_carries_expiry: bool,
    /// How long a license holds beyond its expiry.
    pub expiry_slack: ExpirySlack,
    /// How long a machine may run between two contacts.
    pub lease: LeaseRule,
    /// Which machine is meant, and how many new ones a day.
    #[serde(default)]
    pub machine: MachineRule,
    /// The software's versions that it covers; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionReq>,
    /// Name of the extension parameter whose value binds the license to a device.
    pub bind_parameter: Option<String>,
    /// What the software counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meters: Vec<Meter>,
    /// What the buyer is told on the marketplace's resource page.
    pub delivery: Delivery,
    /// KooGallery `productId`s that sell this plan, one per period.
    pub product_ids: Vec<String>,
    /// KooGallery `skuCode`s that sell this plan.
    pub sku_codes: Vec<String>,
}

/// How long a license lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// For good: only one-time goods.
    Perpetual,
    /// Calendar days.
    Days(u16),
    /// Calendar months.
    Months(u16),
    /// Calendar years.
    Years(u16),
}

impl Term {
    /// The end of this term from `start`, by the calendar in UTC (31 January + 1 month = the last of
    /// February), or `None` when there is none.
    pub fn end(self, start: Time) -> Option<Time> {
        // jiff bounds each unit by what a calendar can show; beyond it there is no end to name.
        let span = match self {
            Self::Perpetual => return None,
            Self::Days(number) => Span::new().try_days(number),
            Self::Months(number) => Span::new().try_months(number),
            Self::Years(number) => Span::new().try_years(number),
        };
        let span = span.ok()?;
        let end: civil::DateTime = start.civil().saturating_add(span);
        Time::from_civil(end)
    }
}

/// What the purchased quantity (`amount`, `linearValue`) does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityRule {
    /// Nothing: it is only noted.
    #[default]
    Ignore,
    /// Becomes the target.
    Set(QuantityTarget),
    /// Multiplies the target's value in the plan.
    Multiply(QuantityTarget),
}

/// What a quantity acts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityTarget {
    /// The machine limit.
    Machines,
    /// A feature of the plan whose value is a number.
    Feature(String),
}

/// Days that a license holds beyond its expiry.
///
/// The marketplace calls a purchase's `expireTime` an estimate: the expire call decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpirySlack {
    /// While only the purchase's estimate, or a guess, is known.
    pub estimate_days: u16,
    /// After a renewal, an order query or the merchant's own word.
    pub confirmed_days: u16,
}

impl Default for ExpirySlack {
    fn default() -> Self {
        Self { estimate_days: 30, confirmed_days: 3 }
    }
}

/// What the buyer is told on the marketplace's resource page (`appInfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Address of the software's administration page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    /// First user name, up to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Initial password, to be changed by the buyer, up to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_password: Option<String>,
    /// A remark, up to 1,024 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

/// What a license of a plan grants once the quantity rule has spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Machine limit.
    pub machines: u32,
    /// Features.
    pub features: Features,
}

impl Plan {
    /// The meter called `slug`.
    pub fn meter(&self, slug: &str) -> Option<&Meter> {
        self.meters.iter().find(|meter| meter.slug.as_str() == slug)
    }

    /// Whether the plan covers the software's `version`: see [`machine::covers`].
    pub fn covers_version(&self, version: &str) -> bool {
        self.versions.as_ref().is_none_or(|covered| machine::covers(covered, version))
    }

    /// What `quantity` (None: one) of this plan grants. Results are held within 1 and [`limits::MACHINES`].
    pub fn grant(&self, quantity: Option<u32>) -> Grant {
        let mut grant = Grant { machines: self.machines, features: self.features.clone() };
        let Some(quantity) = quantity else { return grant };
        let (target, combine): (_, fn(u32, u32) -> u32) = match &self.quantity {
            QuantityRule::Ignore => return grant,
            QuantityRule::Set(target) => (target, |_, quantity| quantity),
            QuantityRule::Multiply(target) => (target, u32::saturating_mul),
        };
        let value = |base: u32| combine(base, quantity).clamp(1, limits::MACHINES);
        match target {
            QuantityTarget::Machines => grant.machines = value(self.machines),
            QuantityTarget::Feature(name) => {
                if let Some(FeatureValue::Number(base)) = grant.features.get_mut(name) {
                    *base = value(*base);
                }
            }
        }
        grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_follow_the_calendar() {
        let start: Time = "2024-01-31T08:00:00Z".parse().unwrap();
        let end = |term: Term| term.end(start).map(|at| at.to_string());
        assert_eq!(end(Term::Months(1)).as_deref(), Some("2024-02-29T08:00:00Z"));
        assert_eq!(end(Term::Years(1)).as_deref(), Some("2025-01-31T08:00:00Z"));
        assert_eq!(end(Term::Days(30)).as_deref(), Some("2024-03-01T08:00:00Z"));
        assert_eq!(end(Term::Perpetual), None);
    }

    /// Regression: jiff panics on more years than it can show, and a buyer's order named 60,000.
    #[test]
    fn terms_beyond_the_calendar_do_not_panic() {
        let start: Time = "2024-01-31T08:00:00Z".parse().unwrap();
        for term in [Term::Years(u16::MAX), Term::Months(u16::MAX), Term::Days(u16::MAX)] {
            let _ = term.end(start);
        }
    }
}
