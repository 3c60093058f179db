use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::io::AsyncWriteExt;

use super::*;
use crate::{
    line::Line,
    marketplace::Marketplace,
    testing::{answering, key, listen, marketplace, read_request},
};

const LONG: Duration = Duration::from_secs(5);

fn request(url: &str) -> PreparedRequest {
    let marketplace = marketplace(url, Line::Client);
    marketplace.sign_post(b"{}".to_vec(), marketplace.now())
}

async fn answer_to(bytes: &str) -> Result<Reply, NoAnswer> {
    let url = answering(bytes.as_bytes().to_vec(), Duration::ZERO).await;
    Client::new().exchange(&request(&url), LONG).await
}

#[tokio::test]
async fn header_names_keep_their_case_and_bodies_their_bytes() {
    let reply = answer_to("HTTP/1.1 200 OK\r\nbody-SIGN:  x \r\ncontent-length: 3\r\n\r\n{}\n").await.unwrap();
    assert_eq!(reply.header_exact("Body-Sign"), None);
    assert_eq!(reply.header("Body-Sign"), Some(("body-SIGN", "x")));
    assert_eq!(reply.body, b"{}\n");
}

#[tokio::test]
async fn chunks_interim_answers_and_open_ends_are_read() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
    assert_eq!(answer_to(chunked).await.unwrap().body, b"abc0123456789");
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(answer_to(interim).await.unwrap().status, 204);
    assert_eq!(answer_to("HTTP/1.0 500 Oops\r\n\r\nuntil the end").await.unwrap().body, b"until the end");
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    let kinds = [
        ("", "the other side hung up"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "the other side hung up"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "not proper HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "disagree"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", "no number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\nx", "larger than 1 MiB"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", "larger than 1 MiB"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx", "chunk"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n", "longer than it says"),
    ];
    for (bytes, words) in kinds {
        let error = answer_to(bytes).await.unwrap_err().to_string();
        assert!(error.contains(words), "{bytes:?}: {error}");
    }
}

#[tokio::test]
async fn slow_and_absent_servers_are_told_apart() {
    let url = answering(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), LONG).await;
    let brief = Duration::from_millis(50);
    assert_eq!(Client::new().exchange(&request(&url), brief).await, Err(NoAnswer::Timeout { after: brief }));
    let nobody = Client::new().exchange(&request("http://127.0.0.1:9/"), LONG).await;
    assert!(matches!(nobody, Err(NoAnswer::Connect { .. })), "{nobody:?}");
    let plain = listen(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 this is no TLS\r\n\r\n").await;
    })
    .await;
    let tls = Client::new().exchange(&request(&plain.replace("http:", "https:")), LONG).await;
    assert!(matches!(tls, Err(NoAnswer::Tls { .. })), "{tls:?}");
}

/// A server that says how many connections it got.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let served = Arc::clone(&count);
    let url = listen(move |mut stream| {
        served.fetch_add(1, Ordering::Relaxed);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                let close = request.head.contains("X-Close");
                let header = if close { "Connection: close\r\n" } else { "" };
                let answer = format!("HTTP/1.1 200 OK\r\n{header}Content-Length: 2\r\n\r\n{{}}");
                stream.write_all(answer.as_bytes()).await.unwrap();
                if close {
                    return;
                }
            }
        }
    })
    .await;
    (url, count)
}

#[tokio::test]
async fn connections_are_reused_until_the_server_closes_them() {
    let (url, count) = counting().await;
    let client = Client::new();
    for _ in 0..3 {
        client.exchange(&request(&url), LONG).await.unwrap();
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let mut closing = request(&url);
    closing.headers.push(("X-Close".to_owned(), "1".to_owned()));
    client.exchange(&closing, LONG).await.unwrap();
    client.exchange(&request(&url), LONG).await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_answer_before_the_whole_body_was_read_is_still_an_answer() {
    let url = listen(|mut stream| async move {
        let mut start = [0; 16];
        let _ = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut start).await;
        let _ = stream.write_all(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n").await;
        tokio::time::sleep(LONG).await;
    })
    .await;
    let large = request(&url).with_body(vec![b' '; 32 * 1024 * 1024]);
    assert_eq!(Client::new().exchange(&large, LONG).await.unwrap().status, 413);
}

#[tokio::test]
async fn what_is_sent_is_a_proper_request() {
    let (seen, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let url = listen(move |mut stream| {
        let seen = seen.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                seen.send(request).unwrap();
            }
        }
    })
    .await;
    let post = request(&format!("{url}?tenant=a%20b")).with_body("{\"a\":1}");
    Client::new().send_and_hang_up(&post, LONG).await.unwrap();
    let request = requests.recv().await.unwrap();
    assert_eq!(request.method, "POST");
    assert!(request.target.starts_with("/koogallery?tenant=a+b&signature="), "{}", request.target);
    assert!(request.head.contains("\r\nHost: 127.0.0.1:"), "{}", request.head);
    assert!(request.head.contains("\r\nContent-Length: 7\r\n"), "{}", request.head);
    assert_eq!(request.body, b"{\"a\":1}");
}

#[test]
fn urls_that_cannot_be_called_are_refused_with_the_reason() {
    for url in ["", "shop.example.com/x", "ftp://example.com/", "https://"] {
        let error = Marketplace::builder(url, key(), Line::Client).build().unwrap_err();
        assert!(error.to_string().contains("give the whole address"), "{error}");
    }
}
