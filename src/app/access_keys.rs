//! The channels' access keys, read from where the catalog says they are.

use std::{collections::HashMap, fs, io, path::Path};

use crate::{
    base::{secret::SecretString, slug::Slug},
    catalog::{Catalog, Channel, SecretRef},
    usecase::installation::Installation,
};

/// Why a secret cannot be had. Never says what it holds.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    #[error("the environment variable {0} is not set, or not UTF-8")]
    Variable(String),
    #[error("{path}: {error}")]
    File { path: String, error: io::Error },
    #[error("it is empty")]
    Empty,
}

impl SecretError {
    /// Whether somebody took the secret away: a channel without a key is closed. Everything else may be over in a moment
    /// (a file that is being written, a table of descriptors that is full).
    fn is_gone(&self) -> bool {
        match self {
            Self::Variable(_) => true,
            Self::File { error, .. } => error.kind() == io::ErrorKind::NotFound,
            Self::Empty => false,
        }
    }
}

/// The access keys of all channels. A channel whose key is gone is left out and said: its calls are answered as failed
/// authentications until the key is there and the service was told to load anew. A key that is there but cannot be read
/// stays as it was in `before`: a call that is refused for it may not come again.
pub(super) fn read(catalog: &Catalog, data_dir: &Path, before: Option<&Installation>) -> HashMap<Slug, SecretString> {
    let mut keys = HashMap::new();
    for channel in &catalog.channels {
        let slug = &channel.slug;
        let key = match read_secret(&channel.access_key, data_dir) {
            Ok(key) => Some(key),
            Err(reason) => {
                let kept = before.filter(|_| !reason.is_gone()).and_then(|before| last(before, channel));
                let then = if kept.is_some() { "the one read last stays" } else { "all its calls are refused" };
                tracing::error!(channel.slug = %slug, "access key cannot be read, {then}: {reason}");
                kept
            }
        };
        keys.extend(key.map(|key| (slug.clone(), key)));
    }
    keys
}

/// The key that was last read from the same place.
fn last(before: &Installation, channel: &Channel) -> Option<SecretString> {
    let same = before.catalog.channel(&channel.slug)?.access_key == channel.access_key;
    before.access_keys.get(&channel.slug).filter(|_| same).cloned()
}

fn read_secret(reference: &SecretRef, data_dir: &Path) -> Result<SecretString, SecretError> {
    let text = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| SecretError::Variable(name.clone()))?,
        SecretRef::File(path) => {
            let path = data_dir.join(path);
            fs::read_to_string(&path).map_err(|error| SecretError::File { path: path.display().to_string(), error })?
        }
    };
    let text = text.trim();
    if text.is_empty() { Err(SecretError::Empty) } else { Ok(text.to_owned().into()) }
}
