//! Errors as JSON:API writes them (jsonapi.org §Errors), with the codes that published clients know.

use axum::http::StatusCode;
use serde::Serialize;

use crate::{
    license::activation::Reason,
    usecase::{
        Failure,
        keygen::{Denied, machine::Refusal},
    },
};

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorObject {
    /// What kind, for people.
    pub title: &'static str,
    /// What happened here, and what to do.
    pub detail: String,
    /// A stable name for programs.
    pub code: &'static str,
    /// What of the request is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// What of a request an error means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// A parameter of the query.
    Parameter(String),
    /// A header.
    Header(&'static str),
}

/// A request that is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: StatusCode,
    /// Why. Published clients look at this one only, so there is one.
    pub error: Box<ErrorObject>,
    /// Seconds after which the same may succeed.
    pub retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Errors<'a> {
    errors: [&'a ErrorObject; 1],
}

impl Fault {
    /// An error with `code`.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let error = Box::new(ErrorObject { title, detail: detail.into(), code, source: None });
        Self { status, error, retry_after: None }
    }

    /// The same, about a part of the request.
    pub fn at(mut self, source: Source) -> Self {
        self.error.source = Some(source);
        self
    }

    /// The same, not before so many seconds.
    pub fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&Errors { errors: [&self.error] }).unwrap_or_default()
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found", detail)
    }

    /// 404 for what the contract has and this door has not.
    pub fn not_supported(what: &str) -> Self {
        let detail = format!("{what} is not covered here: docs/keygen.md lists what is, and what takes its place.");
        Self::new(StatusCode::NOT_FOUND, "NOT_SUPPORTED", "Not supported", detail)
    }

    /// 400.
    pub fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "Bad request", detail)
    }

    /// 400 about a parameter of the query.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::bad("PARAMETERS_INVALID", detail).at(Source::Parameter(name.to_owned()))
    }

    /// 400 about a part of the body.
    pub fn pointer(pointer: &str, detail: impl Into<String>) -> Self {
        Self::bad("PARAMETERS_INVALID", detail).at(Source::Pointer(pointer.to_owned()))
    }

    /// 422.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, "Unprocessable resource", detail)
    }

    /// 401.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, "Unauthorized", detail).at(Source::Header("Authorization"))
    }

    /// 403.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "Access denied", detail)
    }

    /// 500, of which the log knows more.
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side and was logged. Look whether it was done before you try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "Internal server error", detail)
    }

    /// 503: try again.
    pub fn unavailable() -> Self {
        let detail = "The database does not answer, and nothing was changed. Try again in a few seconds.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "Temporarily unavailable", detail).after(2)
    }

    /// 408: the request did not come, or could not be carried out, in time.
    pub fn too_slow() -> Self {
        let detail = "The request did not arrive, or could not be carried out, in time. Send it again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "Request timeout", detail)
    }
}

/// Logs the failure, once.
impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let is_temporary = match &failure {
            Failure::Stale => true,
            Failure::Store(error) => error.is_temporary(),
            Failure::Seal(_) | Failure::Missing(_) => false,
        };
        if is_temporary {
            tracing::warn!("a request could not be carried out: {failure}");
            Self::unavailable()
        } else {
            tracing::error!("a request failed: {failure}");
            Self::internal()
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::LicenseInvalid => {
                Self::unauthorized("LICENSE_INVALID", "There is no such license key: compare it.")
            }
            Denied::CodeRevoked => Self::unauthorized(
                "LICENSE_INVALID",
                "This license code is no longer good: use the newest code of the license, or its key.",
            ),
            Denied::LicenseSuspended => {
                Self::forbidden("LICENSE_SUSPENDED", "The license is suspended: renew it, or ask who sold it.")
            }
            Denied::TokenFormatInvalid => {
                Self::unauthorized("TOKEN_FORMAT_INVALID", "This is no token: tokens begin with `sgt_`.")
            }
            Denied::TokenInvalid => Self::unauthorized("TOKEN_INVALID", "There is no such token, or it was revoked."),
            Denied::TokenExpired => Self::unauthorized("TOKEN_EXPIRED", "The token expired: make another one."),
            Denied::TokenNotAllowed => Self::forbidden(
                "TOKEN_NOT_ALLOWED",
                "The token is not for this product's door: make one with `--scope keygen --product`.",
            ),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found("There is no such license here."),
            Refusal::FingerprintTaken => Self::unprocessable(
                "FINGERPRINT_TAKEN",
                "has already been taken: a machine with this fingerprint has a seat of the license",
            )
            .at(Source::Pointer("/data/attributes/fingerprint".to_owned())),
            Refusal::Rule(reason, wait) => {
                let fault = of_reason(reason);
                match wait {
                    Some(seconds) => fault.after(seconds.into()),
                    None => fault,
                }
            }
        }
    }
}

/// What a rule of activation is called here.
fn of_reason(reason: Reason) -> Fault {
    let data = || Source::Pointer("/data".to_owned());
    match reason {
        Reason::MachineLimit => Fault::unprocessable(
            "MACHINE_LIMIT_EXCEEDED",
            "machine count has exceeded the maximum allowed by the license: deactivate one, or buy more",
        )
        .at(data()),
        Reason::ActivationCycling => Fault::unprocessable(
            "MACHINE_LIMIT_EXCEEDED",
            "machine count has exceeded the new machines that the license may see within a day: try again later",
        )
        .at(data()),
        Reason::LeaseEnded => Fault::unprocessable(
            "MACHINE_HEARTBEAT_DEAD",
            "machine heartbeat is dead: its seat went back when its lease ended, activate it again",
        )
        .at(data()),
        Reason::LicenseExpired => Fault::forbidden("LICENSE_EXPIRED", "The license is expired: renew it."),
        Reason::LicenseFrozen => {
            Fault::forbidden("LICENSE_SUSPENDED", "The license is suspended: renew it, or ask who sold it.")
        }
        Reason::DeviceMismatch => Fault::forbidden(
            "LICENSE_NOT_ALLOWED",
            "The license is bound to another device: its fingerprint must be that device's name.",
        ),
        Reason::MachineUnknown | Reason::MachineMismatch => Fault::not_found("There is no such machine here."),
        Reason::LicenseMalformed
        | Reason::LicenseNotFound
        | Reason::NotRedeemed
        | Reason::LicenseReleased
        | Reason::ProductMismatch => Denied::LicenseInvalid.into(),
        Reason::CodeRevoked => Denied::CodeRevoked.into(),
        Reason::VersionNotAllowed
        | Reason::FeatureMissing
        | Reason::MeterUnknown
        | Reason::ReportConflict
        | Reason::ReportLimit
        | Reason::UsageLimit
        | Reason::Valid => Fault::forbidden("LICENSE_NOT_ALLOWED", "The license does not allow this."),
    }
}
