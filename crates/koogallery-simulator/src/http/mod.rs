//! A small HTTP/1.1 client. The usual ones fold header names to lower case, and the marketplace checks the exact
//! case of `Body-Sign`, so this one keeps what it reads. No redirects, no compression, no cookies, as the
//! marketplace; connections are kept and reused.
//!
//! Nothing here knows the protocol's signatures or fields.

mod connection;
mod response;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};
use url::Url;

use self::connection::{Connection, Target};
use crate::{
    reply::{NoAnswer, Reply},
    request::PreparedRequest,
};

/// Connections kept for the next call.
const KEPT: usize = 32;
/// A connection unused for longer is not trusted to be open still.
const KEPT_FOR: Duration = Duration::from_secs(4);

/// Sends requests and keeps connections. Clones share the connections.
#[derive(Clone, Default)]
pub struct Client(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kept: Mutex<Vec<(Target, Instant, Connection)>>,
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts the machine's certificate authorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// A client with its own TLS settings, for instance a private authority.
    pub fn with_tls(config: Arc<ClientConfig>) -> Self {
        let client = Self::default();
        let _ = client.0.tls.set(Ok(config));
        client
    }

    /// Sends `request` once and reads the whole answer within `timeout`.
    ///
    /// # Errors
    /// [`NoAnswer`]: whatever kept a complete answer from coming.
    pub async fn exchange(&self, request: &PreparedRequest, timeout: Duration) -> Result<Reply, NoAnswer> {
        let started = Instant::now();
        let exchange = self.exchange_once(request, started);
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(NoAnswer::Timeout { after: timeout }))
    }

    /// Sends `request` and hangs up without reading: the answer is lost on its way.
    ///
    /// # Errors
    /// [`NoAnswer`] when the request could not even be sent.
    pub async fn send_and_hang_up(&self, request: &PreparedRequest, timeout: Duration) -> Result<(), NoAnswer> {
        let send = async {
            let target = Target::of(&request.url)?;
            let mut connection = self.open(&target).await?;
            let closed = |error: std::io::Error| closed(0, false, &error);
            connection.write_all(&head(request)).await.map_err(closed)?;
            connection.write_all(&request.body).await.map_err(closed)?;
            connection.flush().await.map_err(closed)
        };
        tokio::time::timeout(timeout, send).await.unwrap_or(Err(NoAnswer::Timeout { after: timeout }))
    }

    async fn exchange_once(&self, request: &PreparedRequest, started: Instant) -> Result<Reply, NoAnswer> {
        let target = Target::of(&request.url)?;
        let (mut connection, reused) = match self.take(&target) {
            Some(kept) => (kept, true),
            None => (self.open(&target).await?, false),
        };
        let (received, keep) = talk(&mut connection, request, reused).await?;
        if keep {
            self.keep(target, connection);
        }
        let response::Received { status, headers, body } = received;
        Ok(Reply { status, headers, body, elapsed: started.elapsed() })
    }

    fn take(&self, target: &Target) -> Option<Connection> {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since, connection)| since.elapsed() < KEPT_FOR && connection.is_quiet());
        let index = kept.iter().rposition(|(known, ..)| known == target)?;
        Some(kept.swap_remove(index).2)
    }

    fn keep(&self, target: Target, connection: Connection) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push((target, Instant::now(), connection));
        }
    }

    async fn open(&self, target: &Target) -> Result<Connection, NoAnswer> {
        if !target.tls {
            return Connection::plain(target).await;
        }
        let config = self.0.tls.get_or_init(connection::platform_tls).clone();
        let config = config.map_err(|reason| NoAnswer::Tls { host: target.host.clone(), reason })?;
        Connection::tls(target, config).await
    }
}

/// Writes and reads at the same time: a server may answer, and close, before it has read a body it refuses.
async fn talk(
    connection: &mut Connection,
    request: &PreparedRequest,
    reused: bool,
) -> Result<(response::Received, bool), NoAnswer> {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let head = head(request);
    let write = async {
        writer.write_all(&head).await?;
        writer.write_all(&request.body).await?;
        writer.flush().await
    };
    let read = response::read(&mut reader, request.method == "HEAD", reused);
    tokio::pin!(write, read);
    let mut written = None;
    let (received, keep) = loop {
        tokio::select! {
            biased;
            result = &mut write, if written.is_none() => written = Some(result.is_ok()),
            answer = &mut read => break answer?,
        }
    };
    Ok((received, keep && written == Some(true)))
}

fn head(request: &PreparedRequest) -> Vec<u8> {
    let url = &request.url;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut head = format!("{} {path} HTTP/1.1\r\nHost: {}\r\n", request.method, authority(url));
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !request.body.is_empty() || !matches!(request.method.as_str(), "GET" | "HEAD") {
        head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn closed(received: usize, reused: bool, error: &std::io::Error) -> NoAnswer {
    NoAnswer::Closed { received, reused, reason: error.to_string() }
}

/// One more piece of the answer; an end of the stream is zero.
async fn fill(reader: &mut (impl AsyncReadExt + Unpin), into: &mut Vec<u8>) -> std::io::Result<usize> {
    into.reserve(8 * 1024);
    reader.read_buf(into).await
}
