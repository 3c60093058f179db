//! What a shop asks for.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    base::time::Time,
    license::model::Customer,
    marketplace::event::{
        Charging, Event, OrderRef, PlanRef, Purchase, PurchaseAnswer, PurchaseDetails, Release, Renewal, RenewalCause,
        StatusChange, StatusTarget, Subject, Upgrade,
    },
};

/// Characters of an id, a name or a parameter.
const TEXT_CHARS: usize = 64;
/// Parameters of a purchase.
const PARAMETERS: usize = 20;

/// A call, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// Somebody bought.
    Purchase {
        /// The shop's id of the order: the same again is the same license.
        order: String,
        /// `product/plan`.
        plan: String,
        /// How many.
        #[serde(default)]
        quantity: Option<u32>,
        /// The end; without one it is for good.
        #[serde(default)]
        expires_at: Option<Time>,
        /// A trial.
        #[serde(default)]
        trial: bool,
        /// Who bought.
        #[serde(default)]
        customer: Buyer,
        /// What the buyer typed, by the names that plans bind to.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    },
    /// Somebody renewed.
    Renew {
        /// The order.
        order: String,
        /// The instance.
        instance: String,
        /// The new end.
        expires_at: Time,
    },
    /// Another plan or quantity.
    Upgrade {
        /// The order.
        order: String,
        /// The instance.
        instance: String,
        /// `product/plan`; left out: the same.
        #[serde(default)]
        plan: Option<String>,
        /// How many; left out: as many.
        #[serde(default)]
        quantity: Option<u32>,
    },
    /// Hold the license.
    Freeze {
        /// The instance.
        instance: String,
    },
    /// Lift the hold.
    Unfreeze {
        /// The instance.
        instance: String,
    },
    /// End the license for good.
    Release {
        /// The instance.
        instance: String,
        /// The refund's order.
        #[serde(default)]
        order: Option<String>,
    },
    /// How does it stand?
    Query {
        /// The instance.
        instance: String,
    },
}

/// Who bought.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// The shop's id of them.
    #[serde(default)]
    id: Option<String>,
    /// Their name.
    #[serde(default)]
    name: Option<String>,
}

/// Reads a body.
///
/// # Errors
/// What of it cannot be read, in a sentence.
pub fn read(body: &[u8]) -> Result<Call, String> {
    let call: Call = serde_json::from_slice(body).map_err(|error| format!("the body cannot be read: {error}"))?;
    call.checked()
}

impl Call {
    /// The name of what is asked.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Purchase { .. } => "purchase",
            Self::Renew { .. } => "renew",
            Self::Upgrade { .. } => "upgrade",
            Self::Freeze { .. } => "freeze",
            Self::Unfreeze { .. } => "unfreeze",
            Self::Release { .. } => "release",
            Self::Query { .. } => "query",
        }
    }

    /// The order it names.
    pub fn order(&self) -> Option<&str> {
        match self {
            Self::Purchase { order, .. } | Self::Renew { order, .. } | Self::Upgrade { order, .. } => Some(order),
            Self::Release { order, .. } => order.as_deref(),
            Self::Freeze { .. } | Self::Unfreeze { .. } | Self::Query { .. } => None,
        }
    }

    /// The instance it names.
    pub fn instance(&self) -> Option<&str> {
        match self {
            Self::Purchase { .. } => None,
            Self::Renew { instance, .. }
            | Self::Upgrade { instance, .. }
            | Self::Freeze { instance }
            | Self::Unfreeze { instance }
            | Self::Release { instance, .. }
            | Self::Query { instance } => Some(instance),
        }
    }

    fn checked(self) -> Result<Self, String> {
        let mut texts: Vec<(&str, &str)> = Vec::new();
        texts.extend(self.order().map(|text| ("order", text)));
        texts.extend(self.instance().map(|text| ("instance", text)));
        if let Self::Purchase { customer, parameters, .. } = &self {
            texts.extend(customer.id.as_deref().map(|text| ("customer.id", text)));
            texts.extend(customer.name.as_deref().map(|text| ("customer.name", text)));
            texts.extend(parameters.iter().flat_map(|(name, text)| [("parameters", &**name), ("parameters", &**text)]));
            if parameters.len() > PARAMETERS {
                return Err(format!("`parameters` has more than {PARAMETERS} members"));
            }
        }
        let bad = |text: &str| !(1..=TEXT_CHARS).contains(&text.chars().count()) || text.chars().any(char::is_control);
        match texts.into_iter().find(|(_, text)| bad(text)) {
            Some((name, _)) => Err(format!("`{name}` must have 1 to {TEXT_CHARS} characters of text")),
            None => Ok(self),
        }
    }

    /// The same in the license's own words.
    pub fn event(&self) -> Event {
        let order = |order: &str| OrderRef { order_id: order.to_owned(), line_id: None };
        let subject = |instance: &str| Subject::Instance(instance.to_owned());
        let named = |plan: &str| PlanRef { product_id: None, sku_code: Some(plan.to_owned()) };
        match self {
            Self::Purchase { order: id, plan, quantity, expires_at, trial, customer, parameters } => {
                let details = PurchaseDetails {
                    customer: Customer { id: customer.id.clone(), name: customer.name.clone() },
                    expires_at: *expires_at,
                    charging: expires_at.is_none().then_some(Charging::OneTime),
                    quantity: *quantity,
                    trial: *trial,
                    extension: parameters.clone().into_iter().collect(),
                    ..PurchaseDetails::default()
                };
                Event::Purchase(Purchase {
                    order: order(id),
                    business_id: String::new(),
                    plan: named(plan),
                    details: Some(details),
                    wants: PurchaseAnswer::LicenseCode,
                })
            }
            Self::Renew { order: id, instance, expires_at } => Event::Renewal(Renewal {
                order: order(id),
                subject: subject(instance),
                cause: RenewalCause::Renewal,
                plan: PlanRef::default(),
                expires_at: Some(*expires_at),
                period: None,
            }),
            Self::Upgrade { order: id, instance, plan, quantity } => Event::Upgrade(Upgrade {
                order: order(id),
                subject: subject(instance),
                plan: plan.as_deref().map(named).unwrap_or_default(),
                quantity: *quantity,
            }),
            Self::Freeze { instance } => {
                Event::Status(StatusChange { subject: subject(instance), target: StatusTarget::Frozen })
            }
            Self::Unfreeze { instance } => {
                Event::Status(StatusChange { subject: subject(instance), target: StatusTarget::Unfrozen })
            }
            Self::Release { instance, order: id } => {
                Event::Release(Release { subject: subject(instance), order: id.as_deref().map(order) })
            }
            Self::Query { instance } => Event::Query(vec![instance.clone()]),
        }
    }
}
