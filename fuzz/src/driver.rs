//! Breaks good input at random.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::Target;

/// How long one input may take: a hundred times what the slowest needs without optimisation.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Inputs that are kept to be broken further.
const POOL: usize = 256;
/// Bytes of the longest input that is broken further.
const LENGTH: usize = 64 * 1024;
/// What readers take for special.
const TOKENS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b".",
    b"..",
    b"=",
    b"&",
    b"%",
    b"%00",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"null",
    b"\xFF",
    b"\xEF\xBC\xA1",
    b"\r\n",
    b"\0",
    b"[[[[[[[[[[[[[[[[",
    b"eyJ",
    b"U",
];

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After so many inputs.
    Inputs(u64),
    /// When it is that late.
    Deadline(Instant),
}

/// Input that a reader could not stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    target: &'static str,
    seed: u64,
    what: String,
    input: Vec<u8>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, seed, what, input } = self;
        let hex = HEXLOWER.encode(input);
        write!(f, "{what}\nagain: signet-fuzz --seed {seed} {target}\ninput, in hexadecimal: {hex}")
    }
}

impl std::error::Error for Fault {}

/// Hands broken input to `target`, and says how much.
///
/// # Errors
/// The first [`Fault`].
pub fn run(target: &Target, seed: u64, until: Until) -> Result<u64, Fault> {
    let mut rng = StdRng::seed_from_u64(seed);
    let seeds = (target.seeds)();
    let mut pool = seeds.clone();
    for (input, done) in seeds.iter().zip(1..) {
        attempt(target, seed, input)?;
        if matches!(until, Until::Inputs(most) if done >= most) {
            return Ok(done);
        }
    }
    let mut done = seeds.len() as u64;
    while match until {
        Until::Inputs(most) => done < most,
        Until::Deadline(end) => Instant::now() < end,
    } {
        // Half of the time from the start: a walk that only goes on soon is nothing but noise.
        let from = if rng.random() { seeds.choose(&mut rng) } else { pool.choose(&mut rng) };
        let mut input = from.cloned().unwrap_or_default();
        for _ in 0..rng.random_range(1..=4) {
            break_one(&mut rng, &mut input, &pool);
        }
        attempt(target, seed, &input)?;
        done += 1;
        if input.len() <= LENGTH {
            let place = rng.random_range(0..POOL);
            match pool.get_mut(place) {
                Some(kept) => *kept = input,
                None => pool.push(input),
            }
        }
    }
    Ok(done)
}

fn attempt(target: &Target, seed: u64, input: &[u8]) -> Result<(), Fault> {
    let started = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let what = match result {
        Err(panic) => format!("it panics: {}", words(&*panic)),
        Ok(()) if started.elapsed() > PATIENCE => format!("it takes longer than {PATIENCE:?}"),
        Ok(()) => return Ok(()),
    };
    Err(Fault { target: target.name, seed, what, input: input.to_vec() })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a word").to_owned()
}

fn break_one(rng: &mut StdRng, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
    let place = rng.random_range(0..=input.len());
    let end = (place + rng.random_range(0..=16)).min(input.len());
    match rng.random_range(0..8) {
        0 => flip(rng, input, place),
        1 => set(rng, input, place),
        2 => drop(input.drain(place..end)),
        3 => input.truncate(place),
        4 => splice(input, place, TOKENS.choose(rng).copied().unwrap_or_default()),
        5 => {
            let part = input[place..end].to_vec();
            splice(input, rng.random_range(0..=input.len()), &part);
        }
        6 => {
            let other = pool.choose(rng).cloned().unwrap_or_default();
            let from = rng.random_range(0..=other.len());
            input.truncate(place);
            input.extend(&other[from..]);
        }
        _ => {
            let end = rng.random_range(0..=input.len());
            input[place.min(end)..place.max(end)].reverse();
        }
    }
}

fn flip(rng: &mut StdRng, input: &mut [u8], place: usize) {
    if let Some(byte) = input.get_mut(place) {
        *byte ^= 1 << rng.random_range(0..8);
    }
}

fn set(rng: &mut StdRng, input: &mut [u8], place: usize) {
    if let Some(byte) = input.get_mut(place) {
        *byte = rng.random();
    }
}

fn splice(input: &mut Vec<u8>, place: usize, part: &[u8]) {
    input.splice(place..place, part.iter().copied());
}
