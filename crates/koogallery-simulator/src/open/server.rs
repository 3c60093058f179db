//! HTTP/1.1, one call for each connection.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    Fault, State,
    signature::{self, Arrived},
};

/// The largest call that is read.
const MOST: usize = 1024 * 1024;

pub(super) async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&state)));
    }
}

/// A call as it came over the wire.
struct Wire {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// `None`: it broke off, is no HTTP, or was meant to get no answer.
async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let call = read(&mut stream).await?;
    let (fault, (status, body)) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls.push(call.target.clone());
        let fault = state.faults.pop_front();
        // Only a lost answer is one to a call that was carried out.
        let answer = matches!(fault, None | Some(Fault::Lost)).then(|| judged(&mut state, &call));
        (fault, answer.unwrap_or_default())
    };
    // The clock of who asks is right, unless a fault says otherwise: tests set it to any day.
    let date = call.headers.iter().find(|(name, _)| name == "x-sdk-date");
    let now = date.and_then(|(_, text)| signature::time(text)).unwrap_or(Timestamp::UNIX_EPOCH);
    match fault {
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Lost) => None,
        Some(Fault::Page(status)) => send(&mut stream, status, now, "text/html", "<html>not now</html>").await,
        Some(Fault::Refuse(status, code)) => {
            let body = json!({ "resultCode": code, "resultMsg": "as the test wants it" });
            send(&mut stream, status, now, "application/json", &body.to_string()).await
        }
        Some(Fault::OtherDay) => {
            let body = json!({ "error_code": "APIG.0301", "error_msg": "signature expired" });
            let other = now.checked_add(SignedDuration::from_hours(24)).ok()?;
            send(&mut stream, 401, other, "application/json", &body.to_string()).await
        }
        None => send(&mut stream, status, now, "application/json", &body.to_string()).await,
    }
}

fn judged(state: &mut State, call: &Wire) -> (u16, Value) {
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into(), value.into())).collect();
    let arrived = Arrived { method: &call.method, path, query: &query, headers: &call.headers, body: &call.body };
    let refused = arrived
        .refused(&state.access_key, &state.secret_key, None)
        .map(|(code, why)| (code.to_owned(), why.to_owned()));
    match refused {
        Some((code, why)) => (401, json!({ "error_code": code, "error_msg": why, "request_id": "r-1" })),
        None => state.answer(&arrived),
    }
}

async fn read(stream: &mut TcpStream) -> Option<Wire> {
    let mut bytes = Vec::new();
    loop {
        if let Some(call) = parsed(&bytes) {
            return Some(call);
        }
        if bytes.len() > MOST || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// `None`: not all of it is there yet.
fn parsed(bytes: &[u8]) -> Option<Wire> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers: Vec<(String, String)> =
        request.headers.iter().map(|it| (it.name.to_ascii_lowercase(), text(it.value))).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Ok(0), |(_, value)| value.parse()).ok()?;
    let body = bytes.get(head..head.checked_add(length)?)?.to_vec();
    Some(Wire { method: request.method?.to_owned(), target: request.path?.to_owned(), headers, body })
}

async fn send(stream: &mut TcpStream, status: u16, now: Timestamp, kind: &str, body: &str) -> Option<()> {
    let date = now.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let head = format!("HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Type: {kind}\r\n");
    let answer = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}
