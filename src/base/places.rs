//! Places that are limited for each holder, so that one cannot keep all to itself.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// The places that holders of kind `K` have taken. Clones share them.
#[derive(Debug)]
pub struct Places<K: Eq + Hash + Copy>(Arc<Mutex<HashMap<K, usize>>>);

/// A place; given back when dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash + Copy> {
    places: Places<K>,
    holder: K,
}

impl<K: Eq + Hash + Copy> Default for Places<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Copy> Places<K> {
    /// A place for `holder`; `None`: it has `most` already.
    pub fn take(&self, holder: K, most: usize) -> Option<Place<K>> {
        self.take_of(holder, most, usize::MAX)
    }

    /// The same, while all holders together have fewer than `all`.
    pub fn take_of(&self, holder: K, most: usize, all: usize) -> Option<Place<K>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&holder).copied().unwrap_or(0);
        if own >= most || taken.values().sum::<usize>() >= all {
            return None;
        }
        taken.insert(holder, own + 1);
        Some(Place { places: Self(Arc::clone(&self.0)), holder })
    }
}

impl<K: Eq + Hash + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.holder) {
            Some(number) if *number > 1 => *number -= 1,
            _ => drop(taken.remove(&self.holder)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again_and_nobody_takes_anothers() {
        let places = Places::default();
        let (one, other) = ("one", "other");
        let held = [places.take(one, 2), places.take(one, 2)];
        assert!(held.iter().all(Option::is_some) && places.take(one, 2).is_none());
        assert!(places.take(other, 2).is_some());
        drop(held);
        assert!(places.take(one, 1).is_some());
        assert!(places.0.lock().unwrap().is_empty(), "nothing is remembered of those who hold none");
    }

    #[test]
    fn all_holders_together_have_a_limit_too() {
        let places = Places::default();
        let held = [places.take_of(1, 2, 3), places.take_of(1, 2, 3), places.take_of(2, 2, 3)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take_of(3, 2, 3).is_none() && places.take_of(2, 2, 3).is_none());
        drop(held);
        assert!(places.take_of(3, 2, 3).is_some());
    }
}
