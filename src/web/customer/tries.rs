//! How often one address may try wrong codes, keys and links.
//!
//! 100 bits cannot be guessed, so nobody is ever locked out for long; this only keeps guessing from costing anything
//! and says in words that somebody is mistaken. Kept in memory, by each server for itself.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;

use crate::base::{limits, proxies::counted_as, time::Time};

/// How long a wrong try counts.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Wrong tries of the last minute, by network.
#[derive(Debug, Default)]
pub struct WrongTries(Mutex<HashMap<IpAddr, Tries>>);

#[derive(Debug, Clone, Copy)]
struct Tries {
    since: Time,
    count: u32,
}

impl WrongTries {
    /// Whether `client` made so many wrong tries that it has to wait.
    pub fn are_too_many(&self, client: IpAddr, now: Time) -> bool {
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.get(&counted_as(client)).is_some_and(|it| it.is_fresh(now) && it.count >= limits::WRONG_TRIES)
    }

    /// Counts a wrong try.
    pub fn note(&self, client: IpAddr, now: Time) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= limits::WRONG_TRY_ADDRESSES {
            tries.retain(|_, it| it.is_fresh(now));
        }
        if tries.len() >= limits::WRONG_TRY_ADDRESSES {
            // So many guessers at once are one guesser with many addresses: counting starts anew rather than growing.
            tries.clear();
        }
        let entry = tries.entry(counted_as(client)).or_insert(Tries { since: now, count: 0 });
        if !entry.is_fresh(now) {
            *entry = Tries { since: now, count: 0 };
        }
        entry.count += 1;
    }
}

impl Tries {
    fn is_fresh(self, now: Time) -> bool {
        now.since(self.since).abs() < WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_minute_after_the_first_wrong_try_counting_starts_anew() {
        let tries = WrongTries::default();
        let client = address("9.9.9.9");
        for _ in 0..limits::WRONG_TRIES {
            assert!(!tries.are_too_many(client, at(59)));
            tries.note(client, at(0));
        }
        assert!(tries.are_too_many(client, at(59)) && !tries.are_too_many(address("9.9.9.8"), at(59)));
        assert!(!tries.are_too_many(client, at(60)));
        tries.note(client, at(60));
        assert!(!tries.are_too_many(client, at(60)));
    }

    #[test]
    fn neighbours_of_one_ipv6_network_count_together() {
        let tries = WrongTries::default();
        for number in 0..limits::WRONG_TRIES {
            tries.note(address(&format!("2001:db8::{number:x}")), at(0));
        }
        assert!(tries.are_too_many(address("2001:db8::ffff"), at(0)));
        assert!(!tries.are_too_many(address("2001:db8:0:1::1"), at(0)));
    }

    #[test]
    fn memory_is_bounded() {
        let tries = WrongTries::default();
        for number in 0..=u32::try_from(limits::WRONG_TRY_ADDRESSES).unwrap() {
            tries.note(IpAddr::V4(number.into()), at(0));
        }
        assert!(tries.0.lock().unwrap().len() <= limits::WRONG_TRY_ADDRESSES);
    }
}
