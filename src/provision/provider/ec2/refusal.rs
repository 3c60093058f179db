//! What a cloud's refusal means.
//!
//! Three shapes are known: EC2's `<Response><Errors><Error>`, that of IAM and STS, `<ErrorResponse><Error>`, and
//! `<ErrorResponse><Errors><Error>`. So the first `Error` with a `Code` counts, wherever it stands.

use crate::provision::provider::error::Trouble;

use super::xml::Element;

/// What a refusal says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The cloud's code.
    pub code: Option<String>,
    /// The cloud's words.
    pub message: Option<String>,
    /// The call's id.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Reads a refusal's body; what is no XML says nothing.
    pub fn parse(body: &[u8]) -> Self {
        let Ok(root) = Element::parse(body) else { return Self::default() };
        let text = |element: &Element, name: &str| element.text(name).map(str::to_owned);
        let error = root.find("Error");
        let id = ["RequestID", "RequestId", "requestId"].into_iter().find_map(|name| root.find(name));
        Self {
            code: error.and_then(|error| text(error, "Code")),
            message: error.and_then(|error| text(error, "Message")),
            request_id: id.map(Element::content).filter(|id| !id.is_empty()).map(str::to_owned),
        }
    }

    /// What it means. `temporary`: the credentials were temporary ones, of which some clouds say that the request is over.
    pub fn trouble(&self, status: u16, temporary: bool) -> Trouble {
        let message = self.message.as_deref().unwrap_or_default();
        self.code.as_deref().and_then(|code| of_code(code, message, temporary)).unwrap_or(match status {
            401 => Trouble::Credentials,
            403 => Trouble::Permission,
            429 => Trouble::Throttled,
            500.. => Trouble::Unavailable,
            _ => Trouble::Unexpected,
        })
    }
}

/// What a code means; `None` for codes that nobody foresaw.
pub fn of_code(code: &str, message: &str, temporary: bool) -> Option<Trouble> {
    let skewed = message.contains("not yet current") || message.contains("Signature expired");
    Some(match code {
        "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "AuthFailure" if skewed => Trouble::Clock,
        // EC2 refuses an image of others with the code of wrong credentials.
        "AuthFailure" if message.contains("Not authorized for") => Trouble::Choice,
        "AuthFailure"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidSecurity"
        | "MissingAuthenticationToken"
        | "NotAuthenticated"
        | "UnrecognizedClientException"
        | "InvalidSecurityToken" => Trouble::Credentials,
        "RequestExpired" if !temporary => Trouble::Clock,
        "RequestTimeTooSkewed" => Trouble::Clock,
        "RequestExpired" | "ExpiredToken" | "ExpiredTokenException" => Trouble::Expired,
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" | "Client.UnauthorizedOperation" => {
            Trouble::Permission
        }
        "RequestLimitExceeded" | "Throttling" | "ThrottlingException" | "Client.RequestLimitExceeded" => {
            Trouble::Throttled
        }
        "PendingVerification" | "Blocked" | "OptInRequired" | "SubscriptionRequiredException" => Trouble::Payment,
        "IdempotentParameterMismatch" | "IdempotentInstanceTerminated" => Trouble::Attempt,
        "Unavailable" | "ServiceUnavailable" | "InternalError" | "InternalFailure" | "Server.InternalError" => {
            Trouble::Unavailable
        }
        "Unsupported"
        | "UnsupportedOperation"
        | "InvalidParameterCombination"
        | "InvalidParameterValue"
        | "InvalidInput"
        | "InvalidBlockDeviceMapping"
        | "VPCIdNotSpecified"
        | "InsufficientFreeAddressesInSubnet" => Trouble::Choice,
        _ => return of_form(code),
    })
}

/// Codes that follow a pattern.
fn of_form(code: &str) -> Option<Trouble> {
    let things = ["InvalidInstanceID", "InvalidVolume", "InvalidAllocationID", "InvalidAddress"];
    let choice = [".NotFound", ".Malformed", ".Unavailable", ".Duplicate", "NotFoundException"];
    if code.ends_with(".NotFound") && things.iter().any(|thing| code.starts_with(thing)) {
        Some(Trouble::NotFound)
    } else if code.starts_with("Invalid") && choice.iter().any(|end| code.ends_with(end)) {
        Some(Trouble::Choice)
    } else if code.contains("Insufficient") && code.ends_with("Capacity") || code.ends_with("InsufficientHostCapacity")
    {
        Some(Trouble::Capacity)
    } else if code.ends_with("LimitExceeded") || code.ends_with("QuotaExceeded") || code == "TooManyResources" {
        Some(Trouble::Quota)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec2_refusals_of_all_three_shapes_are_read() {
        let inner = "<Error><Code>AuthFailure</Code><Message>No &amp; no</Message></Error>";
        for body in [
            format!("<Response><Errors>{inner}</Errors><RequestID>r-1</RequestID></Response>"),
            format!(
                "<ErrorResponse xmlns=\"urn:x\"><Error><Type>Sender</Type>{}</Error><RequestId>r-1</RequestId></ErrorResponse>",
                &inner[7..inner.len() - 8]
            ),
            format!("<ErrorResponse><Errors>{inner}</Errors><RequestId>r-1</RequestId></ErrorResponse>"),
        ] {
            let refusal = Refusal::parse(body.as_bytes());
            assert_eq!(refusal.code.as_deref(), Some("AuthFailure"), "{body}");
            assert_eq!(refusal.message.as_deref(), Some("No & no"));
            assert_eq!(refusal.request_id.as_deref(), Some("r-1"));
        }
        for body in ["", "<html><body>Bad Gateway</body>", "{\"code\":1}", "<a/>"] {
            assert_eq!(Refusal::parse(body.as_bytes()), Refusal::default());
        }
    }

    #[test]
    fn ec2_codes_mean_what_a_customer_can_act_on() {
        let known = [
            ("UnauthorizedOperation", Trouble::Permission),
            ("AccessDenied", Trouble::Permission),
            ("IdempotentParameterMismatch", Trouble::Attempt),
            ("IdempotentInstanceTerminated", Trouble::Attempt),
            ("InvalidInstanceID.NotFound", Trouble::NotFound),
            ("RequestLimitExceeded", Trouble::Throttled),
            ("InsufficientInstanceCapacity", Trouble::Capacity),
            ("Server.InsufficientInstanceCapacity", Trouble::Capacity),
            ("VcpuLimitExceeded", Trouble::Quota),
            ("InstanceLimitExceeded", Trouble::Quota),
            ("Client.VolumeLimitExceeded", Trouble::Quota),
            ("Unsupported", Trouble::Choice),
            ("InvalidAMIID.NotFound", Trouble::Choice),
            ("InvalidInstanceType.NotFound", Trouble::Choice),
            ("InvalidKeyPair.NotFound", Trouble::Choice),
            ("InvalidParameterCombination", Trouble::Choice),
            ("OptInRequired", Trouble::Payment),
            ("PendingVerification", Trouble::Payment),
            ("Blocked", Trouble::Payment),
            ("AuthFailure", Trouble::Credentials),
            ("ExpiredToken", Trouble::Expired),
            ("InternalError", Trouble::Unavailable),
        ];
        for (code, trouble) in known {
            assert_eq!(of_code(code, "", false), Some(trouble), "{code}");
        }
        assert_eq!(of_code("SomethingNew", "", false), None);
    }

    #[test]
    fn ec2_codes_with_two_meanings_are_told_apart() {
        assert_eq!(of_code("RequestExpired", "", false), Some(Trouble::Clock));
        assert_eq!(of_code("RequestExpired", "", true), Some(Trouble::Expired));
        assert_eq!(of_code("SignatureDoesNotMatch", "Signature not yet current: …", false), Some(Trouble::Clock));
        assert_eq!(of_code("AuthFailure", "Not authorized for images: [ami-1]", false), Some(Trouble::Choice));
    }

    #[test]
    fn ec2_refusals_without_a_known_code_are_judged_by_status() {
        let judged = |status| Refusal::default().trouble(status, false);
        assert_eq!(
            [401, 403, 429, 502, 400].map(judged),
            [Trouble::Credentials, Trouble::Permission, Trouble::Throttled, Trouble::Unavailable, Trouble::Unexpected]
        );
    }
}
