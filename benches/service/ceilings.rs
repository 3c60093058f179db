//! What the machine could do at best, measured in the same run, so that a figure can be read as a share of it.

use std::{
    fs::OpenOptions,
    hint::black_box,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use ed25519_dalek::{Signer as _, SigningKey};
use signet::{
    base::clock::{Clock as _, SystemClock},
    license::{
        jwks::Jwks,
        verify::{VerifyOptions, verify_code},
    },
};

/// Bytes of one append: a page of the SQLite database file.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// Short measurements of the same thing, spread over a run. Whoever else uses the machine can only slow one down, so
/// the best of them is the ceiling; how far they lie apart says how much that is worth.
#[derive(Debug, Clone, Default)]
pub struct Slices(Vec<f64>);

impl Slices {
    /// Adds `count` measurements.
    ///
    /// # Errors
    /// Those of `measure`.
    pub fn add(&mut self, count: u32, mut measure: impl FnMut() -> anyhow::Result<f64>) -> anyhow::Result<()> {
        (0..count).try_for_each(|_| measure().map(|rate| self.0.push(rate)))
    }

    /// The fastest; `None` when nothing was measured.
    pub fn best(&self) -> Option<f64> {
        self.0.iter().copied().reduce(f64::max)
    }

    /// The fastest, unless the slices lie so far apart that a share of it would mean nothing.
    pub fn steady(&self) -> Option<f64> {
        self.best().filter(|best| self.0.iter().all(|rate| *best <= 2.0 * rate))
    }

    /// The fastest, and how slow it was at other times.
    pub fn shown(&self) -> String {
        let (Some(best), Some(worst)) = (self.best(), self.0.iter().copied().reduce(f64::min)) else {
            return "not measured: no pgbench".to_owned();
        };
        let warning = if self.steady().is_none() { ": UNSTEADY, the machine was busy with other things" } else { "" };
        format!("{best:.0} (slowest of {}: {worst:.0}{warning})", self.0.len())
    }
}

/// Appends of 4 KiB a second that are on disk before the next one starts (`fdatasync`): the least that one durable
/// commit costs in `folder`.
///
/// # Errors
/// The file's.
pub fn durable_appends(folder: &Path, time: Duration) -> anyhow::Result<f64> {
    let path = folder.join("appends");
    let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
    let rate = rate(time, 1, || {
        file.write_all(&PAGE)?;
        Ok(file.sync_data()?)
    });
    std::fs::remove_file(&path)?;
    rate
}

/// Raw Ed25519 signatures a second on one core, over as many bytes as a license code signs.
///
/// # Errors
/// None.
pub fn signatures(signed_bytes: usize, time: Duration) -> anyhow::Result<f64> {
    let (key, message) = (SigningKey::from_bytes(&[7; 32]), vec![b'x'; signed_bytes]);
    rate(time, 16, || {
        black_box(key.sign(black_box(&message)));
        Ok(())
    })
}

/// Raw (strict) Ed25519 verifications a second on one core, over as many bytes as a license code signs.
///
/// # Errors
/// When the signature does not verify.
pub fn raw_verifications(signed_bytes: usize, time: Duration) -> anyhow::Result<f64> {
    let (key, message) = (SigningKey::from_bytes(&[7; 32]), vec![b'x'; signed_bytes]);
    let (public, signature) = (key.verifying_key(), key.sign(&message));
    rate(time, 16, || Ok(public.verify_strict(black_box(&message), &signature)?))
}

/// Whole offline verifications a second on one core: form, key, signature, claims and time.
///
/// # Errors
/// When a code does not verify.
pub fn verifications(codes: &[String], keys: &Jwks, time: Duration) -> anyhow::Result<f64> {
    let options = VerifyOptions::at(SystemClock.now());
    let mut codes = codes.iter().cycle();
    rate(time, 16, || {
        let code = codes.next().context("no code to verify")?;
        black_box(verify_code(black_box(code), keys, &options)?);
        Ok(())
    })
}

/// How often a second `work` can be done, the clock being read after every `batch`.
fn rate(time: Duration, batch: u32, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut done = 0_u32;
    let started = Instant::now();
    while started.elapsed() < time {
        for _ in 0..batch {
            work()?;
        }
        done += batch;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}
