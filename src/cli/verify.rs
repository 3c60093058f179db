//! `signet verify [--jwks FILE|URL] CODE`: does a license code, or the license of one device, verify without asking
//! anybody?

use std::{
    io::{self, Read},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use crate::{
    base::{
        clock::{Clock, SystemClock},
        slug::Slug,
        time::Time,
    },
    license::{
        jwks::{self, Jwks},
        jws::SignedKind,
        verify::{self, Refusal, Verified, VerifyOptions},
    },
};

use super::{table, terminal::outln};

/// How long fetching the keys may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments of `signet verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The published keys: a file, or an address such as https://license.example.com/.well-known/jwks.json
    #[arg(long, default_value = "http://127.0.0.1:8080/.well-known/jwks.json")]
    jwks: String,
    /// The product the code must be for
    #[arg(long)]
    product: Option<Slug>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The license code, or the license of one device; `-` reads it from standard input, which keeps it out of the shell's history
    code: String,
}

/// Verifies. Exit code 0: it holds; 1: it does not, or the keys cannot be read.
///
/// # Errors
/// When code or keys cannot be read.
pub async fn run(command: Verify) -> anyhow::Result<ExitCode> {
    let code = read_code(&command.code)?;
    let keys = read_keys(&command.jwks).await?;
    let options = VerifyOptions { product: command.product.as_ref(), ..VerifyOptions::at(SystemClock.now()) };
    let result = verify::verify_either(&code, &keys, &options);
    if command.json {
        outln!("{}", as_json(&result));
    } else {
        match &result {
            Ok(verified) => outln!("{}", shown(verified)),
            Err(refusal) => outln!("NOT VALID: {refusal}"),
        }
    }
    Ok(if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A verified code as a table for people.
pub fn shown(verified: &Verified) -> comfy_table::Table {
    let claims = &verified.claims;
    let day = |seconds: i64| {
        seconds.checked_mul(1_000_000).and_then(Time::from_micros).map(|it| it.to_string()).unwrap_or_default()
    };
    let features = serde_json::to_string(&claims.features).unwrap_or_default();
    let mut pairs = vec![
        ("VALID", "the signature holds".to_owned()),
        ("kind", kind(verified.kind()).to_owned()),
        ("license", claims.sub.to_string()),
        ("product / plan", format!("{} / {}", claims.aud.product(), claims.plan)),
        ("machines", claims.machines.to_string()),
        ("features", features),
        ("issued by", claims.iss.clone()),
        ("issued at", day(claims.iat)),
        ("revision", claims.rev.to_string()),
        ("ends", claims.exp.map_or_else(|| "not in the code: ask the service".to_owned(), day)),
        ("signed by key", verified.kid.clone()),
    ];
    if let Some(device) = &claims.device {
        pairs.push(("bound to device", device.clone()));
    }
    table::of_pairs(pairs)
}

/// What people call a kind.
fn kind(kind: SignedKind) -> &'static str {
    match kind {
        SignedKind::LicenseCode => "license code",
        SignedKind::DeviceLicense => "license of one device",
        SignedKind::KeyList => "key list",
    }
}

fn as_json(result: &Result<Verified, Refusal>) -> serde_json::Value {
    match result {
        Ok(verified) => json!({
            "valid": true, "kind": verified.kind().typ(), "kid": verified.kid, "claims": verified.claims,
        }),
        Err(refusal) => json!({ "valid": false, "reason": refusal.as_str(), "detail": refusal.to_string() }),
    }
}

fn read_code(argument: &str) -> anyhow::Result<String> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        io::stdin().take(64 * 1024).read_to_string(&mut text).context("standard input cannot be read")?;
    }
    Ok(text.trim().to_owned())
}

/// Reads the published keys from a file or an address.
///
/// # Errors
/// Names the source.
pub async fn read_keys(source: &str) -> anyhow::Result<Jwks> {
    let bytes = if source.starts_with("http://") || source.starts_with("https://") {
        fetch(source).await.with_context(|| format!("the keys at {source} cannot be fetched"))?
    } else {
        std::fs::read(source).with_context(|| format!("the keys in {source} cannot be read"))?
    };
    Jwks::parse(&bytes).with_context(|| format!("{source} holds no published keys"))
}

async fn fetch(url: &str) -> anyhow::Result<Vec<u8>> {
    // A second installation is refused; the first one is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > jwks::BYTES {
            bail!("it is longer than {} bytes", jwks::BYTES);
        }
    }
    Ok(bytes)
}
