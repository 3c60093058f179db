//! Chance: decisions that a seed repeats, and nonces that nothing repeats.

use std::sync::{Mutex, PoisonError};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A generator that can be shared.
#[derive(Debug)]
pub struct Random(Mutex<StdRng>);

impl Random {
    /// Never the same twice: for nonces and for the tag of a run, even under a repeated seed, because a service
    /// rightly refuses a nonce it has seen.
    pub fn from_system() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }

    /// The same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut StdRng) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `length` letters and digits.
    pub fn letters(&self, length: usize) -> String {
        self.with(|rng| (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect())
    }

    /// `length` capital letters and digits, as in order ids.
    pub fn capitals(&self, length: usize) -> String {
        self.letters(length).to_ascii_uppercase()
    }

    /// A number of `low..=high`.
    pub fn between(&self, low: i64, high: i64) -> i64 {
        self.with(|rng| rng.random_range(low..=high.max(low)))
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&self, percent: u32) -> bool {
        self.with(|rng| rng.random_range(0..100) < percent)
    }

    /// One of `items`, or none when there are none.
    pub fn pick<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        let index = self.with(|rng| (!items.is_empty()).then(|| rng.random_range(0..items.len())))?;
        items.get(index)
    }

    /// A seed for another generator.
    pub fn seed(&self) -> u64 {
        self.with(Rng::next_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_decisions_and_the_system_does_not() {
        assert_eq!(Random::seeded(7).letters(32), Random::seeded(7).letters(32));
        assert_ne!(Random::seeded(7).letters(32), Random::seeded(8).letters(32));
        assert_ne!(Random::from_system().letters(32), Random::from_system().letters(32));
    }

    #[test]
    fn chance_keeps_its_ends() {
        let random = Random::seeded(1);
        assert!((0..200).all(|_| !random.chance(0) && random.chance(100)));
        assert_eq!(random.pick::<u8>(&[]), None);
        assert!((0..200).map(|_| random.between(2, 4)).all(|n| (2..=4).contains(&n)));
    }
}
