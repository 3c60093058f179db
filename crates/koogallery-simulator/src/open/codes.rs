//! License codes 2.0: which there are, who activated them, and how they stand.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::signature::Arrived;

/// A license code of the marketplace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// The goods.
    pub product_id: String,
    /// Quantity.
    pub amount: u32,
    /// The order.
    pub order_id: String,
    /// The estimate of an activation: `yyyyMMddHHmmss`.
    pub estimate: String,
    /// The end of the term, which only the query tells: `yyyyMMddHHmmss`; empty: it tells none.
    pub end: String,
    /// Whether the buyer collected it.
    pub is_collected: bool,
    /// How often it was activated: a second time is refused.
    pub activations: u32,
    /// The state that the query tells; empty: `ALIVE`.
    pub status: String,
    /// The machines that were last told to use it.
    pub active: Option<u64>,
}

impl Code {
    /// A code that its buyer has collected and nobody has activated.
    pub fn collected(product_id: &str, amount: u32, order_id: &str, end: &str) -> Self {
        Self {
            product_id: product_id.to_owned(),
            amount,
            order_id: order_id.to_owned(),
            estimate: end.to_owned(),
            end: end.to_owned(),
            is_collected: true,
            ..Self::default()
        }
    }
}

type Answer = (u16, Value);

fn refused(code: &str, why: &str) -> Answer {
    (200, json!({ "error_code": code, "error_msg": why }))
}

fn done(data: &Value) -> Answer {
    (200, json!({ "error_code": "92020000", "error_msg": "success", "data": data }))
}

fn named(call: &Arrived<'_>) -> Option<String> {
    let body: Value = serde_json::from_slice(call.body).ok()?;
    Some(body["license"].as_str()?.to_owned()).filter(|text| (1..=64).contains(&text.len()))
}

pub(super) fn activate(codes: &mut HashMap<String, Code>, call: &Arrived<'_>) -> Answer {
    let Some(text) = named(call) else { return refused("92020002", "license") };
    let Some(code) = codes.get_mut(&text) else { return refused("92020005", "no such code") };
    if !code.is_collected {
        return refused("92020004", "not collected");
    }
    if code.activations > 0 || !["", "ALIVE"].contains(&code.status.as_str()) {
        return refused("92020003", "illegal state");
    }
    code.activations += 1;
    let info = json!({
        "status": "ALIVE", "expire_time": code.estimate, "product_id": code.product_id, "amount": code.amount,
        "order_id": code.order_id,
    });
    done(&json!({ "license_code_info": info.to_string() }))
}

pub(super) fn heartbeat(codes: &HashMap<String, Code>, call: &Arrived<'_>) -> Answer {
    let Some(text) = named(call) else { return refused("92020002", "license") };
    let Some(code) = codes.get(&text) else { return refused("92020005", "no such code") };
    if !code.is_collected {
        return refused("92020004", "not collected");
    }
    let status = if code.status.is_empty() { "ALIVE" } else { &code.status };
    let mut data = json!({ "license_code": text, "status": status });
    if code.activations > 0 {
        data["activate_time"] = json!("20260302080000");
    }
    if !code.end.is_empty() {
        data["expire_time"] = json!(code.end);
    }
    done(&data)
}

pub(super) fn usage(codes: &mut HashMap<String, Code>, call: &Arrived<'_>) -> Answer {
    let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
    let items = body["usage_info"].as_array().cloned().unwrap_or_default();
    if !(1..=100).contains(&items.len()) {
        return refused("92020002", "usage_info");
    }
    for item in &items {
        let code = item["license"].as_str().and_then(|text| codes.get_mut(text));
        let (Some(code), Some(active)) = (code, item["software_usage_Info"][0]["active_num"].as_u64()) else {
            return refused("92020002", "usage_info");
        };
        code.active = Some(active);
    }
    (200, json!({ "error_code": "92020000", "error_msg": "success" }))
}
