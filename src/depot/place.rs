//! Where packages can be kept, as the settings say it.

use std::{os::unix::fs::DirBuilderExt as _, path::PathBuf, sync::Arc};

use object_store::{aws::AmazonS3Builder, local::LocalFileSystem, prefix::PrefixStore};

use super::{Depot, DepotError};
use crate::base::secret::{ExposeSecret as _, SecretString};

/// Where packages are kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(Bucket),
}

/// A bucket that speaks S3.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What objects' names begin with; may be empty.
    pub prefix: String,
    /// Where it is, such as `https://obs.cn-north-4.myhuaweicloud.com`; `None`: AWS.
    pub endpoint: Option<String>,
    /// The region that is signed for.
    pub region: String,
    /// The id of its key.
    pub access_key: SecretString,
    /// Its key.
    pub secret_key: SecretString,
}

impl Place {
    pub(super) fn open(&self) -> Result<Depot, DepotError> {
        match self {
            Self::Folder(folder) => open_folder(folder.clone()),
            Self::Bucket(bucket) => bucket.open(),
        }
    }
}

fn open_folder(folder: PathBuf) -> Result<Depot, DepotError> {
    let place = folder.display().to_string();
    let unusable = |reason: String| DepotError::Store { place: place.clone(), reason };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| unusable(format!("the folder cannot be made: {error}")))?;
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| DepotError::of(&place, &error))?;
    Ok(Depot { store: Arc::new(store), folder: Some(folder), place })
}

impl Bucket {
    fn open(&self) -> Result<Depot, DepotError> {
        // A signed request goes nowhere but to the endpoint; the client takes the process's TLS provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_access_key_id(self.access_key.expose_secret())
            .with_secret_access_key(self.secret_key.expose_secret());
        if let Some(endpoint) = &self.endpoint {
            // OBS refuses paths with the bucket's name; a host of one's own mostly has no names for buckets.
            let (scheme, host) = endpoint.split_once("://").unwrap_or(("https", endpoint));
            builder = if host.ends_with("myhuaweicloud.com") {
                let endpoint = format!("{scheme}://{}.{host}", self.name);
                builder.with_endpoint(endpoint).with_virtual_hosted_style_request(true)
            } else {
                builder.with_endpoint(endpoint).with_allow_http(scheme == "http")
            };
        }
        let place = format!("bucket {}", self.name);
        let store = builder.build().map_err(|error| DepotError::of(&place, &error))?;
        Ok(Depot { store: Arc::new(PrefixStore::new(store, self.prefix.as_str())), folder: None, place })
    }
}
