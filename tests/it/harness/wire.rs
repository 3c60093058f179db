//! HTTP by hand, for what no client would send and for bytes that no client shows.

use std::net::SocketAddr;

use koogallery_simulator::PreparedRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers, as sent.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Takes an answer apart that ended with its connection.
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let answer = Self { status, head, body: bytes[end + 4..].to_vec() };
        // RFC 9110 §8.6: an answer without content has none.
        let length = if status == 204 { "0" } else { answer.header("Content-Length").expect("Content-Length") };
        let length: usize = length.parse().unwrap();
        assert_eq!(answer.body.len(), length, "{}", answer.head);
        answer
    }

    /// A header's value, its name compared with case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The request as it goes over the wire, asking for the connection to be closed.
pub fn request_bytes(request: &PreparedRequest) -> Vec<u8> {
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let mut head = format!("{} {target} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n", request.method);
    if !request.body.is_empty() {
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", request.body.len()));
    }
    head.push_str("\r\n");
    [head.into_bytes(), request.body.clone()].concat()
}

/// Sends bytes on a connection of their own and reads until it is closed.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Answer::parse(&answer)
}
