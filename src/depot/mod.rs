//! The package store: bytes by product and digest, in a folder or in a bucket that speaks S3 (AWS, Huawei OBS, MinIO).
//!
//! The only room that names `object_store`. An object is written whole or not at all, and never changed: its name is
//! its digest. What a package is, who may have it and which version is newest is the work of `usecase`.

mod error;
mod place;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt as _, path::Path};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

pub use error::DepotError;
pub use place::{Bucket, Place};

use crate::base::{slug::Slug, time::Time};

/// Bytes that are sent in one piece; S3 wants at least 5 MiB and takes 10,000 of them.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Where packages are kept. Clones share it.
#[derive(Clone)]
pub struct Depot {
    store: Arc<dyn ObjectStore>,
    /// The folder, where it is one.
    folder: Option<PathBuf>,
    place: String,
}

/// Says only where it is: a bucket's client knows its keys.
impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Depot").field(&self.place).finish()
    }
}

/// What is being read.
pub struct Reading {
    /// Bytes of the whole object.
    pub size: u64,
    /// What of it is read.
    pub range: Range<u64>,
    /// The bytes of that range, in order.
    pub stream: BoxStream<'static, Result<Bytes, DepotError>>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its product, as the name says.
    pub product: String,
    /// Its digest, as the name says.
    pub sha256: String,
    /// When it was written.
    pub written_at: Time,
}

impl Depot {
    /// Opens the store.
    ///
    /// # Errors
    /// [`DepotError`]: a folder that cannot be made, a bucket that is described wrongly. A bucket is not asked yet.
    pub fn open(place: &Place) -> Result<Self, DepotError> {
        place.open()
    }

    /// Whether the object is there, and has `size` bytes.
    ///
    /// # Errors
    /// The store's.
    pub async fn has(&self, product: &Slug, sha256: &str, size: u64) -> Result<bool, DepotError> {
        match self.store.head(&name(product, sha256)).await {
            Ok(meta) => Ok(meta.size == size),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Writes an object of `size` bytes. It is there when this returns, and not before; `progress` hears how many bytes
    /// were written so far.
    ///
    /// # Errors
    /// [`DepotError::Changed`] when the bytes are not those that were announced; the store's. Nothing is there then.
    pub async fn put(
        &self,
        product: &Slug,
        sha256: &str,
        size: u64,
        mut bytes: impl AsyncRead + Unpin + Send,
        progress: impl Fn(u64) + Send,
    ) -> Result<(), DepotError> {
        let name = name(product, sha256);
        let mut upload = self.store.put_multipart(&name).await.map_err(|error| self.failed(&error))?;
        let written = self.write(&mut *upload, &mut bytes, size, progress).await;
        let sound = written
            .and_then(|found| if found == (size, sha256.to_owned()) { Ok(()) } else { Err(DepotError::Changed) });
        if let Err(error) = sound {
            // What cannot be taken back either is an unfinished upload: never visible.
            let _ = upload.abort().await;
            return Err(error);
        }
        upload.complete().await.map_err(|error| self.failed(&error))?;
        self.settle(product, sha256).await
    }

    async fn write(
        &self,
        upload: &mut dyn MultipartUpload,
        bytes: &mut (impl AsyncRead + Unpin),
        size: u64,
        progress: impl Fn(u64),
    ) -> Result<(u64, String), DepotError> {
        let (mut hash, mut count) = (Sha256::new(), 0);
        loop {
            let mut part = Vec::with_capacity(PART_BYTES);
            let limit = PART_BYTES as u64;
            (&mut *bytes)
                .take(limit)
                .read_to_end(&mut part)
                .await
                .map_err(|error| DepotError::Source(error.to_string()))?;
            count += part.len() as u64;
            if part.is_empty() || count > size {
                return Ok((count, HEXLOWER.encode(&hash.finalize())));
            }
            hash.update(&part);
            upload.put_part(Bytes::from(part).into()).await.map_err(|error| self.failed(&error))?;
            progress(count);
        }
    }

    /// Brings a file to the disk, so that a row which names it is never without it.
    async fn settle(&self, product: &Slug, sha256: &str) -> Result<(), DepotError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(product.as_str()).join(sha256);
        let synced = async {
            tokio::fs::File::open(&file).await?.sync_all().await?;
            tokio::fs::File::open(folder.join(product.as_str())).await?.sync_all().await?;
            tokio::fs::File::open(folder).await?.sync_all().await
        };
        synced.await.map_err(|error| DepotError::Store { place: self.place.clone(), reason: error.to_string() })
    }

    /// Reads an object, or a part of it: `range` in bytes, its end cut at the object's.
    ///
    /// # Errors
    /// [`DepotError::Missing`]; [`DepotError::Range`] for one that begins behind the end or is empty; the store's, also
    /// from the stream.
    pub async fn read(&self, product: &Slug, sha256: &str, range: Option<Range<u64>>) -> Result<Reading, DepotError> {
        let name = name(product, sha256);
        let missing = || DepotError::Missing { place: self.place.clone(), name: name.to_string() };
        let size = match self.store.head(&name).await {
            Ok(meta) => meta.size,
            Err(object_store::Error::NotFound { .. }) => return Err(missing()),
            Err(error) => return Err(self.failed(&error)),
        };
        let range = range.map_or(0..size, |range| range.start..range.end.min(size));
        if range.is_empty() {
            return Err(DepotError::Range { size });
        }
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range.clone())));
        let found = self.store.get_opts(&name, options).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => missing(),
            error => self.failed(&error),
        })?;
        let depot = self.clone();
        let stream = found.into_stream().map_err(move |error| depot.failed(&error)).boxed();
        Ok(Reading { size, range, stream })
    }

    /// Everything that is kept, in no order.
    pub fn list(&self) -> impl Stream<Item = Result<Kept, DepotError>> + Send + '_ {
        let kept = move |meta: object_store::ObjectMeta| {
            let mut parts = meta.location.parts();
            let (product, sha256) = (parts.next()?, parts.next()?);
            Some(Kept {
                product: product.as_ref().to_owned(),
                sha256: sha256.as_ref().to_owned(),
                written_at: Time::from_micros(meta.last_modified.timestamp_micros())?,
            })
        };
        self.store
            .list(None)
            .map_err(|error| self.failed(&error))
            .try_filter_map(move |meta| std::future::ready(Ok(kept(meta))))
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn remove(&self, kept: &Kept) -> Result<(), DepotError> {
        let name = Path::from_iter([kept.product.as_str(), kept.sha256.as_str()]);
        match self.store.delete(&name).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &object_store::Error) -> DepotError {
        DepotError::of(&self.place, error)
    }
}

fn name(product: &Slug, sha256: &str) -> Path {
    Path::from_iter([product.as_str(), sha256])
}
