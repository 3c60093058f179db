//! What an error answer says. The services write errors in five shapes; the rule that reads all of them is the official
//! SDK's: a code and a message that stand together, at this level or in what stands below.

use serde_json::Value;

use crate::provision::provider::error::Trouble;

/// A code and its explanation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `Ecs.0018`, `APIGW.0301`, `itemNotFound`.
    pub code: Option<String>,
    /// The cloud's words, not scrubbed.
    pub message: Option<String>,
    /// The request's id, where the body has it.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Reads an answer's body.
    pub fn parse(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let text = String::from_utf8_lossy(body).trim().to_owned();
            // A page of a proxy says nothing to people.
            let message = Some(text).filter(|text| !text.is_empty() && !text.starts_with('<'));
            return Self { message, ..Self::default() };
        };
        let request_id = ["request_id", "requestId"].iter().find_map(|name| value.get(name)?.as_str());
        let mut found = find(&value, "", 0).unwrap_or_default();
        found.request_id = request_id.map(str::to_owned);
        found
    }

    /// What it means, with the HTTP status where the code says nothing.
    pub fn trouble(&self, status: u16) -> Trouble {
        let message = self.message.as_deref().unwrap_or_default().to_lowercase();
        let code = self.code.as_deref().unwrap_or_default();
        by_code(code, &message).unwrap_or_else(|| by_status(status, &message))
    }
}

/// How deep an error may lie.
const DEPTH: usize = 6;

fn find(value: &Value, name: &str, depth: usize) -> Option<Refusal> {
    let object = value.as_object().filter(|_| depth < DEPTH)?;
    for (code, message) in [("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message")] {
        if let (Some(code), Some(message)) = (object.get(code), object.get(message).and_then(Value::as_str)) {
            let code = match code {
                Value::String(code) => Some(code.clone()),
                // A number is the HTTP status again: the title (IAM) or the name around it (Nova) says more.
                Value::Number(_) => object.get("title").and_then(Value::as_str).or(Some(name)).map(str::to_owned),
                _ => None,
            };
            let code = code.filter(|code| !code.is_empty());
            return Some(Refusal { code, message: Some(message.to_owned()), request_id: None });
        }
    }
    object.iter().find_map(|(name, value)| find(value, name, depth + 1))
}

/// What a code means; nothing for codes that nobody foresaw.
pub fn by_code(code: &str, message: &str) -> Option<Trouble> {
    if let Some(number) = code.strip_prefix("Ecs.") {
        return ecs(number);
    }
    Some(match code {
        "APIGW.0301" | "APIGW.0303" | "APIGW.0307" => gateway(message),
        "APIGW.0302" | "APIGW.0304" | "APIGW.0305" | "APIGW.0306" => Trouble::Permission,
        "APIGW.0308" => Trouble::Throttled,
        "APIGW.0201" | "APIGW.0202" | "APIGW.0203" => Trouble::Unavailable,
        "itemNotFound" | "VPC.0202" | "VPC.0504" => Trouble::NotFound,
        "overLimit" => Trouble::Throttled,
        _ => return None,
    })
}

fn gateway(message: &str) -> Trouble {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["expire", "invalid security token", "token is invalid"]) && !says(&["x-sdk-date", "signature expired"]) {
        Trouble::Expired
    } else if says(&["signature expired", "time skew", "the request time", "clock"]) {
        Trouble::Clock
    } else {
        Trouble::Credentials
    }
}

fn ecs(number: &str) -> Option<Trouble> {
    Some(match number {
        "0001" | "0013" | "0021" => Trouble::Quota,
        "0003" | "0066" | "0067" | "0069" | "7000" => Trouble::Payment,
        "0018" | "0319" => Trouble::Capacity,
        "0010" | "0011" | "0012" | "0014" | "0015" | "0016" | "0019" | "0027" | "0028" | "0029" | "0031" | "0032"
        | "0038" | "0039" | "0043" | "0044" | "0045" | "0064" | "0513" | "0605" => Trouble::Choice,
        "0110" => Trouble::Permission,
        "0114" => Trouble::NotFound,
        "0122" | "0123" | "0124" => Trouble::Attempt,
        "0401" | "0402" | "0403" | "0404" | "0405" => Trouble::Leftover,
        step if step.len() == 4 && ("0201"..="0219").contains(&step) => Trouble::Unexpected,
        _ => return None,
    })
}

fn by_status(status: u16, message: &str) -> Trouble {
    match status {
        401 if message.contains("expire") => Trouble::Expired,
        401 => Trouble::Credentials,
        // A missing right may be that to see quotas.
        403 if message.contains("quota") && !message.contains("policy doesn't allow") => Trouble::Quota,
        403 => Trouble::Permission,
        404 => Trouble::NotFound,
        429 => Trouble::Throttled,
        400 | 409 => Trouble::Choice,
        500.. => Trouble::Unavailable,
        _ => Trouble::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::servers(
        r#"{"error":{"message":"no","code":"Ecs.0319","details":[{"code":"X","message":"y"}]}}"#,
        "Ecs.0319",
        Trouble::Capacity
    )]
    #[case::gateway(
        r#"{"error_msg":"verify aksk signature fail","error_code":"APIGW.0301","request_id":"r"}"#,
        "APIGW.0301",
        Trouble::Credentials
    )]
    #[case::networks(r#"{"code":"VPC.0202","message":"not found"}"#, "VPC.0202", Trouble::NotFound)]
    #[case::nova(r#"{"itemNotFound":{"code":404,"message":"gone"}}"#, "itemNotFound", Trouble::NotFound)]
    #[case::iam(
        r#"{"error":{"code":401,"message":"bad","title":"Unauthorized"}}"#,
        "Unauthorized",
        Trouble::Credentials
    )]
    #[case::camel(r#"{"errorCode":"Ecs.0001","errorMsg":"full"}"#, "Ecs.0001", Trouble::Quota)]
    fn huawei_errors_are_read_in_every_shape(#[case] body: &str, #[case] code: &str, #[case] trouble: Trouble) {
        let refusal = Refusal::parse(body.as_bytes());
        assert_eq!(refusal.code.as_deref(), Some(code));
        let status = if trouble == Trouble::Credentials { 401 } else { 400 };
        assert_eq!(refusal.trouble(status), trouble);
    }

    #[test]
    fn regression_huawei_a_missing_right_to_see_quotas_is_no_quota() {
        let refused = |message: &str| Refusal { message: Some(message.to_owned()), ..Refusal::default() }.trouble(403);
        let right = "Policy doesn't allow ecs:cloudServerQuotas:get to be performed.";
        assert_eq!((refused(right), refused("Quota exceeded")), (Trouble::Permission, Trouble::Quota));
    }

    #[rstest]
    #[case("0001", Trouble::Quota)]
    #[case("0003", Trouble::Payment)]
    #[case("0018", Trouble::Capacity)]
    #[case("0066", Trouble::Payment)]
    #[case("0110", Trouble::Permission)]
    #[case("0114", Trouble::NotFound)]
    #[case("0122", Trouble::Attempt)]
    #[case("0210", Trouble::Unexpected)]
    #[case("0401", Trouble::Leftover)]
    #[case("0405", Trouble::Leftover)]
    #[case("7000", Trouble::Payment)]
    fn huawei_codes_mean_something(#[case] number: &str, #[case] trouble: Trouble) {
        assert_eq!(by_code(&format!("Ecs.{number}"), ""), Some(trouble));
    }

    #[test]
    fn huawei_what_is_no_json_is_read_by_its_status() {
        let refusal = Refusal::parse(b"<html>bad gateway</html>");
        assert_eq!((refusal.message.as_deref(), refusal.trouble(502)), (None, Trouble::Unavailable));
        assert_eq!(Refusal::parse(b"[]").trouble(429), Trouble::Throttled);
    }
}
