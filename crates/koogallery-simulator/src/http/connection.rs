//! One connection, plain or TLS.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{ClientConfig, crypto::ring, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Url;

use crate::reply::NoAnswer;

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tls: bool,
    pub(super) host: String,
    port: u16,
}

impl Target {
    pub(super) fn of(url: &Url) -> Result<Self, NoAnswer> {
        let reason = |reason: &str| NoAnswer::Url { reason: reason.to_owned() };
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(reason("only http:// and https:// can be called")),
        };
        let host = url.host_str().ok_or_else(|| reason("it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().ok_or_else(|| reason("it names no port"))?;
        Ok(Self { tls, host, port })
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// An open connection.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(super) async fn plain(target: &Target) -> Result<Self, NoAnswer> {
        Ok(Self::Plain(connect(target).await?))
    }

    pub(super) async fn tls(target: &Target, config: Arc<ClientConfig>) -> Result<Self, NoAnswer> {
        let failed = |reason: String| NoAnswer::Tls { host: target.host.clone(), reason };
        let name = ServerName::try_from(target.host.clone()).map_err(|error| failed(error.to_string()))?;
        let stream = connect(target).await?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|e| failed(e.to_string()))?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// Open, and nothing has come since the last answer: safe to reuse.
    pub(super) fn is_quiet(&self) -> bool {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        };
        matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

async fn connect(target: &Target) -> Result<TcpStream, NoAnswer> {
    let failed = |error: io::Error| NoAnswer::Connect { address: target.address(), reason: error.to_string() };
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

/// TLS 1.2 and 1.3 with the machine's certificate authorities.
pub(super) fn platform_tls() -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = builder.with_platform_verifier().map_err(|error| error.to_string())?.with_no_client_auth();
    Ok(Arc::new(config))
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
