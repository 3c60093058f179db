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

/// Raw Ed25519 over as many bytes as a license code signs, on one core: signatures and (strict) verifications a
/// second.
///
/// # Errors
/// When a signature does not verify.
pub fn signatures(signed_bytes: usize, time: Duration) -> anyhow::Result<(f64, f64)> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = vec![b'x'; signed_bytes];
    let made = rate(time, 16, || {
        black_box(key.sign(black_box(&message)));
        Ok(())
    })?;
    let (public, signature) = (key.verifying_key(), key.sign(&message));
    let checked = rate(time, 16, || Ok(public.verify_strict(black_box(&message), &signature)?))?;
    Ok((made, checked))
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
