//! Heads and addresses that are larger than any honest one.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::base::limits;

use super::assert_answers;
use crate::harness::{Answer, Backend, TestApp, exchange, request_bytes};

/// Bytes of the longest address that hyper reads.
const LONGEST_ADDRESS: usize = 65_534;

fn buy() -> Call {
    Call::buy(Line::License1, "CS0001").unwrap().product("P-STANDARD-YEAR")
}

/// A request for `target` whose head has `bytes` in all, the rest in as few header lines of at most `line` bytes as that
/// takes.
fn request(target: &str, bytes: usize, line: usize) -> Vec<u8> {
    let mut head = format!("GET {target} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n");
    while let Some(rest) = bytes.checked_sub(head.len() + 2).filter(|rest| *rest > 0) {
        // What is left for another line must be enough for one.
        let size = if rest > line + 8 { line } else { rest };
        head.push_str(&format!("X: {}\r\n", "x".repeat(size.checked_sub(5).expect("room for a line"))));
    }
    head.push_str("\r\n");
    assert!(bytes == 0 || head.len() == bytes, "{} {bytes}", head.len());
    head.into_bytes()
}

fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.head);
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"), "{}", answer.head);
    assert_eq!(answer.json()["status"], status);
}

/// What hyper refuses by itself: no channel is known, nothing can be signed.
fn assert_bare(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.body.len()), (status, 0), "{}", answer.head);
    assert_eq!(answer.header("Body-Sign"), None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_heads_are_answered_to_the_marketplace_and_refused_elsewhere(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let bought = door.market.prepare(&buy());
    let target = format!("{}?{}", bought.url.path(), bought.url.query().unwrap());
    let kilobyte = 1_024;
    for (bytes, line) in [(33, 40_000), (200, 300_000), (200, 1_000), (255, 300_000), (250, 260)] {
        let answer = exchange(app.address, &request(&target, bytes * kilobyte, line)).await;
        let message = assert_answers(&door, &answer, "000002");
        assert!(message.contains("head") && message.contains("32768"), "{bytes}: {message}");
        assert_problem(&exchange(app.address, &request("/healthz", bytes * kilobyte, line)).await, 431);
        assert_problem(&exchange(app.address, &request("/nowhere", bytes * kilobyte, line)).await, 431);
    }
    assert_eq!(app.all_orders().await.len(), 0);
    // Large, but within the limit: an honest call with more headers than anybody sends.
    for line in [300_000, 60] {
        let answer = exchange(app.address, &request(&target, 31 * kilobyte, line)).await;
        assert_answers(&door, &answer, "000000");
        assert_eq!(exchange(app.address, &request("/healthz", 31 * kilobyte, line)).await.status, 200);
    }
    assert_eq!(app.all_orders().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_addresses_are_answered_to_the_marketplace_and_refused_elsewhere(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    // Signed and all.
    let signed = request_bytes(&door.market.prepare(&buy().set("memo", &"m".repeat(60_000))));
    let message = assert_answers(&door, &exchange(app.address, &signed).await, "000002");
    assert!(message.contains("address"), "{message}");
    for bytes in [33 * 1_024, 60 * 1_024, LONGEST_ADDRESS] {
        let query = |path: &str| format!("{path}?{}", "q".repeat(bytes - path.len() - 1));
        let ask = async |path: &str| exchange(app.address, &request(&query(path), 0, 0)).await;
        assert_answers(&door, &ask("/marketplace/koogallery/license-1-0").await, "000002");
        let unknown = ask("/marketplace/koogallery/nobody").await;
        assert_eq!((unknown.status, unknown.json()["resultCode"].as_str()), (200, Some("000001")));
        assert_eq!(unknown.header("Body-Sign"), None);
        assert_problem(&ask("/healthz").await, 414);
        assert_problem(&ask("/api/v1/licenses").await, 414);
    }
    assert_eq!(app.all_orders().await.len(), 0);
}

/// The documented line behind which the answer is HTTP's own. Should hyper read more one day, the README can say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hyper_cannot_read_is_refused_without_a_word_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let path = "/marketplace/koogallery/license-1-0";
    for bytes in [LONGEST_ADDRESS + 1, 70 * 1_024] {
        let target = format!("{path}?{}", "q".repeat(bytes - path.len() - 1));
        assert_bare(&exchange(app.address, &request(&target, 0, 0)).await, 414);
    }
    let lines = "X: x\r\n".repeat(limits::REFUSED_HEAD_LINES);
    let many = format!("GET {path} HTTP/1.1\r\nHost: signet\r\n{lines}\r\n");
    assert_bare(&exchange(app.address, many.as_bytes()).await, 431);
    assert_eq!(app.get("/healthz").await.status, 200);
}
