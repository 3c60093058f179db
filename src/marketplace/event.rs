//! The events a marketplace can cause, in the license's own words.
//!
//! Events are stored as JSON while they wait (for an order's details, for a code nobody redeemed yet), so every
//! type here reads and writes itself.

use serde::{Deserialize, Serialize};

use crate::{
    base::time::Time,
    license::{model::Customer, plan::Term},
};

/// What one authenticated call asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Somebody bought.
    Purchase(Purchase),
    /// The term changes: renewal, refund of one, trial becoming formal.
    Renewal(Renewal),
    /// The right is suspended or resumed.
    Status(StatusChange),
    /// The right ends for good.
    Release(Release),
    /// Another plan or quantity on the same license.
    Upgrade(Upgrade),
    /// How do these instances stand?
    Query(Vec<String>),
    /// An order changed in a way that its details will tell.
    OrderNotice(OrderRef),
    /// A license for one device of an instance.
    DeviceLicense(DeviceLicense),
}

/// The marketplace's name of an order and, where the call has one, its line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderRef {
    /// `orderId`.
    pub order_id: String,
    /// `orderLineId`.
    pub line_id: Option<String>,
}

/// Which license an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The id Signet answered to the purchase.
    Instance(String),
    /// A code the marketplace itself made (license code 2.0).
    MarketplaceCode(String),
}

impl Subject {
    /// The id or code.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Instance(text) | Self::MarketplaceCode(text) => text,
        }
    }
}

/// Which marketplace ids name the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRef {
    /// `productId`: differs per period type.
    pub product_id: Option<String>,
    /// `skuCode`: stays when the period type changes.
    pub sku_code: Option<String>,
}

/// How goods are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charging {
    /// By use.
    OnDemand,
    /// For a period.
    Period,
    /// Once, for good.
    OneTime,
    /// A package of use.
    Package,
}

/// Somebody bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    /// The order: with the product for on-demand goods, the identity of the purchase.
    pub order: OrderRef,
    /// The marketplace's id of this call; new on every retry, so never an identity.
    pub business_id: String,
    /// The plan, when the call names it.
    pub plan: PlanRef,
    /// What the call tells beyond ids; `None` when the details must be fetched by order (client, SaaS V2).
    pub details: Option<PurchaseDetails>,
    /// What the answer must carry.
    pub wants: PurchaseAnswer,
}

/// What the answer to a purchase must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseAnswer {
    /// The license code (License 1.0).
    LicenseCode,
    /// `appInfo` with encrypted credentials (SaaS 1.0).
    AppInfo,
    /// Only the instance id (client, SaaS 2.0).
    InstanceId,
}

/// What a purchase call may tell beyond ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PurchaseDetails {
    /// Who bought.
    pub customer: Customer,
    /// Where they read mail.
    #[serde(default)]
    pub email: Option<String>,
    /// The estimated expiry.
    pub expires_at: Option<Time>,
    /// Period type × number.
    pub period: Option<Term>,
    /// How it is paid.
    pub charging: Option<Charging>,
    /// Quantity.
    pub quantity: Option<u32>,
    /// A trial.
    pub trial: bool,
    /// Name and value of the merchant-defined extension parameters, as typed by the buyer.
    pub extension: Vec<(String, String)>,
}

/// Why a term changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalCause {
    /// License 1.0 `refreshLicense`: a single call without scene, also for trial to formal.
    Refresh,
    /// A paid renewal.
    Renewal,
    /// A paid renewal onto another plan or quantity (`RENEWAL_CHANGE`).
    RenewalChange,
    /// A trial became formal.
    TrialToFormal,
    /// A renewal was refunded: the expiry moves back.
    RefundOfRenewal,
}

/// The term changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renewal {
    /// The renewal's (or refund's) order.
    pub order: OrderRef,
    /// Which license.
    pub subject: Subject,
    /// Why.
    pub cause: RenewalCause,
    /// The plan, when the call names it.
    pub plan: PlanRef,
    /// The new expiry, when the call names it.
    pub expires_at: Option<Time>,
    /// Period type × number, when the call names it.
    pub period: Option<Term>,
}

/// The right is suspended or resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusChange {
    /// Which license.
    pub subject: Subject,
    /// To what.
    pub target: StatusTarget,
}

/// Target of a status change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusTarget {
    /// `expireLicense`, `expireInstance`: the marketplace says the term is over.
    Expired,
    /// `FREEZE`: for expiry and for violations alike.
    Frozen,
    /// `UNFREEZE`, `NORMAL`.
    Unfrozen,
}

/// The right ends for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Which license.
    pub subject: Subject,
    /// The order that caused it, when named (purchase or refund order).
    pub order: Option<OrderRef>,
}

/// Another plan or quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The upgrade's order.
    pub order: OrderRef,
    /// Which license.
    pub subject: Subject,
    /// The plan, when the call names it; otherwise the order's details tell (SaaS V2).
    pub plan: PlanRef,
    /// The new quantity, when the call names it.
    pub quantity: Option<u32>,
}

/// A license for one device of an instance (`getLicenseAsync`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceLicense {
    /// The instance.
    pub subject: Subject,
    /// Identity of the application, together with the fingerprint.
    pub event_id: String,
    /// From when.
    pub effective_at: Time,
    /// Until when.
    pub expires_at: Option<Time>,
    /// The device, at most 5,120 bytes.
    pub fingerprint: Option<String>,
}
