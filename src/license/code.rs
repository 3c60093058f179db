//! The license code and the license of one device: what they claim, how long they can get, and how they are signed.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use signet_verify::{
    claims::CodeClaims,
    jws,
    machine::sha256,
    read::{self, ReadError},
};

use crate::base::{ids::LicenseId, limits, slug::Slug, time::Time};

use super::{
    audience::Audience,
    keys::Signer,
    model::License,
    plan::{FeatureValue, Features, Plan},
    sign::{self, Signed, TooLong},
};

/// What a license code or the license of one device says, with the service's own types: [`CodeClaims`] is how it is
/// written. Times are whole seconds since 1970 (RFC 7519 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The service that issued it.
    pub iss: String,
    /// The license.
    pub sub: LicenseId,
    /// The product, and whether this is for one device alone; software refuses any other.
    pub aud: Audience,
    /// When this revision was made.
    pub iat: i64,
    /// The license does not hold before.
    pub nbf: i64,
    /// The plan.
    pub plan: Slug,
    /// Machine limit.
    pub machines: u32,
    /// Features.
    pub features: Features,
    /// Revision: higher is newer.
    pub rev: u32,
    /// The license does not hold from here on; only where the plan's codes carry their expiry.
    pub exp: Option<i64>,
    /// SHA-256 of the device's text in base64url; only where the plan binds licenses to devices.
    pub device: Option<String>,
}

/// A signed payload that is not that of a license code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content of the license code is wrong: {0}")]
pub struct ClaimsError(String);

impl TryFrom<CodeClaims> for Claims {
    type Error = ClaimsError;

    fn try_from(claims: CodeClaims) -> Result<Self, ClaimsError> {
        let CodeClaims { iss, sub, aud, iat, nbf, plan, machines, features, rev, exp, device } = claims;
        let (sub, aud, plan) = (named("sub", &sub)?, named("aud", &aud)?, named("plan", &plan)?);
        Ok(Self { iss, sub, aud, iat, nbf, plan, machines, features, rev, exp, device })
    }
}

fn named<T: FromStr>(member: &str, text: &str) -> Result<T, ClaimsError> {
    text.parse().map_err(|_| ClaimsError(format!("`{member}` is none that a service gives")))
}

impl From<&Claims> for CodeClaims {
    fn from(claims: &Claims) -> Self {
        let Claims { iss, sub, aud, iat, nbf, plan, machines, features, rev, exp, device } = claims.clone();
        let (sub, aud, plan) = (sub.to_string(), aud.to_string(), plan.to_string());
        Self { iss, sub, aud, iat, nbf, plan, machines, features, rev, exp, device }
    }
}

impl Claims {
    /// What the code of `license` says when it is made at `now`.
    pub fn for_license(license: &License, plan: &Plan, issuer: &str, now: Time) -> Self {
        let ends = if plan.code_carries_expiry { license.expiry.holds_until(plan.expiry_slack) } else { None };
        let device = plan.bind_parameter.as_ref().and(license.device.as_deref());
        Self {
            iss: issuer.to_owned(),
            sub: license.id,
            aud: Audience::License(license.product.clone()),
            iat: now.as_seconds(),
            nbf: license.created_at.as_seconds(),
            plan: license.plan.clone(),
            machines: license.machines,
            features: license.features.clone(),
            rev: license.rev,
            exp: ends.map(Time::as_seconds),
            device: device.map(device_digest),
        }
    }

    /// Whether both grant the same. When not, the license needs a code with `rev` + 1.
    ///
    /// `iat`, `nbf` and `rev` tell codes apart, not what they grant.
    pub fn same_grant(&self, other: &Self) -> bool {
        let Self { iss, sub, aud, iat: _, nbf: _, plan, machines, features, rev: _, exp, device } = self;
        (iss, sub, aud, plan, machines) == (&other.iss, &other.sub, &other.aud, &other.plan, &other.machines)
            && (features, exp, device) == (&other.features, &other.exp, &other.device)
    }

    /// Reads the payload of a code whose signature was checked.
    ///
    /// # Errors
    /// [`ClaimsError`] for a payload that no Signet writes.
    pub fn from_payload(payload: &[u8]) -> Result<Self, ClaimsError> {
        let wrong = |error: ReadError| ClaimsError(error.to_string());
        Self::try_from(read::read_content::<CodeClaims>(payload).map_err(wrong)?)
    }

    /// Reads what a stored `header.payload` says; its signature was checked when it was made.
    ///
    /// # Errors
    /// [`ClaimsError`] for what no Signet writes.
    pub fn from_signing_input(text: &str) -> Result<Self, ClaimsError> {
        let payload = text.split_once('.').and_then(|(_, payload)| BASE64URL_NOPAD.decode(payload.as_bytes()).ok());
        Self::from_payload(&payload.ok_or_else(|| ClaimsError("no payload in base64url".to_owned()))?)
    }

    /// The payload's bytes.
    pub fn to_payload(&self) -> Vec<u8> {
        serde_json::to_vec(&CodeClaims::from(self)).expect("strings, numbers and maps with string keys are always JSON")
    }

    /// Signs the text as the kind that its audience names. The result's pieces are stored apart; [`Signed::text`] is what the customer gets.
    ///
    /// # Errors
    /// [`TooLong`] beyond [`limits::LICENSE_CODE_CHARS`]; the catalog refuses plans for which that could happen.
    pub fn sign(&self, signer: &Signer) -> Result<Signed, TooLong> {
        sign::sign_payload(self.aud.kind(), &self.to_payload(), signer)
    }
}

/// The signed code as one text.
///
/// # Errors
/// As [`Claims::sign`].
pub fn code_text(claims: &Claims, signer: &Signer) -> Result<String, TooLong> {
    claims.sign(signer).map(|signed| signed.text())
}

/// What a code says of a device: SHA-256 of its text (UTF-8) in base64url without padding, 43 characters.
pub fn device_digest(device: &str) -> String {
    sha256(device)
}

/// The instant of whole seconds since 1970, or `None` outside the years that can be shown.
pub(in crate::license) fn instant(seconds: i64) -> Option<Time> {
    seconds.checked_mul(1_000_000).and_then(Time::from_micros)
}

/// Characters of the longest code that a license of `plan`, or a device of one, could ever get: the catalog refuses a plan beyond
/// [`limits::LICENSE_CODE_CHARS`].
pub fn worst_case_length(product: &Slug, plan: &Plan, issuer: &str) -> usize {
    // The earliest time has one character more than the latest.
    let longest_time = jiff::Timestamp::MIN.as_second();
    let (machines, features) = longest_grant(plan);
    let claims = Claims {
        iss: issuer.to_owned(),
        sub: LicenseId::new(Time::from(jiff::Timestamp::UNIX_EPOCH), &Zeros),
        // The license of one device names more in header and audience than the code does.
        aud: Audience::Device(product.clone()),
        iat: longest_time,
        nbf: longest_time,
        plan: plan.slug.clone(),
        machines,
        features,
        rev: u32::MAX,
        // A code for one device of a license carries both, whatever the plan says.
        exp: Some(longest_time),
        device: Some(device_digest("")),
    };
    jws::length(claims.aud.kind(), claims.to_payload().len())
}

/// The largest numbers: results of the quantity rule lie between those of no quantity and of the largest. The machine
/// limit can also be set by hand.
fn longest_grant(plan: &Plan) -> (u32, Features) {
    let least = plan.grant(None);
    let mut most = plan.grant(Some(u32::MAX));
    for (name, value) in &mut most.features {
        if let (FeatureValue::Number(value), Some(FeatureValue::Number(base))) = (value, least.features.get(name)) {
            *value = (*value).max(*base);
        }
    }
    (most.machines.max(least.machines).max(limits::MACHINES), most.features)
}

/// For an id of which only the length matters.
#[derive(Debug)]
struct Zeros;

impl crate::base::entropy::Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[cfg(test)]
#[path = "code_tests.rs"]
mod tests;
