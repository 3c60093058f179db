//! What goes wrong on the wire and behind it.

use std::time::{Duration, Instant};

use diesel::{Connection, connection::SimpleConnection};
use koogallery_simulator::{AccessKey, Call, Line};
use rstest::rstest;
use signet::{base::limits, store::DatabaseUrl};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{assert_answers, assert_signed};
use crate::harness::{Answer, Backend, TestApp, exchange, request_bytes};

/// Within which the marketplace wants its answer.
const MARKETPLACE_PATIENCE: Duration = Duration::from_secs(5);

fn buy() -> Call {
    Call::buy(Line::License1, "CS0001").unwrap().product("P-STANDARD-YEAR")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_signed_over_its_exact_bytes(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    // Without testFlag, as real calls come, and with parameters that nobody knows yet.
    let call = buy().customer("c-0001", "张三 a+b@c&d=e").set("newParameter", "").set("另一个", "值");
    assert!(call.field("testFlag").is_none());
    let request = door.market.prepare(&call);
    let answer = exchange(app.address, &request_bytes(&request)).await;
    assert_answers(&door, &answer, "000000");
    // A slash too many is still this channel.
    let slash = String::from_utf8(request_bytes(&request)).unwrap().replacen("license-1-0?", "license-1-0/?", 1);
    assert_answers(&door, &exchange(app.address, slash.as_bytes()).await, "000000");

    let refusals = [
        (door.market.prepare(&buy().without("orderId")), "`orderId`"),
        (door.market.prepare(&buy().set("orderId", "")), "`orderId`"),
        (door.market.prepare(&buy().without("customerId")), "`customerId`"),
        (door.market.prepare(&buy().without("productId")), "`productId`"),
        (door.market.prepare(&buy().set("orderId", &"C".repeat(65))), "`orderId`"),
        (door.market.prepare(&buy().set("orderId", "CS 1")), "`orderId`"),
        (door.market.prepare(&buy().set("activity", "getLicence")), "`activity`"),
        (door.market.prepare(&buy().set("expireTime", "2027-03-02")), "`expireTime`"),
        (door.market.prepare(&buy().set("testFlag", "yes please")), "`testFlag`"),
    ];
    for (request, field) in refusals {
        let message = assert_answers(&door, &exchange(app.address, &request_bytes(&request)).await, "000002");
        assert!(message.contains(field), "{message}");
    }
    let twice = vec![("activity".to_owned(), "getLicense".to_owned()), ("orderId".to_owned(), "CS1".to_owned())];
    let twice = [twice.clone(), vec![("orderId".to_owned(), "CS2".to_owned())]].concat();
    let request = door.market.sign_get(twice, door.market.now());
    assert_answers(&door, &exchange(app.address, &request_bytes(&request)).await, "000002");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_methods_and_bodies_are_answered_too(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let good = door.market.prepare(&Call::buy(Line::Saas2, "CS0001").unwrap());
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let request = good.clone().with_method(method);
        assert_answers(&door, &exchange(app.address, &request_bytes(&request)).await, "000001");
    }
    let sent = |body: &[u8]| request_bytes(&door.market.sign_post(body.to_vec(), door.market.now()));
    for body in [&b"not json"[..], b"[]", b"null", b"{\"activity\":", b"\xff\xfe", b"{}", b"{\"activity\":[]}", b""] {
        assert_answers(&door, &exchange(app.address, &sent(body)).await, "000002");
    }
    let deep = [b"{\"activity\":".to_vec(), b"[".repeat(60_000)].concat();
    assert_answers(&door, &exchange(app.address, &sent(&deep)).await, "000002");
    let largest = format!("{{\"activity\":\"{}\"}}", "a".repeat(limits::REQUEST_BODY_BYTES - 15));
    assert_eq!(largest.len(), limits::REQUEST_BODY_BYTES);
    assert_answers(&door, &exchange(app.address, &sent(largest.as_bytes())).await, "000002");
    let oversize = [largest.as_bytes(), b" "].concat();
    let message = assert_answers(&door, &exchange(app.address, &sent(&oversize)).await, "000002");
    assert!(message.contains("larger"), "{message}");
    assert_eq!(app.all_orders().await.len(), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_no_channel_is_answered_unsigned(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for path in [
        "/marketplace/koogallery/nobody",
        "/marketplace/koogallery/NOT%20A%20SLUG",
        "/marketplace/koogallery/%ff",
        "/marketplace/koogallery/license-1-0/deeper",
        "/marketplace/koogallery/",
        "/marketplace/other",
    ] {
        let answer = app.get(path).await;
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")), "{path}");
        assert_eq!(answer.json()["resultCode"], "000001", "{path}");
        assert_eq!(answer.header("Body-Sign"), None, "{path}");
    }
    // A channel whose key cannot be read has no key to sign with either.
    std::fs::remove_file(app.database.folder.path().join("keys/client")).unwrap();
    app.app.reload().await.unwrap();
    let answer = app.get("/marketplace/koogallery/client?activity=getLicense").await;
    assert_eq!((answer.json()["resultCode"].as_str(), answer.header("Body-Sign")), (Some("000001"), None));
    let door = app.door(Line::License1);
    assert_signed(&door, &app.get("/marketplace/koogallery/license-1-0").await);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_is_answered_in_time(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let bytes = request_bytes(&door.market.prepare(&Call::buy(Line::Saas2, "CS0001").unwrap()));
    let started = Instant::now();
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let waited = started.elapsed();
    assert_answers(&door, &Answer::parse(&answer), "000005");
    assert!((limits::REQUEST_BODY_TIMEOUT..MARKETPLACE_PATIENCE).contains(&waited), "{waited:?}");
    assert_eq!(app.all_orders().await.len(), 0);
}

/// Needs no second database: nothing is read or written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_head_and_no_head_are_closed_by_the_time_out_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let started = Instant::now();
    let mut half = TcpStream::connect(app.address).await.unwrap();
    half.write_all(b"GET /marketplace/koogallery/license-1-0?activity=getLi").await.unwrap();
    let mut silent = TcpStream::connect(app.address).await.unwrap();
    let read = async |stream: &mut TcpStream| {
        let mut answer = Vec::new();
        // A reset is as good an end as a close.
        let _ = stream.read_to_end(&mut answer).await;
        answer.len()
    };
    let ended = tokio::time::timeout(limits::REQUEST_HEAD_TIMEOUT * 2, async {
        tokio::join!(read(&mut half), read(&mut silent))
    });
    ended.await.expect("both are closed");
    let waited = started.elapsed();
    assert!(waited >= limits::REQUEST_HEAD_TIMEOUT, "{waited:?}");
    assert_eq!(app.get("/healthz").await.status, 200);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_database_is_answered_000005(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    app.app.store().clone().close().await;
    let started = Instant::now();
    let request = door.market.prepare(&buy());
    assert_answers(&door, &exchange(app.address, &request_bytes(&request)).await, "000005");
    // Also a failed authentication, whose sample cannot be stored, and an address of no channel.
    let forged = request.with_query("authToken", "AAAA");
    assert_answers(&door, &exchange(app.address, &request_bytes(&forged)).await, "000001");
    assert_eq!(app.get("/marketplace/koogallery/nobody").await.json()["resultCode"], "000001");
    assert_eq!(app.get("/readyz").await.status, 503);
    assert!(started.elapsed() < MARKETPLACE_PATIENCE, "{:?}", started.elapsed());
}

/// Another process holds SQLite's write lock for longer than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_is_answered_000005_and_the_retry_succeeds_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let door = app.door(Line::License1);
    let DatabaseUrl::Sqlite(path) = &app.database.url else { unreachable!("started on SQLite") };
    let mut beside = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    beside.batch_execute("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    door.answers(&buy(), "000005").await;
    assert!(started.elapsed() < MARKETPLACE_PATIENCE, "{:?}", started.elapsed());
    beside.batch_execute("ROLLBACK").unwrap();
    let (_, first) = door.bought(&buy()).await;
    assert_eq!(door.done(&buy()).await.body, first.body);
    assert_eq!(app.licenses().await.len(), 1);
}

/// A restored backup was put in the file's place, and the server not restarted: what it would store nobody would see.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_file_is_answered_000005_and_is_not_ready_sqlite() {
    let app = TestApp::start(Backend::Sqlite).await;
    let door = app.door(Line::License1);
    let DatabaseUrl::Sqlite(path) = &app.database.url else { unreachable!("started on SQLite") };
    let away = path.with_extension("away");
    std::fs::rename(path, &away).unwrap();
    std::fs::copy(&away, path).unwrap();
    door.answers(&buy(), "000005").await;
    assert_eq!(app.get("/readyz").await.status, 503);
    std::fs::rename(&away, path).unwrap();
    assert_eq!(app.get("/readyz").await.status, 200);
    door.bought(&buy()).await;
    assert_eq!(app.licenses().await.len(), 1);
}

/// The server lets nobody in and throws everybody out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_answered_000005_and_the_retry_succeeds_postgres() {
    let app = TestApp::start(Backend::Postgres).await;
    let door = app.door(Line::License1);
    app.database.shut_out();
    let started = Instant::now();
    door.answers(&buy(), "000005").await;
    assert!(started.elapsed() < MARKETPLACE_PATIENCE, "{:?}", started.elapsed());
    app.database.let_in();
    door.done(&buy()).await;
    assert_eq!(app.licenses().await.len(), 1);
}

/// Regression: each forged call asked the lost database again whether the key had changed, one after the other, and then
/// waited for its line in the message log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_calls_that_meet_a_lost_database_are_answered_in_time_postgres() {
    let app = TestApp::start(Backend::Postgres).await;
    let door = app.door(Line::License1);
    app.database.shut_out();
    let forged = door.market.with_key(AccessKey::new("not-the-key"));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (address, request) = (app.address, request_bytes(&forged.prepare(&buy())));
        let started = Instant::now();
        calls.spawn(async move { (exchange(address, &request).await, started.elapsed()) });
    }
    for (answer, took) in calls.join_all().await {
        assert_answers(&door, &answer, "000001");
        assert!(took < MARKETPLACE_PATIENCE, "{took:?}");
    }
    app.database.let_in();
}

/// Regression: calls with wrong signatures waited one after the other for a database that hangs, for longer than the
/// marketplace does, and from the fifth on were answered with a bare 408.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_keeps_no_wrong_signature_waiting_postgres() {
    let app = TestApp::start(Backend::Postgres).await;
    let door = app.door(Line::License1);
    let forged = request_bytes(&door.market.prepare(&buy()).with_query("authToken", "AAAA"));
    let mut beside = app.database.postgres().unwrap();
    beside.batch_execute("BEGIN; LOCK TABLE meta IN ACCESS EXCLUSIVE MODE").unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (address, forged) = (app.address, forged.clone());
        calls.spawn(async move {
            let started = Instant::now();
            (exchange(address, &forged).await, started.elapsed())
        });
    }
    for (answer, waited) in calls.join_all().await {
        assert_answers(&door, &answer, "000001");
        assert!(waited < MARKETPLACE_PATIENCE, "{waited:?}");
    }
    beside.batch_execute("ROLLBACK").unwrap();
    door.done(&buy()).await;
}
