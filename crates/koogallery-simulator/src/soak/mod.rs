//! Random customers over all lines: purchases, renewals, refunds, expiry, freezes, upgrades and releases, with
//! parallel duplicates, reorderings, lost answers, retries and a skewed clock.
//!
//! [`model`] keeps what has been acknowledged and what may have happened unseen. Answers are checked against it at
//! once; at the end [`SoakReport::expectations`] says what the service's own records must show. Decisions follow a
//! printed seed; ids and nonces carry a fresh tag, so that a seed can be repeated against the same service.

mod customer;
mod deliver;
pub mod model;
mod report;
#[cfg(test)]
mod tests;
mod tricks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{task::JoinSet, time::Instant};

use self::{customer::Customer, report::Tally};
pub use self::{
    model::{Expected, State},
    report::{SoakReport, Violation},
};
use crate::{marketplace::Marketplace, play::Goods, random::Random};

/// One product to soak.
#[derive(Debug, Clone)]
pub struct Product {
    /// Its URL, key and line.
    pub marketplace: Marketplace,
    /// What is sold.
    pub goods: Goods,
}

/// When a soak ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// No new customer after that long.
    Elapsed(Duration),
    /// After that many customers.
    Customers(u64),
}

/// What to soak and how hard.
#[derive(Debug, Clone)]
pub struct SoakOptions {
    /// The products; each customer picks one.
    pub products: Vec<Product>,
    /// When to end.
    pub until: Until,
    /// Customers at once.
    pub parallel: usize,
    /// Repeats the decisions of an earlier soak.
    pub seed: u64,
    /// The clock of each customer is off by at most that; keep it inside the service's windows (60 s for V2).
    pub skew: Duration,
    /// The service may be gone for a while: a missing answer or 000005 is retried and is no violation.
    pub tolerate_outages: bool,
    /// How long one call is retried until it is acknowledged.
    pub patience: Duration,
    /// Set to true to end early; customers in mid-step finish that step.
    pub stop: Arc<AtomicBool>,
}

impl SoakOptions {
    /// A soak of `products` with four customers at once, a clock off by up to 20 s, a fresh seed.
    pub fn new(products: Vec<Product>, until: Until) -> Self {
        Self {
            products,
            until,
            parallel: 4,
            seed: Random::from_system().seed(),
            skew: Duration::from_secs(20),
            tolerate_outages: false,
            patience: Duration::from_secs(30),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }
}

/// What all customers share.
struct Shared {
    options: SoakOptions,
    run: String,
    ends: Option<Instant>,
    customers: AtomicU64,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// The next customer's number, or none when it is time to end.
    fn next_customer(&self) -> Option<u64> {
        if self.stopped() || self.ends.is_some_and(|ends| Instant::now() >= ends) {
            return None;
        }
        let number = self.customers.fetch_add(1, Ordering::Relaxed);
        match self.options.until {
            Until::Customers(limit) if number >= limit => None,
            Until::Customers(_) | Until::Elapsed(_) => Some(number),
        }
    }
}

/// Soaks until the end that was asked for, then tells what must be true. Must run inside a tokio runtime; customers
/// are tasks of it.
pub async fn soak(options: SoakOptions) -> SoakReport {
    let started = Instant::now();
    let ends = match options.until {
        Until::Elapsed(time) => Some(started + time),
        Until::Customers(_) => None,
    };
    let seed = options.seed;
    let parallel = options.parallel.max(1);
    let run = Random::from_system().capitals(6);
    let shared = Arc::new(Shared { options, run: run.clone(), ends, customers: AtomicU64::new(0) });
    let mut workers = JoinSet::new();
    for _ in 0..parallel {
        let shared = Arc::clone(&shared);
        workers.spawn(async move { worker(&shared).await });
    }
    let mut tally = Tally::default();
    while let Some(done) = workers.join_next().await {
        match done {
            Ok(part) => tally.add(part),
            Err(error) => tally.crashed(&error),
        }
    }
    tally.into_report(seed, run, started.elapsed())
}

async fn worker(shared: &Shared) -> Tally {
    let mut tally = Tally::default();
    while let Some(number) = shared.next_customer() {
        // A customer's own seed: its decisions do not depend on which worker took it, or when.
        let random = Random::seeded(shared.options.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let Some(product) = random.pick(&shared.options.products) else {
            break;
        };
        let mut customer = Customer::new(shared, product, &random, number, &mut tally);
        Box::pin(customer.live()).await;
        let expected = customer.expected();
        tally.expectations.push(expected);
    }
    tally
}

/// A customer's clock: off by at most `most`, either way.
fn skew(random: &Random, most: Duration) -> SignedDuration {
    let most = i64::try_from(most.as_millis()).unwrap_or(i64::MAX);
    SignedDuration::from_millis(random.between(-most, most))
}
