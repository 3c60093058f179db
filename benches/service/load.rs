//! The load generator: 32 keep-alive connections on one thread, each with one request in flight.
//!
//! It sends bytes that were made before the clock started and keeps the answers to be checked after it stopped, so
//! that it takes little of the CPU it shares with the service.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// Requests in flight at any time.
pub const IN_FLIGHT: usize = 32;
/// The marketplace gives up after 5 s; more than that is no slow answer but a broken run.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of the service is larger.
const ANSWER_BYTES: usize = 1024 * 1024;

/// A whole HTTP request, head and body.
pub type Request = Arc<[u8]>;

/// An answer as far as it is looked at.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
    /// From the first byte sent to the last byte received.
    pub elapsed: Duration,
}

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    /// One answer for every request, in the order of the requests.
    pub answers: Vec<Answer>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

/// Sends every request once.
///
/// # Errors
/// The first connection or answer that fails ends the run.
pub async fn drive(address: SocketAddr, requests: Vec<Request>) -> anyhow::Result<Run> {
    let mut connections = Vec::new();
    for _ in 0..IN_FLIGHT.min(requests.len()) {
        let stream = TcpStream::connect(address).await.context("the service takes no connection")?;
        stream.set_nodelay(true)?;
        connections.push(stream);
    }
    let shared = Arc::new((requests, AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    let started = Instant::now();
    for stream in connections {
        workers.spawn(work(stream, Arc::clone(&shared)));
    }
    let mut answers: Vec<Option<Answer>> = shared.0.iter().map(|_| None).collect();
    while let Some(worker) = workers.join_next().await {
        for (index, answer) in worker.context("a worker of the load generator failed")?? {
            answers[index] = Some(answer);
        }
    }
    let elapsed = started.elapsed();
    let answers: Option<Vec<_>> = answers.into_iter().collect();
    Ok(Run { answers: answers.context("a request was never sent")?, elapsed })
}

async fn work(mut stream: TcpStream, shared: Arc<(Vec<Request>, AtomicUsize)>) -> anyhow::Result<Vec<(usize, Answer)>> {
    let mut answers = Vec::new();
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let index = shared.1.fetch_add(1, Ordering::Relaxed);
        let Some(request) = shared.0.get(index) else { return Ok(answers) };
        let exchange = tokio::time::timeout(PATIENCE, exchange(&mut stream, request, &mut buffer));
        let answer = exchange.await.with_context(|| format!("no answer to request {index} within {PATIENCE:?}"))?;
        answers.push((index, answer.with_context(|| format!("request {index} failed"))?));
    }
}

async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> anyhow::Result<Answer> {
    let started = Instant::now();
    stream.write_all(request).await?;
    buffer.clear();
    let (status, body_at, end) = loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the service closed the connection");
        ensure!(buffer.len() <= ANSWER_BYTES, "the answer is larger than {ANSWER_BYTES} bytes");
        if let Some(parsed) = parse_head(buffer)? {
            break parsed;
        }
    };
    while buffer.len() < end {
        ensure!(stream.read_buf(buffer).await? > 0, "the service closed the connection");
    }
    ensure!(buffer.len() == end, "more bytes came than the answer has");
    Ok(Answer { status, body: buffer[body_at..].to_vec(), elapsed: started.elapsed() })
}

/// Status, where the body begins and where it ends; `None` while the head is incomplete. Understands what Signet
/// sends: a body of a length that the head names.
fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_end]).context("the answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>()?);
        } else if name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close") {
            bail!("the service wants to close the connection");
        }
    }
    let body_at = head_end + 4;
    let length = length.filter(|length| *length <= ANSWER_BYTES).context("no usable Content-Length")?;
    Ok(Some((status.context("no status line")?, body_at, body_at + length)))
}
