//! How much is used: of licensed software (`software-usage-info`), and of goods that are paid by use (`usage-data`).

use serde_json::{Value, json};

use super::{Call, Repeat};

/// Licenses of one report, and clients of one license.
pub const REPORT_ITEMS: usize = 100;
/// Records of one push.
pub const PUSH_RECORDS: usize = 1_000;

/// Tells how many machines are active on each license code, at most [`REPORT_ITEMS`]. The marketplace keeps the newest
/// word, so that telling it twice does no harm.
pub fn report(active: &[(String, u32)]) -> Call {
    let items: Vec<Value> = active
        .iter()
        .map(|(code, number)| json!({ "license": code, "software_usage_Info": [{ "active_num": number }] }))
        .collect();
    Call::post("/v2/license/software-usage-info", &json!({ "usage_info": items }), Repeat::Harmless)
}

/// Hands over what was used of goods that are paid by use: at most [`PUSH_RECORDS`] records of the kind that
/// `queryInstance` answers, each with its instance id. A record that is handed over twice may be billed twice.
pub fn push(records: &[Value]) -> Call {
    Call::post("/v1/isv/usage-data", &json!({ "usageInfos": records }), Repeat::Never)
}
