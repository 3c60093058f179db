//! Passes on a file that is kept elsewhere, and whose size and digest are known beforehand.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use sha2::{Digest, Sha256};

use super::client::{Client, Request, Unreachable};

/// Why a file cannot be passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// Whoever keeps it does not answer.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// Whoever keeps it answers something else.
    #[error("whoever keeps the file answers with HTTP status {0}")]
    Status(u16),
    /// It is not the file that is meant.
    #[error("what is kept there is not the file that is meant: it has another size")]
    Other,
}

/// How long whoever keeps the file may be silent: a machine waits meanwhile, and a connection of this service with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request for the file at `url`.
///
/// # Errors
/// [`DownloadError::Other`] when it is no address.
pub fn request(url: &str) -> Result<Request, DownloadError> {
    let url = url.parse().map_err(|_| DownloadError::Other)?;
    Ok(Request { method: reqwest::Method::GET, url, headers: Vec::new(), body: Vec::new(), timeout: PATIENCE })
}

/// Asks for `range` of the file of `size` bytes behind `request`, and passes it on as it comes. Another digest than `sha256`
/// is only logged, and seen only in a file that came whole: who gets the bytes checks all of them, and learns by that why
/// they will not do. Broken off here, they would be asked for again and again.
///
/// Not everybody who keeps files knows ranges: who sends all of it instead (RFC 9110 §14.2) is read from the beginning,
/// because a download that broke off would never end otherwise.
///
/// # Errors
/// [`DownloadError`], also from the stream.
pub async fn download(
    client: &Client,
    mut request: Request,
    size: u64,
    sha256: &str,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, DownloadError>>, DownloadError> {
    let whole = range == (0..size);
    if !whole {
        let value = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        request.headers.push(("range".to_owned(), value));
    }
    let (status, length, body) = client.open(request).await?;
    let sent = match status {
        200 => 0..size,
        206 if !whole => range.clone(),
        _ => return Err(DownloadError::Status(status)),
    };
    if length.is_some_and(|length| length != sent.end - sent.start) {
        return Err(DownloadError::Other);
    }
    let checked = Checked {
        body,
        hash: (sent == (0..size)).then(Sha256::new),
        left: sent.end - sent.start,
        skip: range.start - sent.start,
        wanted: range.end - range.start,
        sha256: sha256.to_owned(),
    };
    Ok(stream::try_unfold(checked, Checked::next).boxed())
}

struct Checked {
    body: BoxStream<'static, Result<Bytes, Unreachable>>,
    hash: Option<Sha256>,
    /// Bytes that are still to come.
    left: u64,
    /// Bytes that come before those that were asked for.
    skip: u64,
    /// Bytes that were asked for and not passed on yet.
    wanted: u64,
    sha256: String,
}

impl Checked {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, DownloadError> {
        loop {
            let Some(piece) = self.body.next().await.transpose()? else {
                return if self.left == 0 { Ok(None) } else { Err(DownloadError::Other) };
            };
            self.left = self.left.checked_sub(piece.len() as u64).ok_or(DownloadError::Other)?;
            if let Some(hash) = &mut self.hash {
                hash.update(&piece);
                if self.left == 0 && HEXLOWER.encode(&hash.clone().finalize()) != self.sha256 {
                    tracing::error!(
                        sha256 = self.sha256,
                        "a file that is kept elsewhere has another digest: it was changed there"
                    );
                }
            }
            let piece = self.asked_for(piece);
            if !piece.is_empty() {
                return Ok(Some((piece, self)));
            }
        }
    }

    /// What of a piece was asked for.
    fn asked_for(&mut self, mut piece: Bytes) -> Bytes {
        let before = piece.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        self.skip -= before as u64;
        let mut piece = piece.split_off(before);
        piece.truncate(usize::try_from(self.wanted).unwrap_or(usize::MAX));
        self.wanted -= piece.len() as u64;
        piece
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
