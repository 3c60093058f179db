//! Codes that the marketplace made (license code 2.0): activate one, and ask how it stands.

use serde_json::{Value, json};

use crate::base::time::Time;

use super::{
    Call, Repeat,
    read::{any, text, time},
};

/// Activates `code`. That closes the order's supervision and ends the buyer's right to a negotiated refund, and a second
/// activation is refused ([`State`](super::RefusalKind::State)): after a lost answer, [`query`] before deciding.
pub fn activate(code: &str) -> Call {
    Call::post("/v1/license/activate", &json!({ "license": code }), Repeat::Never)
}

/// What an activation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// The marketplace's id of the goods.
    pub product_id: Option<String>,
    /// Quantity.
    pub amount: Option<u32>,
    /// The order by which it was bought.
    pub order_id: Option<String>,
    /// An estimate: [`query`] knows better.
    pub expires_at: Option<Time>,
}

/// Reads the answer to [`activate`]: `license_code_info` is JSON inside a text.
pub fn read_activated(answer: &Value) -> Option<Activated> {
    let info = answer.get("data")?.get("license_code_info")?;
    let parsed = info.as_str().and_then(|text| serde_json::from_str(text).ok());
    let info: Value = parsed.unwrap_or_else(|| info.clone());
    info.is_object().then(|| Activated {
        product_id: text(&info, "product_id"),
        amount: text(&info, "amount").and_then(|text| text.parse().ok()),
        order_id: text(&info, "order_id"),
        expires_at: time(&info, "expire_time"),
    })
}

/// Asks how `code` stands; to be called on the first use of each day.
pub fn query(code: &str) -> Call {
    Call::post("/v1/license/heartbeat", &json!({ "license": code }), Repeat::Harmless)
}

/// How a code stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state; there is no word for frozen.
    pub status: Status,
    /// When it was activated; `None`: never.
    pub activated_at: Option<Time>,
    /// Its end.
    pub expires_at: Option<Time>,
}

/// The state of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In its term. May be frozen all the same.
    Alive,
    /// Its term is over.
    Expired,
    /// It ended for good.
    Released,
}

/// Reads the answer to [`query`]. `None`: it says no state that is documented.
pub fn read_standing(answer: &Value) -> Option<Standing> {
    let data = answer.get("data")?;
    let status = match text(data, "status")?.as_str() {
        "ALIVE" => Status::Alive,
        "EXPIRED" => Status::Expired,
        "RELEASED" => Status::Released,
        _ => return None,
    };
    let instant = |names: &[&str]| any(data, names).and_then(|text| Time::parse_compact(&text).ok());
    Some(Standing {
        status,
        activated_at: instant(&["activate_time", "activateTime"]),
        expires_at: instant(&["expire_time", "expireTime", "expired_time"]),
    })
}
