//! Where published keys come from.

use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::license::jwks::{self, Jwks};

/// How long fetching the keys may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

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
