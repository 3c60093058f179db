//! Offline verification of a license code, as `signet verify` and every other piece of software does it: form, kind,
//! signature and product by `signet-verify`, then the time.
//!
//! A verifier says which kind of text it reads, and refuses all others: [`verify_code`] license codes,
//! [`verify_device`] the licenses of single devices. Only [`verify_either`], for people who want to know what they
//! hold, takes both and tells which it was.

use jiff::SignedDuration;
use signet_verify::{
    claims::CodeClaims,
    jws,
    kind::Kind,
    read::{self, BySigningKey, DeviceCodeClaims, Read, ReadError},
};

use crate::base::{slug::Slug, time::Time};

use super::{
    code::{self, Claims},
    jwks::Jwks,
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
    pub fn kind(&self) -> Kind {
        self.claims.aud.kind()
    }
}

/// Why a code is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing in it can be believed, or it is for another product.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Too early.
    #[error("it does not hold before {from}: is the clock right?")]
    NotYetValid {
        /// From when it holds.
        from: Time,
    },
    /// Too late.
    #[error("it expired at {since}: renew the license, and use the newer text")]
    Expired {
        /// Since when.
        since: Time,
    },
}

impl Refusal {
    /// The stable name, as `signet verify --json` prints it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Read(error) => error.as_str(),
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } => "expired",
        }
    }
}

/// Reads a text of one kind, for one product or any.
///
/// # Errors
/// [`ReadError`].
pub fn read<C: BySigningKey>(text: &str, keys: &Jwks, product: Option<&Slug>) -> Result<Read<C>, ReadError> {
    match product {
        Some(product) => read::read(text, keys.ring(), product.as_str()),
        None => read::read_of_any_product(text, keys.ring()),
    }
}

/// Checks form and signature of a license code only, so that a caller can show what an expired one says.
///
/// # Errors
/// [`Refusal`], of the kinds that say nothing in the code can be believed.
pub fn verify_signature(text: &str, keys: &Jwks) -> Result<Verified, Refusal> {
    Ok(read_code(text, keys, None)?)
}

fn read_code(text: &str, keys: &Jwks, product: Option<&Slug>) -> Result<Verified, ReadError> {
    let read: Read<CodeClaims> = read(text, keys, product)?;
    verified(read.claims, read.kid)
}

fn read_device(text: &str, keys: &Jwks, product: Option<&Slug>) -> Result<Verified, ReadError> {
    let read: Read<DeviceCodeClaims> = read(text, keys, product)?;
    verified(read.claims.0, read.kid)
}

fn verified(claims: CodeClaims, kid: String) -> Result<Verified, ReadError> {
    let claims = Claims::try_from(claims).map_err(|error| ReadError::Content(error.to_string()))?;
    Ok(Verified { claims, kid })
}

/// Checks the times that a believed text says, in seconds since 1970, against the clock (RFC 7519 §4.1: `nbf`, `exp`).
///
/// # Errors
/// [`Refusal`]: not yet valid or expired.
pub fn check_time(from: Option<i64>, until: Option<i64>, options: &VerifyOptions<'_>) -> Result<(), Refusal> {
    let leeway = options.leeway.max(SignedDuration::ZERO);
    // Texts that were read hold only times that can be shown; others never pass.
    let epoch = Time::from(jiff::Timestamp::UNIX_EPOCH);
    match from.map(code::instant) {
        None => {}
        Some(Some(from)) if from <= options.now.saturating_add(leeway) => {}
        Some(from) => return Err(Refusal::NotYetValid { from: from.unwrap_or(epoch) }),
    }
    match until.map(code::instant) {
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
    in_time(read_code(text, keys, options.product)?, options)
}

/// Verifies the license of one device offline. The caller compares the device with [`code::device_digest`].
///
/// # Errors
/// As [`verify_code`].
pub fn verify_device(text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    in_time(read_device(text, keys, options.product)?, options)
}

/// Verifies a license code or the license of one device, whichever it is: [`Verified::kind`] tells.
///
/// # Errors
/// As [`verify_code`].
pub fn verify_either(text: &str, keys: &Jwks, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    match jws::kind_of(text) {
        Some(Kind::DeviceCode) => verify_device(text, keys, options),
        _ => verify_code(text, keys, options),
    }
}

fn in_time(verified: Verified, options: &VerifyOptions<'_>) -> Result<Verified, Refusal> {
    check_time(Some(verified.claims.nbf), verified.claims.exp, options)?;
    Ok(verified)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
