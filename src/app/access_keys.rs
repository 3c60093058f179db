//! The channels' access keys, read from where the catalog says they are.

use std::{collections::HashMap, fs, io, path::Path};

use crate::{
    base::{secret::SecretString, slug::Slug},
    catalog::{Catalog, SecretRef},
    usecase::installation::{Installation, OpenApiKeys},
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

/// The access keys of all channels, and their keys for the marketplace's open interfaces. A channel whose key is gone is left
/// out and said: its calls are answered as failed authentications, and the marketplace is asked nothing for it, until the key
/// is there and the service was told to load anew. A key that is there but cannot be read stays as it was in `before`: a call
/// that is refused for it may not come again.
pub(super) fn read(
    catalog: &Catalog,
    data_dir: &Path,
    before: Option<&Installation>,
) -> (HashMap<Slug, SecretString>, HashMap<Slug, OpenApiKeys>) {
    let (mut keys, mut open) = (HashMap::new(), HashMap::new());
    for channel in &catalog.channels {
        let slug = &channel.slug;
        let last = before.filter(|it| it.catalog.channel(slug).is_some_and(|it| it.access_key == channel.access_key));
        let last = last.and_then(|before| before.access_keys.get(slug).cloned());
        let what = Secret { channel: slug, name: "the access key", without: "all its calls are refused" };
        keys.extend(what.read(&channel.access_key, data_dir, last).map(|key| (slug.clone(), key)));
        let Some(wanted) = &channel.open_api else { continue };
        let same = before.filter(|it| it.catalog.channel(slug).is_some_and(|it| it.open_api == channel.open_api));
        let last = same.and_then(|before| before.open_api_keys.get(slug));
        let secret = |name| Secret { channel: slug, name, without: "the marketplace is asked nothing for it" };
        let part = |name, from, last| secret(name).read(from, data_dir, last);
        let access_key = part("open_api's access key", &wanted.access_key, last.map(|it| it.access_key.clone()));
        let secret_key = part("open_api's secret key", &wanted.secret_key, last.map(|it| it.secret_key.clone()));
        if let (Some(access_key), Some(secret_key)) = (access_key, secret_key) {
            open.insert(slug.clone(), OpenApiKeys { access_key, secret_key });
        }
    }
    (keys, open)
}

/// A secret of a channel, for what is said of it.
struct Secret<'a> {
    channel: &'a Slug,
    name: &'a str,
    /// What happens without it.
    without: &'a str,
}

impl Secret<'_> {
    /// Reads it; `last` is what was read before from the same place.
    fn read(&self, from: &SecretRef, data_dir: &Path, last: Option<SecretString>) -> Option<SecretString> {
        let reason = match read_secret(from, data_dir) {
            Ok(secret) => return Some(secret),
            Err(reason) => reason,
        };
        let kept = last.filter(|_| !reason.is_gone());
        let then = if kept.is_some() { "the one read last stays" } else { self.without };
        tracing::error!(channel.slug = %self.channel, "{} cannot be read, {then}: {reason}", self.name);
        kept
    }
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
