//! Reads one answer and keeps the case of its header names.

use httparse::Status;
use tokio::io::AsyncRead;

use super::{closed, fill};
use crate::reply::NoAnswer;

/// Bytes of an answer's head.
const HEAD_BYTES: usize = 64 * 1024;
/// Bytes of an answer's body.
const BODY_BYTES: usize = 1024 * 1024;
/// Headers of an answer.
const HEADERS: usize = 64;

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

struct Head {
    status: u16,
    minor: u8,
    headers: Vec<(String, String)>,
    length: usize,
}

impl Head {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn says(&self, name: &str, token: &str) -> bool {
        self.values(name).flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    fn content_length(&self) -> Result<Option<usize>, NoAnswer> {
        let mut found = None;
        for value in self.values("content-length") {
            let length: usize = value.trim().parse().map_err(|_| malformed("Content-Length is no number"))?;
            if found.is_some_and(|known| known != length) {
                return Err(malformed("two Content-Length headers disagree"));
            }
            found = Some(length);
        }
        Ok(found)
    }
}

/// What has been read and not yet used.
struct Source<'a, R> {
    reader: &'a mut R,
    buffer: Vec<u8>,
    received: usize,
    reused: bool,
}

impl<R: AsyncRead + Unpin> Source<'_, R> {
    /// Reads more; `false` at the end of the stream.
    async fn more(&mut self) -> Result<bool, NoAnswer> {
        let count = fill(self.reader, &mut self.buffer).await;
        let count = count.map_err(|error| closed(self.received, self.reused, &error))?;
        self.received += count;
        Ok(count > 0)
    }

    /// Reads more, where the stream may not end.
    async fn need(&mut self) -> Result<(), NoAnswer> {
        if self.more().await? {
            return Ok(());
        }
        Err(NoAnswer::Closed {
            received: self.received,
            reused: self.reused,
            reason: "the other side hung up".to_owned(),
        })
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>, NoAnswer> {
        while self.buffer.len() < count {
            self.need().await?;
        }
        Ok(self.buffer.drain(..count).collect())
    }
}

/// Reads one final answer (1xx are skipped) and says whether the connection may be used again.
pub(super) async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    is_head: bool,
    reused: bool,
) -> Result<(Received, bool), NoAnswer> {
    let mut source = Source { reader, buffer: Vec::new(), received: 0, reused };
    let head = loop {
        let head = read_head(&mut source).await?;
        source.buffer.drain(..head.length);
        if head.status >= 200 {
            break head;
        }
    };
    let mut keep = head.minor == 1 && !head.says("connection", "close");
    let body = if is_head || matches!(head.status, 204 | 304) {
        Vec::new()
    } else if head.says("transfer-encoding", "chunked") {
        read_chunks(&mut source).await?
    } else if let Some(length) = head.content_length()? {
        within_limit(length)?;
        source.take(length).await?
    } else {
        keep = false;
        read_to_end(&mut source).await?
    };
    let keep = keep && source.buffer.is_empty();
    Ok((Received { status: head.status, headers: head.headers, body }, keep))
}

async fn read_head<R: AsyncRead + Unpin>(source: &mut Source<'_, R>) -> Result<Head, NoAnswer> {
    loop {
        if let Some(head) = parse_head(&source.buffer)? {
            return Ok(head);
        }
        if source.buffer.len() > HEAD_BYTES {
            return Err(malformed("its head is larger than 64 KiB"));
        }
        source.need().await?;
    }
}

fn parse_head(buffer: &[u8]) -> Result<Option<Head>, NoAnswer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(buffer) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(error) => return Err(malformed(&error.to_string())),
    };
    let (Some(status), Some(minor)) = (response.code, response.version) else {
        return Err(malformed("it has no status line"));
    };
    let headers = response.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_owned(), value)
    });
    Ok(Some(Head { status, minor, headers: headers.collect(), length }))
}

async fn read_chunks<R: AsyncRead + Unpin>(source: &mut Source<'_, R>) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    loop {
        let size = loop {
            match httparse::parse_chunk_size(&source.buffer) {
                Ok(Status::Complete((used, size))) => {
                    source.buffer.drain(..used);
                    break usize::try_from(size).unwrap_or(usize::MAX);
                }
                Ok(Status::Partial) if source.buffer.len() < HEAD_BYTES => source.need().await?,
                _ => return Err(malformed("a chunk's size cannot be read")),
            }
        };
        if size == 0 {
            skip_trailers(source).await?;
            return Ok(body);
        }
        within_limit(body.len().saturating_add(size))?;
        body.extend(source.take(size).await?);
        if source.take(2).await? != b"\r\n" {
            return Err(malformed("a chunk is longer than it says"));
        }
    }
}

async fn skip_trailers<R: AsyncRead + Unpin>(source: &mut Source<'_, R>) -> Result<(), NoAnswer> {
    loop {
        if let Some(end) = source.buffer.windows(2).position(|pair| pair == b"\r\n") {
            source.buffer.drain(..end + 2);
            if end == 0 {
                return Ok(());
            }
        } else if source.buffer.len() > HEAD_BYTES {
            return Err(malformed("its trailers are larger than 64 KiB"));
        } else {
            source.need().await?;
        }
    }
}

async fn read_to_end<R: AsyncRead + Unpin>(source: &mut Source<'_, R>) -> Result<Vec<u8>, NoAnswer> {
    while source.more().await? {
        within_limit(source.buffer.len())?;
    }
    Ok(std::mem::take(&mut source.buffer))
}

fn within_limit(length: usize) -> Result<(), NoAnswer> {
    if length > BODY_BYTES { Err(malformed("its body is larger than 1 MiB")) } else { Ok(()) }
}

fn malformed(reason: &str) -> NoAnswer {
    NoAnswer::Malformed { reason: reason.to_owned() }
}
