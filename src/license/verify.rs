//! Offline verification of a license code, as `signet verify` and every other piece of software does it.
//!
//! A verifier says which kind of text it reads, and refuses all others: [`verify_code`] license codes,
//! [`verify_device`] the licenses of single devices. Only [`verify_either`], for people who want to know what they
//! hold, takes both and tells which it was.

use jiff::SignedDuration;

use crate::base::{slug::Slug, time::Time};

use super::{
    audience::Audience,
    code::{self, Claims, ClaimsError},
    jwks::Jwks,
    jws::{self, ParseError, SignedKind},
};

/// Against what a code is checked.
#[derive(Debug, Clone, Copy)]
pub struct VerifyOptions<'a> {
    /// The verifier's clock.
    pub now: Time,
    /// The product the code must be for; `None`: any.
    pub product: Option<&'a Slug>,
    /// How far the clock may be wrong in either direction.
    pub leeway: SignedDuration,
}

impl VerifyOptions<'_> {
    /// Any product, at `now`, with five minutes for a clock that is wrong.
    pub fn at(now: Time) -> Self {
        Self { now, product: None, leeway: SignedDuration::from_mins(5) }
    }
}

/// A code whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub claims: Claims,
    /// The key that signed it.
    pub kid: String,
}

impl Verified {
    /// Which kind of text it is.
    pub fn kind(&self) -> SignedKind {
        self.claims.aud.kind()
    }
}

/// Why a code is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a signed text at all.
    #[error("this is no license code: {0}")]
    Malformed(ParseError),
    /// A signed text of another kind, such as a key list.
    #[error("a text of the kind {expected:?} is needed here, and this is one of the kind {found:?}")]
    WrongKind {
        /// `typ` that is needed.
        expected: &'static str,
        /// Its `typ`.
        found: String,
    },
    /// No published key has this name.
    #[error(
        "no published key is named {kid}: the code was not issued here, its key was revoked, or the key set is old"
    )]
    UnknownKey {
        /// The name.
        kid: String,
    },
    /// The signature does not hold.
    #[error("the signature does not match: the code was changed, or copied with an error")]
    BadSignature,
    /// The key signed something that is no license.
    #[error(transparent)]
    Content(#[from] ClaimsError),
    /// `typ` and `aud` name different kinds.
    #[error("its header and its audience {found} name different kinds")]
    WrongAudience {
        /// Its `aud`.
        found: Audience,
    },
    /// A code for something else.
    #[error("the code is for the product {found}, not for {expected}")]
    WrongProduct {
        /// The product that is asked for.
        expected: Slug,
        /// The code's product.
        found: Slug,
    },
    /// Too early.
    #[error("the license does not hold before {from}: is the clock right?")]
    NotYetValid {
        /// From when it holds.
        from: Time,
    },
    /// Too late.
    #[error("the license expired at {since}: renew it, and use the newer code")]
    Expired {
        /// Since when.
        since: Time,
    },
}

impl Refusal {
    /// The stable name, as `signet verify --json` prints it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongKind { .. } => "wrong_kind",
            Self::UnknownKey { .. } => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Content(_) | Self::WrongAudience { .. } => "wrong_content",
            Self::WrongProduct { .. } => "wrong_product",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } => "expired",
        }
    }
}

/// Checks form and signature of a license code only, so that a caller can show what an expired one says.
///
/// # Errors
/// [`Refusal`], of the kinds that say nothing in the code can be believed.
pub fn verify_signature(text: &str, keys: &Jwks) -> Result<Verified, Refusal> {
    signature_of(SignedKind::LicenseCode, text, keys)
}

fn signature_of(kind: SignedKind, text: &str, keys: &Jwks) -> Result<Verified, Refusal> {
    let parsed = jws::parse(text, kind).map_err(|error| match error {
        ParseError::WrongKind { expected, found } => Refusal::WrongKind { expected, found },
        other => Refusal::Malformed(other),
    })?;
    let Some(key) = keys.find(&parsed.kid) else {
        return Err(Refusal::UnknownKey { kid: parsed.kid });
    };
    parsed.verify(key).map_err(|_| Refusal::BadSignature)?;
    let claims = Claims::from_payload(&parsed.payload)?;
    if claims.aud.kind() != kind {
        return Err(Refusal::WrongAudience { found: claims.aud });
    }
    Ok(Verified { claims, kid: parsed.kid })
}

/// Checks what believed claims say against clock and product (RFC 7519 §4.1: `aud`, `nbf`, `exp`).
///
/// # Errors
/// [`Refusal`]: wrong product, not yet valid or expired, in this order.
pub fn check_claims(claims: &Claims, options: &VerifyOptions<'_>) -> Result<(), Refusal> {
    let found = claims.aud.product();
    if let Some(expected) = options.product.filter(|product| *product != found) {
        return Err(Refusal::WrongProduct { expected: expected.clone(), found: found.clone() });
    }
    let leeway = options.leeway.max(SignedDuration::ZERO);
    // `Claims` that were read hold only times that can be shown; others never pass.
    let epoch = Time::from(jiff::Timestamp::UNIX_EPOCH);
    match code::instant(claims.nbf) {
        Some(from) if from <= options.now.saturating_add(leeway) => {}
        from => return Err(Refusal::NotYetValid { from: from.unwrap_or(epoch) }),
    }
    match claims.exp.map(code::instant) {
        None => Ok(()),
        Some(Some(ends)) if options.now < ends.saturating_add(leeway) => Ok(()),
        Some(ends) => Err(Refusal::Expired { since: ends.unwrap_or(epoch) }),
    }
}

/// Verifies a license code offline: form, signature, product, time.
///
/// # Errors
/// [`Refusal`] says in plain words what is wrong.
pub fn verify_code(text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    verify_kind(SignedKind::LicenseCode, text, keys, options)
}

/// Verifies the license of one device offline. The caller compares the device with [`code::device_digest`].
///
/// # Errors
/// As [`verify_code`].
pub fn verify_device(text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    verify_kind(SignedKind::DeviceLicense, text, keys, options)
}

/// Verifies a license code or the license of one device, whichever it is: [`Verified::kind`] tells.
///
/// # Errors
/// As [`verify_code`].
pub fn verify_either(text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    match verify_code(text, keys, options) {
        Err(Refusal::WrongKind { found, .. }) if found == SignedKind::DeviceLicense.typ() => {
            verify_device(text, keys, options)
        }
        result => result,
    }
}

fn verify_kind(kind: SignedKind, text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    let verified = signature_of(kind, text, keys)?;
    check_claims(&verified.claims, options)?;
    Ok(verified)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
