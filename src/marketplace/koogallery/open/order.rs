//! An order's details: `order/query`. Calls that carry only ids (client, SaaS 2.0) are understood by it.

use serde_json::Value;

use crate::{
    base::{limits, time::Time},
    license::model::Customer,
    marketplace::{
        event::{Charging, OrderRef, PlanRef, PurchaseDetails},
        koogallery::clean,
    },
};

use super::{
    Call,
    read::{list, period, text, time},
};

/// Lines of an order, and goods of a line, that are read.
const MOST: usize = 100;

/// What an order is.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Its id.
    pub order_id: String,
    /// What was ordered.
    pub kind: OrderKind,
    /// When.
    pub created_at: Option<Time>,
    /// What it holds.
    pub lines: Vec<Line>,
    /// Who bought.
    pub buyer: Buyer,
    /// What the buyer typed into the fields the merchant defined.
    pub extension: Vec<(String, String)>,
}

/// `orderType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// `NEW`
    New,
    /// `TRIAL`
    Trial,
    /// `TRIAL_TO_FORMAL`
    TrialToFormal,
    /// `UNSUBSCRIBE`
    Unsubscribe,
    /// `RENEW`
    Renew,
    /// `CHANGE`
    Change,
    /// One that is not documented.
    Other,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its id.
    pub line_id: Option<String>,
    /// How it is paid.
    pub charging: Option<Charging>,
    /// For how long.
    pub period: Option<crate::license::plan::Term>,
    /// Its end.
    pub expires_at: Option<Time>,
    /// What is sold.
    pub goods: Vec<Good>,
}

/// One of the goods of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Good {
    /// Which ids name the plan.
    pub plan: PlanRef,
    /// Quantity (`linearValue`).
    pub quantity: Option<u32>,
}

/// Who bought, and where they can be reached, as far as the marketplace tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buyer {
    /// The customer.
    pub customer: Customer,
    /// An address, in clear.
    pub email: Option<String>,
}

/// Asks for an order, or for one line of it.
pub fn query(order: &OrderRef) -> Call {
    let mut query = vec![("orderId", order.order_id.as_str())];
    query.extend(order.line_id.as_deref().map(|line| ("orderLineId", line)));
    Call::get("/v1/order/query", &query)
}

/// Reads the answer. `None`: there is no order in it.
pub fn read(answer: &Value) -> Option<Order> {
    let info = answer.get("orderInfo").filter(|info| info.is_object())?;
    Some(Order {
        order_id: text(info, "orderId")?,
        kind: kind(&text(info, "orderType").unwrap_or_default()),
        created_at: time(info, "createTime"),
        lines: list(info, "orderLine").iter().take(MOST).map(line).collect(),
        buyer: info.get("buyerInfo").map(buyer).unwrap_or_default(),
        extension: list(info, "extendParams").iter().take(limits::EXTENSION_PARAMETERS).filter_map(parameter).collect(),
    })
}

impl Order {
    /// The line called `line_id`; the only one where either has no name.
    pub fn line(&self, line_id: Option<&str>) -> Option<&Line> {
        match (line_id, self.lines.as_slice()) {
            (None, [only]) => Some(only),
            (Some(_), [only]) if only.line_id.is_none() => Some(only),
            (Some(id), lines) => lines.iter().find(|line| line.line_id.as_deref() == Some(id)),
            (None, _) => None,
        }
    }

    /// What `line` tells a purchase: the ids of its plan, and everything else.
    pub fn purchase(&self, line: &Line) -> Option<(PlanRef, PurchaseDetails)> {
        let good = line.goods.first()?;
        let details = PurchaseDetails {
            customer: self.buyer.customer.clone(),
            email: self.buyer.email.clone(),
            expires_at: line.expires_at,
            period: line.period,
            charging: line.charging,
            quantity: good.quantity,
            trial: self.kind == OrderKind::Trial,
            extension: self.extension.clone(),
        };
        Some((good.plan.clone(), details))
    }
}

impl OrderKind {
    /// As the marketplace writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Trial => "TRIAL",
            Self::TrialToFormal => "TRIAL_TO_FORMAL",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Renew => "RENEW",
            Self::Change => "CHANGE",
            Self::Other => "OTHER",
        }
    }
}

fn kind(word: &str) -> OrderKind {
    match word {
        "NEW" => OrderKind::New,
        "TRIAL" => OrderKind::Trial,
        "TRIAL_TO_FORMAL" => OrderKind::TrialToFormal,
        "UNSUBSCRIBE" => OrderKind::Unsubscribe,
        "RENEW" => OrderKind::Renew,
        "CHANGE" => OrderKind::Change,
        _ => OrderKind::Other,
    }
}

fn line(value: &Value) -> Line {
    let charging = match text(value, "chargingMode").as_deref() {
        Some("ON_DEMAND") => Some(Charging::OnDemand),
        Some("ONE_TIME") => Some(Charging::OneTime),
        Some("PERIOD") => Some(Charging::Period),
        Some("ON_DEMAND_PKG") => Some(Charging::Package),
        _ => None,
    };
    Line {
        line_id: text(value, "orderLineId"),
        charging,
        period: period(value),
        expires_at: time(value, "expireTime"),
        goods: list(value, "productInfo").iter().take(MOST).map(good).collect(),
    }
}

fn good(value: &Value) -> Good {
    Good {
        plan: PlanRef { product_id: text(value, "productId"), sku_code: text(value, "skuCode") },
        quantity: text(value, "linearValue").and_then(|text| whole(&text)),
    }
}

/// `5`, `5.0`: the samples have both.
fn whole(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    rest.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok()).flatten()
}

fn buyer(value: &Value) -> Buyer {
    let person = |name| text(value, name).map(|text| clean(&text)).filter(|text| !text.is_empty());
    let short = |text: String| text.chars().take(100).collect();
    let customer = Customer { id: person("customerId").map(short), name: person("customerName").map(short) };
    Buyer { customer, email: person("email").filter(|email| email.contains('@') && email.len() <= 254) }
}

fn parameter(value: &Value) -> Option<(String, String)> {
    let name = text(value, "name").map(|name| clean(&name)).filter(|name| !name.is_empty())?;
    let value = text(value, "value").map(|value| clean(&value)).unwrap_or_default();
    let value = value.chars().take(limits::EXTENSION_VALUE_CHARS).collect();
    Some((name.chars().take(64).collect(), value))
}
