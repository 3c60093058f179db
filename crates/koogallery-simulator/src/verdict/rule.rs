//! The rules and how a checked one is told.

use std::fmt;

use serde::Serialize;

/// How a rule came out; a worse outcome compares greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it must be.
    Pass,
    /// Not forbidden, but worth knowing.
    Note,
    /// The marketplace would not accept it.
    Fail,
}

/// One thing the marketplace checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A complete answer came.
    Answered,
    /// It came within 5 s.
    InTime,
    /// HTTP status 200.
    Status,
    /// `application/json`.
    ContentType,
    /// A header named `Body-Sign`, in exactly that case.
    SignaturePresent,
    /// `sign_type="HMAC-SHA256", signature="…"`.
    SignatureFormat,
    /// The signature holds over the exact bytes of the body.
    SignatureValue,
    /// The body is one JSON object.
    Json,
    /// `resultCode` has 6 digits.
    ResultCode,
    /// `resultMsg` is there and at most 255 characters.
    ResultMessage,
    /// The code is one that was expected.
    ExpectedCode,
    /// `instanceId`, at most 64 characters.
    InstanceId,
    /// `license`, not empty.
    License,
    /// `encryptType` `1` or `2`.
    EncryptType,
    /// `appInfo` is an object.
    AppInfo,
    /// `frontEndUrl`, at most 512 characters.
    FrontEndUrl,
    /// `adminUrl`, at most 512 characters.
    AdminUrl,
    /// `userName`, at most 128 characters, encrypted in SaaS 1.0.
    UserName,
    /// `password`, at most 128 characters, encrypted in SaaS 1.0.
    Password,
    /// `memo`, at most 1,024 characters, Chinese as `\uXXXX`.
    Memo,
    /// `info` has a row for every instance that was asked for.
    Info,
    /// `usageInfo`: values, times, ids.
    UsageInfo,
    /// A repeated order answers the same instance.
    SameInstance,
    /// A repeated order answers the same license, byte for byte.
    SameLicense,
}

impl Rule {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::InTime => "in time",
            Self::Status => "HTTP status",
            Self::ContentType => "content type",
            Self::SignaturePresent => "Body-Sign header",
            Self::SignatureFormat => "Body-Sign format",
            Self::SignatureValue => "Body-Sign value",
            Self::Json => "JSON object",
            Self::ResultCode => "resultCode",
            Self::ResultMessage => "resultMsg",
            Self::ExpectedCode => "expected code",
            Self::InstanceId => "instanceId",
            Self::License => "license",
            Self::EncryptType => "encryptType",
            Self::AppInfo => "appInfo",
            Self::FrontEndUrl => "frontEndUrl",
            Self::AdminUrl => "adminUrl",
            Self::UserName => "userName",
            Self::Password => "password",
            Self::Memo => "memo",
            Self::Info => "info",
            Self::UsageInfo => "usageInfo",
            Self::SameInstance => "same instance",
            Self::SameLicense => "same license",
        }
    }

    /// What to do when it fails.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Answered => {
                "Check that the service runs and is reachable from the internet; the marketplace reads this as \
                 no answer and retries."
            }
            Self::InTime => "Answer first and do slow work afterwards: 000004 says that it is in progress.",
            Self::Status => "Answer HTTP 200 always, errors included; the result code carries the verdict.",
            Self::ContentType => "Send Content-Type: application/json on every answer.",
            Self::SignaturePresent => {
                "Send the header Body-Sign in exactly that case; many HTTP/1.1 servers write lower case unless told \
                 otherwise, and a proxy may fold it too."
            }
            Self::SignatureFormat => {
                "Write sign_type=\"HMAC-SHA256\", signature=\"<base64>\" with both pairs of quotes."
            }
            Self::SignatureValue => {
                "Sign the bytes that are sent with this product's access key, and let nothing change them \
                 afterwards: no compression, no new line, no second serialisation."
            }
            Self::Json => "Answer one JSON object in UTF-8.",
            Self::ResultCode => "Send resultCode as a string of 6 digits.",
            Self::ResultMessage => "Send resultMsg as a string of at most 255 characters.",
            Self::ExpectedCode => "See resultMsg and the service's log for why it answered so.",
            Self::InstanceId => "Send instanceId as a string of 1 to 64 characters, unique for each order.",
            Self::License => "Send license as a string that is not empty.",
            Self::EncryptType => "Send encryptType \"1\" for AES-256 or \"2\" for AES-128.",
            Self::AppInfo => "Send appInfo as an object with at least frontEndUrl.",
            Self::FrontEndUrl => "Send frontEndUrl as an http or https address of at most 512 characters.",
            Self::AdminUrl => "Keep adminUrl an http or https address of at most 512 characters, or leave it out.",
            Self::UserName => {
                "Keep userName within 128 characters; in SaaS 1.0 that counts the ciphertext: 16 characters of \
                 vector, then base64 of AES-CBC with PKCS5 padding."
            }
            Self::Password => {
                "Keep password within 128 characters; in SaaS 1.0 that counts the ciphertext: 16 characters of \
                 vector, then base64 of AES-CBC with PKCS5 padding."
            }
            Self::Memo => "Keep memo within 1,024 characters and write Chinese as \\uXXXX.",
            Self::Info => "Answer info as an array with one row for each instance that was asked for.",
            Self::UsageInfo => {
                "Send usageValue as a number with at most 8 digits before and 4 after the point, and statisticalTime \
                 as yyyyMMddHHmmssSSS in UTC."
            }
            Self::SameInstance => {
                "Recognise a repeated purchase by its orderId, never by businessId, and answer the first instanceId."
            }
            Self::SameLicense => {
                "Recognise a repeated purchase by its orderId, and answer the license of the first answer for ever."
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One checked rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleResult {
    /// Which rule.
    pub rule: Rule,
    /// How it came out.
    pub outcome: Outcome,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// What to do; empty when it passed.
    pub advice: String,
}
