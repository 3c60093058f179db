//! Places that are limited for each holder, so that one cannot keep all to itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::ids::LicenseId;

/// The places that licenses have taken. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<LicenseId, usize>>>);

/// A place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    license: LicenseId,
}

impl Places {
    /// A place for `license`; `None`: it has `most` already.
    pub fn take(&self, license: LicenseId, most: usize) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&license).copied().unwrap_or(0);
        if own >= most {
            return None;
        }
        taken.insert(license, own + 1);
        Some(Place { places: self.clone(), license })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.license) {
            Some(number) if *number > 1 => *number -= 1,
            _ => drop(taken.remove(&self.license)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again_and_nobody_takes_anothers() {
        let places = Places::default();
        let (one, other) = (LicenseId::from_bytes([1; 16]), LicenseId::from_bytes([2; 16]));
        let held = [places.take(one, 2), places.take(one, 2)];
        assert!(held.iter().all(Option::is_some) && places.take(one, 2).is_none());
        assert!(places.take(other, 2).is_some());
        drop(held);
        assert!(places.take(one, 1).is_some());
        assert!(places.0.lock().unwrap().is_empty(), "nothing is remembered of those who hold none");
    }
}
