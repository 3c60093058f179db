//! Codes that the marketplace made (license code 2.0): activate one, ask how it stands, and tell how much it is used.

use serde_json::{Value, json};

use crate::base::time::Time;

use super::{
    Call, Repeat,
    read::{any, text, time},
};

/// Codes of one report of use.
pub const REPORT_CODES: usize = 100;

/// Activates `code`. That closes the order's supervision and ends the buyer's right to a negotiated refund, and a second
/// activation is refused ([`State`](super::RefusalKind::State)): after a lost answer, [`query`] before deciding.
pub fn activate(code: &str) -> Call {
    Call::post("/v1/license/activate", &json!({ "license": code }), Repeat::Never)
}

/// What an activation says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
        amount: text(&info, "amount").and_then(|text| text.parse().ok()).filter(|amount| *amount > 0),
        order_id: text(&info, "order_id"),
        expires_at: time(&info, "expire_time"),
    })
}

/// Asks how `code` stands; to be called on the first use of each day.
pub fn query(code: &str) -> Call {
    Call::post("/v1/license/heartbeat", &json!({ "license": code }), Repeat::Harmless)
}

/// How a code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeStanding {
    /// Its state; there is no word for frozen.
    pub status: CodeStatus,
    /// When it was activated; `None`: never, as far as the answer says.
    pub activated_at: Option<Time>,
    /// Its end.
    pub expires_at: Option<Time>,
}

/// The state of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeStatus {
    /// In its term. May be frozen all the same.
    Alive,
    /// Its term is over.
    Expired,
    /// It ended for good.
    Released,
}

/// Reads the answer to [`query`]. `None`: it says no state that is documented.
pub fn read_standing(answer: &Value) -> Option<CodeStanding> {
    let data = answer.get("data")?;
    let status = match text(data, "status")?.as_str() {
        "ALIVE" => CodeStatus::Alive,
        "EXPIRED" => CodeStatus::Expired,
        "RELEASED" => CodeStatus::Released,
        _ => return None,
    };
    let instant = |names: &[&str]| any(data, names).and_then(|text| Time::parse_compact(&text).ok());
    Some(CodeStanding {
        status,
        activated_at: instant(&["activate_time", "activateTime"]),
        expires_at: instant(&["expire_time", "expireTime", "expired_time"]),
    })
}

/// Tells how many machines are active on each license code, at most [`REPORT_CODES`] of them. The marketplace keeps the newest
/// word, so that telling it twice does no harm.
pub fn report(active: &[(String, u32)]) -> Call {
    let item =
        |(code, number): &(String, u32)| json!({ "license": code, "software_usage_Info": [{ "active_num": number }] });
    let items: Vec<Value> = active.iter().map(item).collect();
    Call::post("/v2/license/software-usage-info", &json!({ "usage_info": items }), Repeat::Harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activation_is_json_within_a_text() {
        let info =
            r#"{"status":"ALIVE","expire_time":"20270302080000","product_id":"P-1","amount":2,"order_id":"CS1"}"#;
        let told = Activated {
            product_id: Some("P-1".to_owned()),
            amount: Some(2),
            order_id: Some("CS1".to_owned()),
            expires_at: Time::parse_compact("20270302080000").ok(),
        };
        let parsed: Value = serde_json::from_str(info).unwrap();
        for info in [json!(info), parsed] {
            assert_eq!(read_activated(&json!({ "data": { "license_code_info": info } })), Some(told.clone()));
        }
        for info in [json!("ALIVE"), json!(7), Value::Null] {
            assert_eq!(read_activated(&json!({ "data": { "license_code_info": info } })), None);
        }
        let nothing = read_activated(&json!({ "data": { "license_code_info": "{\"amount\":0}" } }));
        assert_eq!(nothing, Some(Activated::default()));
    }

    #[test]
    fn a_standing_has_three_states_and_nothing_else_is_one() {
        let read = |data: Value| read_standing(&json!({ "data": data }));
        let told =
            read(json!({ "status": "ALIVE", "activate_time": "20260302080000", "expire_time": "20270302080000" }));
        let told = told.unwrap();
        assert_eq!((told.status, told.activated_at.is_some()), (CodeStatus::Alive, true));
        assert_eq!(told.expires_at, Time::parse_compact("20270302080000").ok());
        for (text, status) in [("EXPIRED", CodeStatus::Expired), ("RELEASED", CodeStatus::Released)] {
            let told = read(json!({ "status": text }));
            assert_eq!(told, Some(CodeStanding { status, activated_at: None, expires_at: None }));
        }
        assert_eq!((read(json!({ "status": "FROZEN" })), read(json!({}))), (None, None));
    }

    #[test]
    fn only_an_activation_must_not_be_repeated() {
        let calls = [activate("PLTEST0001"), query("PLTEST0001"), report(&[("PLTEST0001".to_owned(), 3)])];
        assert_eq!(calls.each_ref().map(|call| call.repeat), [Repeat::Never, Repeat::Harmless, Repeat::Harmless]);
        let body: Value = serde_json::from_slice(&calls[2].body).unwrap();
        let expected =
            json!({ "usage_info": [{ "license": "PLTEST0001", "software_usage_Info": [{ "active_num": 3 }] }] });
        assert_eq!(body, expected);
    }
}
