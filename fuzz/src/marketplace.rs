//! Readers of what a marketplace sends, and of what its simulator is answered.

use std::{sync::LazyLock, time::Duration};

use jiff::Timestamp;
use koogallery_simulator::{AccessKey, Call, Exchange, Line, Marketplace, PreparedRequest, Reply};
use signet::{
    base::{secret::SecretString, time::Time},
    marketplace::koogallery::{
        inbound,
        query::{self, Pairs},
        redact::redact,
        reply as answers,
        signature::{self, Authentic, ClockWindows, RawRequest, Transport},
    },
};

const KEY: &str = "11111111-2222-3333-4444-555555555555";
/// When all calls are signed.
const NOW: Timestamp = Timestamp::constant(1_704_067_200, 0);

fn now() -> Time {
    NOW.into()
}

fn marketplace(line: Line) -> Marketplace {
    let builder = Marketplace::builder("https://example.com/koogallery", AccessKey::new(KEY), line);
    builder.build().unwrap_or_else(|error| unreachable!("the address is one: {error}"))
}

/// Calls of both transports, ready to send.
fn prepared() -> Vec<PreparedRequest> {
    let lines = [Line::License1, Line::Saas1, Line::Saas2, Line::Client];
    let calls = lines.into_iter().flat_map(|line| {
        let buy = Call::buy(line, "CS2401010000ABCDE").ok().map(|call| call.product("P-1").amount(3));
        let freeze = Call::freeze(line, "I-1").ok();
        let query = Call::query(line, &["I-1", "I-2"]).ok();
        let release = Some(Call::release(line, "I-1", Some("CS2401010000ABCDF")));
        [buy, freeze, query, release].into_iter().flatten().map(move |call| (line, call))
    });
    calls.map(|(line, call)| marketplace(line).prepare_at(&call, NOW)).collect()
}

/// Query strings of good calls by GET.
pub fn queries() -> Vec<Vec<u8>> {
    let gets = prepared().into_iter().filter(|request| request.method == "GET");
    gets.map(|request| request.url.query().unwrap_or_default().as_bytes().to_vec()).collect()
}

/// Bodies of good calls by POST.
pub fn bodies() -> Vec<Vec<u8>> {
    prepared().into_iter().filter(|request| request.method == "POST").map(|request| request.body).collect()
}

/// Good calls: the query string, a line break, the body.
pub fn requests() -> Vec<Vec<u8>> {
    let whole =
        |request: PreparedRequest| [request.url.query().unwrap_or_default().as_bytes(), b"\n", &request.body].concat();
    prepared().into_iter().map(whole).collect()
}

/// Any text as a query string.
pub fn query(data: &[u8]) {
    let _ = query::decode(&String::from_utf8_lossy(data));
}

/// Any bytes as a call whose signature was not checked yet.
pub fn signature(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (query, body) = (&data[..line], data.get(line + 1..).unwrap_or_default());
    let query = String::from_utf8_lossy(query);
    let key = SecretString::from(KEY.to_owned());
    for method in ["GET", "POST"] {
        let request = RawRequest { method, query: &query, body };
        if let Ok(authentic) = signature::authenticate(&request, &key, &ClockWindows::default(), now()) {
            let _ = inbound::parse(&request, &authentic);
        }
        let _ = redact(&request);
    }
}

fn authentic(transport: Transport, params: Pairs) -> Authentic {
    Authentic { transport, signed_at: now(), nonce: None, params }
}

/// Any query string in a call that was signed as it should be.
pub fn inbound_v1(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    if let Ok(params) = query::decode(&query) {
        let request = RawRequest { method: "GET", query: &query, body: &[] };
        let _ = inbound::parse(&request, &authentic(Transport::V1, params));
    }
}

/// Any body in a call that was signed as it should be.
pub fn inbound_v2(data: &[u8]) {
    let request = RawRequest { method: "POST", query: "", body: data };
    let _ = inbound::parse(&request, &authentic(Transport::V2, Pairs::new()));
}

/// Good answers.
pub fn replies() -> Vec<Vec<u8>> {
    let done = answers::Reply::new(answers::ResultCode::Success, "ok");
    let sold = done.clone().license("I-1", "a.b.c").ok();
    [Some(done), sold].into_iter().flatten().map(answers::Reply::into_bytes).collect()
}

/// The simulator, for each of two lines, with a call and what it sent.
static ASKED: LazyLock<Vec<(Marketplace, Call, PreparedRequest)>> = LazyLock::new(|| {
    let asked = |line| {
        let (marketplace, call) = (marketplace(line), Call::buy(line, "CS2401010000ABCDE").ok()?);
        let request = marketplace.prepare_at(&call, NOW);
        Some((marketplace, call, request))
    };
    [Line::License1, Line::Client].into_iter().filter_map(asked).collect()
});

/// Any body as the answer to a call of the simulator.
pub fn reply(data: &[u8]) {
    for (marketplace, call, request) in ASKED.iter() {
        let headers = vec![("Body-Sign".to_owned(), String::from_utf8_lossy(data).into_owned())];
        let reply = Reply { status: 200, headers, body: data.to_vec(), elapsed: Duration::ZERO };
        let exchange = Exchange { request: request.clone(), answer: Ok(reply) };
        let _ = marketplace.judge(call, &exchange);
    }
}

/// Panics when a reader refuses the good input.
#[cfg(test)]
pub(crate) fn all_good() {
    let key = SecretString::from(KEY.to_owned());
    let requests = prepared();
    assert!(requests.iter().any(|it| it.method == "GET") && requests.iter().any(|it| it.method == "POST"));
    for request in &requests {
        let query = request.url.query().unwrap_or_default();
        let raw = RawRequest { method: &request.method, query, body: &request.body };
        let authentic = signature::authenticate(&raw, &key, &ClockWindows::default(), now()).unwrap();
        inbound::parse(&raw, &authentic).unwrap();
    }
    assert_eq!((replies().len(), ASKED.len()), (2, 2));
}
