//! Accepts connections and serves them over HTTP/1.1.
//!
//! Own loop instead of `axum::serve` for what that does not offer: a limit on how long a head may take and
//! how large it may be, a limit on connections, and response headers in title case, because the marketplace
//! compares the name `Body-Sign` with its case.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::base::limits;

/// Pause after an accept that failed, so that a full table of descriptors does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop`, then lets open requests finish for at most
/// [`limits::SHUTDOWN_TIMEOUT`].
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let rooms = Arc::new(Semaphore::new(limits::ROOMY_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let room = Arc::clone(&rooms).try_acquire_owned().ok();
                let stream = guarded(stream, limits::WRITE_STALL);
                let connection = graceful.watch(connection(stream, peer, router.clone(), room.is_some()));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!("connection ended: {error}");
                    }
                    drop((place, room));
                });
            }
            Err(error) => {
                tracing::warn!("accept failed: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(limits::SHUTDOWN_TIMEOUT) => {
            tracing::warn!("stopped with requests still open after {:?}", limits::SHUTDOWN_TIMEOUT);
        }
    }
}

/// A connection that does not wait for ever.
type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

fn connection(
    stream: Stream,
    peer: SocketAddr,
    router: Router,
    roomy: bool,
) -> http1::Connection<
    TokioIo<Stream>,
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = axum::response::Response,
        Error = std::convert::Infallible,
        Future = impl Send,
    >,
> {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    // What hyper itself refuses is answered 431 or 414 without a word: more than this, and addresses over 65,534 bytes.
    let head_bytes = if roomy { limits::REFUSED_HEAD_BYTES } else { limits::REQUEST_HEAD_BYTES };
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD_TIMEOUT)
        .max_buf_size(head_bytes)
        .max_headers(limits::REFUSED_HEAD_LINES)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
}

/// Ends a connection whose client takes nothing of its answers for `stall`: its place is somebody else's.
fn guarded(stream: TcpStream, stall: Duration) -> Stream {
    // An answer is written in one piece; waiting for more would only cost the marketplace time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(stall));
    Box::pin(stream)
}
