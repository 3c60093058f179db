//! How often licensed software may call: per license, per address, per product.
//!
//! The address is counted before the database is asked anything, except for renewals: those of a known machine do not
//! count for their address, because a fleet sits behind one, so first it is looked up who calls. A license is counted by
//! what it is, not by the text that was shown, so that its code, its older codes and its key share one bucket; a text that
//! is no license is counted by itself, so that both are answered in one form. Only licenses that exist count for their
//! product: nobody without one can use it up.
//!
//! The counts live in this process's memory: several servers behind one address each let that many in.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, request::Parts},
    middleware::Next,
    response::Response,
};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    base::{
        ids::{ActivationId, LicenseId},
        proxies::counted_as,
        rate::{Exhausted, Standing},
        secret::{ExposeSecret, SecretString},
        slug::Slug,
    },
    usecase::{Actor, Failure, caller},
};

use super::request_log::client_address;

/// Calls per minute of the limit that is nearest.
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// Calls that it lets in now.
pub const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds until it lets all of them in.
pub const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Why a call is not let in.
#[derive(Debug)]
pub enum Refused {
    /// Too many calls.
    TooMany(Exhausted),
    /// It could not be looked up who calls.
    Failed(Failure),
}

impl From<Exhausted> for Refused {
    fn from(exhausted: Exhausted) -> Self {
        Self::TooMany(exhausted)
    }
}

/// Where a call's standing is left for whoever writes the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Standing>>>);

impl Slot {
    /// How the caller stands, where it was counted.
    pub(super) fn standing(&self) -> Option<Standing> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes into every answer how the caller stands.
pub async fn announce(mut request: Request, next: Next) -> Response {
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(standing) = slot.standing() {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(standing.limit));
        headers.insert(REMAINING, HeaderValue::from(standing.remaining));
        headers.insert(RESET, HeaderValue::from(standing.reset));
    }
    response
}

/// Counts a call of whoever shows `credential`. `renewed` is the activation that it is to renew.
///
/// # Errors
/// [`Refused`] when it is one too many.
pub async fn charge(
    app: &App,
    parts: &Parts,
    credential: &SecretString,
    renewed: Option<ActivationId>,
) -> Result<(), Refused> {
    let mut tally = Tally { slot: parts.extensions.get::<Slot>().cloned().unwrap_or_default() };
    let limiters = app.limiters();
    let network = network(app, parts);
    let mut charge_address = || limiters.address.as_ref().map_or(Ok(()), |it| tally.note(it.charge(&network)));
    if renewed.is_none() {
        charge_address()?;
    }
    let shown = credential.clone();
    let look_up = move |tx: &mut _, ctx: crate::usecase::Context<'_>| caller::look_up(tx, ctx, &shown, renewed);
    let caller = app.read(Actor::Software, look_up).await.map_err(Refused::Failed)?;
    if renewed.is_some() && !caller.is_known_machine {
        charge_address()?;
    }
    let license = match &caller.license {
        Some((license, _)) => bucket(*license),
        None => Sha256::digest(credential.expose_secret()).into(),
    };
    if let Some(limiter) = &limiters.license {
        tally.note(limiter.charge(&license))?;
    }
    if let (Some(limiter), Some((_, product))) = (&limiters.product, &caller.license) {
        tally.note(limiter.charge(product))?;
    }
    Ok(())
}

/// Counts a call of whoever shows nothing that is known here.
///
/// # Errors
/// [`Refused`] when it is one too many.
pub fn charge_stranger(app: &App, parts: &Parts) -> Result<(), Refused> {
    let mut tally = Tally { slot: parts.extensions.get::<Slot>().cloned().unwrap_or_default() };
    let limiter = app.limiters().address.as_ref();
    limiter.map_or(Ok(()), |it| tally.note(it.charge(&network(app, parts))))
}

fn network(app: &App, parts: &Parts) -> IpAddr {
    let address = client_address(app.trusted_proxies(), &parts.extensions, &parts.headers);
    counted_as(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// Counts what a customer has signed on the page of `license` as a call of its software: else the page would be the way
/// around the limits.
///
/// # Errors
/// [`Exhausted`] when it is one too many.
pub fn charge_page(app: &App, license: LicenseId, product: &Slug) -> Result<(), Exhausted> {
    let limiters = app.limiters();
    if let Some(limiter) = &limiters.license {
        limiter.charge(&bucket(license))?;
    }
    if let Some(limiter) = &limiters.product {
        limiter.charge(product)?;
    }
    Ok(())
}

fn bucket(license: LicenseId) -> [u8; 32] {
    Sha256::digest(license.as_bytes()).into()
}

/// Keeps the standing of the limit that will be reached first.
struct Tally {
    slot: Slot,
}

impl Tally {
    fn note(&mut self, charged: Result<Standing, Exhausted>) -> Result<(), Refused> {
        let standing = match &charged {
            Ok(standing) => *standing,
            // An empty bucket is full again a minute after the last call that was let in.
            Err(exhausted) => Standing { limit: exhausted.limit, remaining: 0, reset: 60 },
        };
        let mut nearest = self.slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        if charged.is_err() || nearest.is_none_or(|it| standing.remaining < it.remaining) {
            *nearest = Some(standing);
        }
        Ok(charged.map(|_| ())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_nearest_is_told() {
        let mut tally = Tally { slot: Slot::default() };
        let standing = |limit, remaining| Ok(Standing { limit, remaining, reset: 1 });
        for (charged, nearest) in [(standing(240, 9), 240), (standing(60, 50), 240), (standing(30_000, 2), 30_000)] {
            tally.note(charged).unwrap();
            assert_eq!(tally.slot.0.lock().unwrap().unwrap().limit, nearest);
        }
        tally.note(Err(Exhausted { limit: 60, wait: 1 })).unwrap_err();
        let told = tally.slot.0.lock().unwrap().unwrap();
        assert_eq!((told.limit, told.remaining), (60, 0));
    }
}
