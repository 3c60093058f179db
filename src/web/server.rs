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

/// In every request: cancelled once the service stops, so that answers without an end end.
#[derive(Debug, Clone)]
pub struct Stopping(pub CancellationToken);

/// Serves `router` on `listener`, so many connections at once, until `stop`, then lets open requests finish for at most
/// [`limits::SHUTDOWN_TIMEOUT`].
pub async fn serve(connections: usize, listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections));
    let rooms = Arc::new(Semaphore::new(limits::ROOMY_CONNECTIONS));
    loop {
        // Nobody waits for a place any more once the service stops.
        let next = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let room = Arc::clone(&rooms).try_acquire_owned().ok();
                let stream = guarded(stream, limits::WRITE_STALL);
                let connection = graceful.watch(connection(stream, peer, router.clone(), room.is_some(), stop.clone()));
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
    stop: CancellationToken,
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
        request.extensions_mut().insert(Stopping(stop.clone()));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    // More than this, and addresses over 65,534 bytes, hyper answers 431 or 414 without a word. It may read a little more.
    let (bytes, lines) = match roomy {
        true => (limits::REFUSED_HEAD_BYTES, limits::REFUSED_HEAD_LINES),
        false => (limits::REQUEST_HEAD_BYTES, limits::REQUEST_HEAD_LINES),
    };
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::REQUEST_HEAD_TIMEOUT)
        .max_buf_size(bytes)
        .max_headers(lines)
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

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        task::{Context, Poll},
    };

    use axum::{
        body::{Body, Bytes, HttpBody},
        routing::get,
    };
    use hyper::body::Frame;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// An answer without an end.
    struct Endless;

    impl HttpBody for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
        }
    }

    /// How the connection of a client ended that sends `request` and then does `then`.
    async fn ended(
        stall: Duration,
        roomy: bool,
        request: &[u8],
        then: impl AsyncFnOnce(&mut TcpStream),
    ) -> hyper::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let router = Router::new().route("/", get(|| async { Body::new(Endless) }).post(|| async { "whole" }));
        let served = tokio::spawn(connection(guarded(stream, stall), peer, router, roomy, CancellationToken::new()));
        client.write_all(request).await.unwrap();
        then(&mut client).await;
        let ended = tokio::time::timeout(limits::WRITE_STALL, served).await;
        drop(client);
        ended.expect("the connection ends").unwrap()
    }

    const ENDLESS: &[u8] = b"GET / HTTP/1.1\r\nHost: signet\r\n\r\n";

    #[tokio::test]
    async fn a_client_that_does_not_take_its_answer_is_let_go() {
        let error = ended(Duration::from_millis(50), true, ENDLESS, async |_| {}).await.unwrap_err();
        let stalled = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<std::io::Error>());
        assert_eq!(stalled.map(std::io::Error::kind), Some(std::io::ErrorKind::TimedOut), "{error:?}");
    }

    /// What ends a connection is a client that takes nothing, not an answer that takes long.
    #[tokio::test]
    async fn a_client_that_takes_its_answer_is_served_for_longer_than_a_stall() {
        let stall = Duration::from_secs(1);
        let (started, mut taken) = (tokio::time::Instant::now(), 0);
        let read = async |client: &mut TcpStream| {
            let mut piece = vec![0; 64 * 1024];
            while started.elapsed() < stall * 2 {
                taken += client.read(&mut piece).await.unwrap();
            }
            client.shutdown().await.unwrap();
        };
        let end = ended(stall, true, ENDLESS, read).await;
        assert!(taken > 0 && end.is_err(), "{taken} {end:?}");
        assert!(started.elapsed() >= stall * 2, "{:?}", started.elapsed());
    }

    /// Regression: with every place taken, a stop was noticed only when one of them became free.
    #[tokio::test]
    async fn a_full_house_does_not_put_a_stop_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut guest = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "whole" }));
        let served = tokio::spawn(serve(1, listener, router, stop.clone()));
        // Answered, so that the connection stays, idle, in the only place there is.
        guest.write_all(ENDLESS).await.unwrap();
        assert!(guest.read(&mut [0; 1024]).await.unwrap() > 0);
        stop.cancel();
        let ended = tokio::time::timeout(limits::REQUEST_HEAD_TIMEOUT / 3, served).await;
        ended.expect("the service stops at once").unwrap();
    }

    #[tokio::test]
    async fn only_roomy_connections_read_large_heads() {
        let large = format!(
            "POST / HTTP/1.1\r\nConnection: close\r\nX: {}\r\n\r\n",
            "x".repeat(3 * limits::REQUEST_HEAD_BYTES)
        );
        for (roomy, status) in [(true, "200 OK"), (false, "431 Request Header Fields Too Large")] {
            let mut answer = String::new();
            let read = async |client: &mut TcpStream| drop(client.read_to_string(&mut answer).await);
            let end = ended(limits::WRITE_STALL, roomy, large.as_bytes(), read).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{roomy}: {answer}");
            assert_eq!(end.is_ok(), roomy, "{end:?}");
        }
    }
}
