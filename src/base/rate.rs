//! How often somebody may do something within a minute, in memory.
//!
//! Every key has a bucket of as many calls as its limit, which fills up again evenly within a minute (GCRA). The number of
//! buckets is bounded: a new one takes the place of the fullest, so that no number of new keys makes anybody's debt
//! forgotten before that of somebody who asked less.

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::{BuildHasher, Hash},
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::StateStore,
};

use super::{limits, slug::Slug};

/// Parts of the buckets, each with a lock of its own.
const SHARDS: usize = 64;

/// Calls per minute that are let in; 0: without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one license.
    pub license: u16,
    /// From one address.
    pub address: u16,
    /// About one product.
    pub product: u16,
}

/// The limits in force, each with its buckets.
#[derive(Debug)]
pub struct Limiters {
    /// By the digest of what names a license.
    pub license: Option<Limiter<[u8; 32]>>,
    /// By address; IPv6 by network.
    pub address: Option<Limiter<IpAddr>>,
    /// By product.
    pub product: Option<Limiter<Slug>>,
}

impl Limiters {
    /// With full buckets.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            license: Limiter::new(limits.license),
            address: Limiter::new(limits.address),
            product: Limiter::new(limits.product),
        }
    }
}

/// How a key stands after a call that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Calls per minute.
    pub limit: u32,
    /// Calls that would be let in now.
    pub remaining: u32,
    /// Until all of them would be, in whole seconds.
    pub reset: u64,
}

/// The bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// Calls per minute.
    pub limit: u32,
    /// When the next one will be let in, in whole seconds, at least 1.
    pub wait: u64,
}

/// One limit, for any number of keys.
pub struct Limiter<K: Hash + Eq + Clone, C: Clock = MonotonicClock> {
    per_minute: NonZeroU32,
    buckets: RateLimiter<K, Buckets<K>, C, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// A limit of `per_minute` calls; `None`: no limit.
    pub fn new(per_minute: u16) -> Option<Self> {
        Self::with(per_minute, limits::RATE_LIMIT_KEYS, MonotonicClock)
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Limiter<K, C> {
    fn with(per_minute: u16, keys: usize, clock: C) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute.into())?;
        Some(Self { per_minute, buckets: RateLimiter::new(Quota::per_minute(per_minute), Buckets::new(keys), clock) })
    }

    /// Takes one call from the bucket of `key`.
    ///
    /// # Errors
    /// [`Exhausted`] when it is empty; nothing was taken then.
    pub fn charge(&self, key: &K) -> Result<Standing, Exhausted> {
        let limit = self.per_minute.get();
        match self.buckets.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let missing = u64::from(limit.saturating_sub(remaining));
                Ok(Standing { limit, remaining, reset: (missing * 60).div_ceil(limit.into()) })
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.buckets.clock().now());
                Err(Exhausted { limit, wait: whole_seconds(wait).max(1) })
            }
        }
    }
}

impl<K: Hash + Eq + Clone, C: Clock> fmt::Debug for Limiter<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limiter({} a minute)", self.per_minute)
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// When each key's bucket will be full again, for a bounded number of keys.
struct Buckets<K> {
    shards: Vec<Mutex<HashMap<K, Nanos>>>,
    hasher: RandomState,
    per_shard: usize,
}

impl<K: Hash + Eq> Buckets<K> {
    fn new(keys: usize) -> Self {
        let shards = SHARDS.min(keys.max(1));
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            per_shard: keys.div_ceil(shards),
        }
    }

    fn shard(&self, key: &K) -> &Mutex<HashMap<K, Nanos>> {
        let count = self.shards.len() as u64;
        let index = usize::try_from(self.hasher.hash_one(key) % count).unwrap_or(0);
        &self.shards[index]
    }
}

impl<K: Hash + Eq + Clone> StateStore for Buckets<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = shard.get_mut(key) {
            let (answer, later) = measure(Some(*full_at))?;
            *full_at = later;
            return Ok(answer);
        }
        let (answer, full_at) = measure(None)?;
        if shard.len() >= self.per_shard {
            // The one that is full first, or long was: whoever it belongs to loses least.
            let fullest = shard.iter().min_by_key(|(_, full_at)| **full_at).map(|(key, _)| key.clone());
            fullest.map(|key| shard.remove(&key));
        }
        shard.insert(key.clone(), full_at);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(per_minute: u16, keys: usize) -> (Limiter<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::with(per_minute, keys, clock.clone()).unwrap(), clock)
    }

    #[test]
    fn a_bucket_empties_and_fills_evenly_within_a_minute() {
        let (limiter, clock) = limiter(4, 100);
        for remaining in [3, 2, 1, 0] {
            let reset = u64::from(4 - remaining) * 15;
            assert_eq!(limiter.charge(&1), Ok(Standing { limit: 4, remaining, reset }));
        }
        assert_eq!(limiter.charge(&1), Err(Exhausted { limit: 4, wait: 15 }));
        assert_eq!(limiter.charge(&2).unwrap().remaining, 3, "another key has a bucket of its own");
        clock.advance(Duration::from_millis(14_001));
        assert_eq!(limiter.charge(&1), Err(Exhausted { limit: 4, wait: 1 }), "refused calls cost nothing");
        clock.advance(Duration::from_millis(999));
        assert_eq!(limiter.charge(&1).unwrap().remaining, 0);
        clock.advance(Duration::from_secs(60));
        assert_eq!(limiter.charge(&1).unwrap().remaining, 3);
    }

    #[test]
    fn zero_is_no_limit() {
        assert!(Limiter::<u32>::new(0).is_none());
    }

    #[test]
    fn a_flood_of_new_keys_forgets_nobodys_debt_before_theirs() {
        // Two places in each shard: the newcomers of one share the other place.
        let (limiter, _) = limiter(10, 2 * SHARDS);
        for _ in 0..10 {
            limiter.charge(&0).unwrap();
        }
        for key in 1..10_000 {
            limiter.charge(&key).unwrap();
        }
        assert!(limiter.charge(&0).is_err());
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let (limiter, _) = limiter(10, 1000);
        for key in 0..50_000 {
            limiter.charge(&key).unwrap();
        }
        let buckets = limiter.buckets.into_state_store();
        let kept: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!((900..=1024).contains(&kept), "{kept}");
    }
}
