//! Servers for this crate's tests: one that answers given bytes, and a small merchant that can be made to err.

pub(crate) mod merchant;

use std::{future::Future, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    clock::Clock,
    line::Line,
    marketplace::Marketplace,
    sign::{self, AccessKey},
};

pub(crate) const KEY: &str = "11111111-2222-3333-4444-555555555555";

pub(crate) fn key() -> AccessKey {
    AccessKey::new(KEY)
}

pub(crate) fn marketplace(url: &str, line: Line) -> Marketplace {
    Marketplace::builder(url, key(), line).clock(Clock::machine()).build().unwrap()
}

/// A request as a server sees it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut buffer = Vec::new();
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = buffer.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method, target, head, body })
}

/// Serves each connection with `serve`; answers the URL.
pub(crate) async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/koogallery", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// A server that answers every request with `answer` after `delay`, then hangs up.
pub(crate) async fn answering(answer: Vec<u8>, delay: Duration) -> String {
    listen(move |mut stream| {
        let answer = answer.clone();
        async move {
            if read_request(&mut stream).await.is_some() {
                tokio::time::sleep(delay).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

/// A proper answer with this body.
pub(crate) fn good(body: &str) -> Vec<u8> {
    with_header("Body-Sign", body)
}

/// A proper answer, but for the signature header's name.
pub(crate) fn with_header(name: &str, body: &str) -> Vec<u8> {
    let sign = sign::body_sign_header(&key(), body.as_bytes());
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{name}: {sign}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
