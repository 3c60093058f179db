//! Temporary credentials of agencies, kept in memory until shortly before they end, so that not every question begins
//! with one for credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::SignedDuration;

use crate::{base::clock::Clock, provision::plan::Place};

use super::{Agency, Bond, Credentials, Session, Vendor};

/// What is left of a session when it is used no more: longer than anything that is done with it takes.
pub const MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// Sessions that are kept.
const MOST: usize = 1_000;

/// What a session was opened for. A [`Bond`] is part of it: nobody uses what was opened for another license.
type Key = (Place, Agency, Bond);

/// The merchant's account, and the sessions that it opened.
#[derive(Debug)]
pub struct Sessions {
    /// The account.
    pub vendor: Vendor,
    clock: Arc<dyn Clock>,
    open: Mutex<HashMap<Key, Session>>,
}

impl Sessions {
    /// For this account; none is open.
    pub fn new(vendor: Vendor, clock: Arc<dyn Clock>) -> Self {
        Self { vendor, clock, open: Mutex::default() }
    }

    /// The credentials of a session that lasts long enough.
    pub fn find(&self, place: &Place, agency: &Agency, bond: &Bond) -> Option<Credentials> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.drop_old(&mut open);
        open.get(&key(place, agency, bond)).map(|session| session.credentials.clone())
    }

    /// Keeps a session.
    pub fn keep(&self, place: &Place, agency: &Agency, bond: &Bond, session: Session) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.drop_old(&mut open);
        if open.len() < MOST {
            open.insert(key(place, agency, bond), session);
        }
    }

    /// Forgets a session; whether there was one.
    pub fn forget(&self, place: &Place, agency: &Agency, bond: &Bond) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&key(place, agency, bond)).is_some()
    }

    fn drop_old(&self, open: &mut HashMap<Key, Session>) {
        let now = self.clock.now();
        open.retain(|_, session| session.until.since(now) > MARGIN);
    }
}

fn key(place: &Place, agency: &Agency, bond: &Bond) -> Key {
    (place.clone(), agency.clone(), bond.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::ManualClock, time::Time},
        provision::plan::Cloud,
    };

    fn bond(of: &str) -> Bond {
        Bond { external_id: format!("external-{of}"), name: format!("name-{of}") }
    }

    fn keys(name: &str) -> Credentials {
        Credentials { access_key: name.to_owned(), secret_key: "s".into(), session_token: None }
    }

    #[test]
    fn a_session_is_its_own_licenses_and_ends_before_its_credentials_do() {
        let start: Time = "2026-03-02T08:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let vendor = Vendor { name: "shop".to_owned(), id: "1".to_owned(), credentials: keys("vendor") };
        let sessions = Sessions::new(vendor, clock.clone());
        let region =
            |id: &str| Place { cloud: Cloud::Huawei, region: id.to_owned(), endpoint: None, session_tokens: false };
        let (here, agency) = (region("here"), Agency::Named("a".to_owned()));
        let until = start.saturating_add(SignedDuration::from_mins(15));
        sessions.keep(&here, &agency, &bond("1"), Session { credentials: keys("temporary"), until });
        let found = |place: &Place, agency: &Agency, of: &str| sessions.find(place, agency, &bond(of)).is_some();
        assert!(found(&here, &agency, "1"));
        assert!(!found(&here, &agency, "2") && !found(&region("there"), &agency, "1"));
        assert!(!found(&here, &Agency::Named("b".to_owned()), "1"));
        clock.advance(SignedDuration::from_secs(599));
        assert!(found(&here, &agency, "1"));
        clock.advance(SignedDuration::from_secs(1));
        assert!(!found(&here, &agency, "1"), "five minutes are left");
        assert!(sessions.open.lock().unwrap().is_empty(), "what is over is not kept");
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let start: Time = "2026-03-02T08:00:00Z".parse().unwrap();
        let vendor = Vendor { name: "shop".to_owned(), id: "1".to_owned(), credentials: keys("vendor") };
        let sessions = Sessions::new(vendor, Arc::new(ManualClock::new(start)));
        let place = Place { cloud: Cloud::Huawei, region: "r".to_owned(), endpoint: None, session_tokens: false };
        let agency = Agency::Named("a".to_owned());
        let until = start.saturating_add(SignedDuration::from_hours(1));
        assert!(!sessions.forget(&place, &agency, &bond("1")));
        sessions.keep(&place, &agency, &bond("1"), Session { credentials: keys("temporary"), until });
        assert!(sessions.forget(&place, &agency, &bond("1")));
        assert!(sessions.find(&place, &agency, &bond("1")).is_none());
    }
}
