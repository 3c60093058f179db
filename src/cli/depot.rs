//! Opens the package store: a folder, or a bucket whose keys come from the environment or systemd.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::{
    base::secret::SecretString,
    config::{Config, PackageStore},
    depot::{Bucket, Depot, Place},
};

/// Opens the package store.
///
/// # Errors
/// Says what is missing or wrong, and what to do.
pub fn open(config: &Config) -> anyhow::Result<Depot> {
    let place = match &config.package_store {
        PackageStore::Folder(folder) => Place::Folder(folder.clone()),
        PackageStore::Bucket { name, prefix } => Place::Bucket(Bucket {
            name: name.clone(),
            prefix: prefix.clone(),
            endpoint: Some(config.package_store_endpoint.clone()).filter(|url| !url.is_empty()),
            region: config.package_store_region.clone(),
            access_key: key("ACCESS_KEY")?,
            secret_key: key("SECRET_KEY")?,
        }),
    };
    Ok(Depot::open(&place)?)
}

fn key(name: &str) -> anyhow::Result<SecretString> {
    let variable = format!("SIGNET_PACKAGE_STORE_{name}");
    if let Ok(text) = std::env::var(&variable) {
        return Ok(text.trim().to_owned().into());
    }
    let credential = format!("signet-{}", format!("package-store-{name}").to_ascii_lowercase().replace('_', "-"));
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let file = folder.map(|folder| folder.join(&credential)).filter(|file| file.exists());
    let file = file.with_context(|| {
        format!("the bucket's key is missing: set {variable}, or hand over the systemd credential {credential}")
    })?;
    let text = std::fs::read_to_string(file).with_context(|| format!("the credential {credential} cannot be read"))?;
    Ok(text.trim().to_owned().into())
}
