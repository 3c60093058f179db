//! Who may call: token, signature, clock, nonce.

use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::{AccessKey, Call, Line};
use rstest::rstest;
use signet::{base::limits, store::MessageFilter, usecase::retention};

use super::assert_answers;
use crate::harness::{Backend, TestApp, exchange, request_bytes};

fn v1() -> Call {
    Call::buy(Line::License1, "CS0001").unwrap().product("P-STANDARD-YEAR")
}

fn v2() -> Call {
    Call::buy(Line::Saas2, "CS0001").unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_rightly_signed_is_refused(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let get = app.door(Line::License1);
    let post = app.door(Line::Saas2);
    let stranger = AccessKey::new("99999999-aaaa-4bbb-8ccc-000000000009");
    let good_get = get.market.prepare(&v1());
    let good_post = post.market.prepare(&v2());
    let wrong_get = [
        get.market.with_key(stranger.clone()).prepare(&v1()),
        good_get.clone().with_query("authToken", "AAAA"),
        good_get.clone().with_query("amount", "1"),
        good_get.clone().with_query("empty", ""),
        good_get.clone().with_query("customerId", "somebody-else"),
        good_get.clone().without_query("customerId"),
        good_get.clone().without_query("authToken"),
        good_get.clone().without_query("timeStamp"),
        good_get.clone().with_query("timeStamp", "20260302080000001"),
        good_get.clone().with_query("timeStamp", "now"),
    ];
    let wrong_post = [
        post.market.with_key(stranger).prepare(&v2()),
        good_post.clone().with_body(b"{}".to_vec()),
        good_post.clone().with_body([good_post.body.clone(), b"\n".to_vec()].concat()),
        good_post.clone().with_query("nonce", "another"),
        good_post.clone().with_query("timestamp", "1772438400001"),
        good_post.clone().with_query("signature", &"0".repeat(64)),
        good_post.clone().with_query("signature", ""),
        good_post.clone().without_query("nonce"),
        good_post.clone().without_query("signature"),
        good_post.clone().without_query("timestamp"),
    ];
    for (door, requests) in [(&get, &wrong_get[..]), (&post, &wrong_post[..])] {
        for request in requests {
            let answer = exchange(app.address, &request_bytes(request)).await;
            let message = assert_answers(door, &answer, "000001");
            assert!(!message.contains("-aaaa-4bbb-"), "the key in the open: {message}");
        }
    }
    assert_eq!(app.licenses().await.len(), 0);
    let logged = app.messages().await;
    assert_eq!(logged.len(), 2, "one sample a minute and channel: {logged:#?}");
    // None of it used the good calls up.
    for (door, request) in [(&get, &good_get), (&post, &good_post)] {
        assert_answers(door, &exchange(app.address, &request_bytes(request)).await, "000000");
    }
    // The next minute has its own sample.
    app.pass(SignedDuration::from_secs(61));
    get.send(&wrong_get[0]).await;
    get.send(&wrong_get[0]).await;
    let filter = MessageFilter { result_code: Some("000001".to_owned()), ..MessageFilter::default() };
    assert_eq!(app.read(move |tx, _| Ok(tx.message_page(&filter, None, 100)?)).await.len(), 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_windows_end_at_their_millisecond(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let now = Timestamp::from_microsecond(app.now().as_micros()).unwrap();
    let at = |millis: i64| now.checked_add(SignedDuration::from_millis(millis)).unwrap();
    for (line, call, window) in [(Line::License1, v1(), 600_000), (Line::Saas2, v2(), 60_000)] {
        let door = app.door(line);
        for (offset, code) in [(-window, "000000"), (window, "000000"), (-window - 1, "000001"), (window + 1, "000001")]
        {
            let reply = door.send(&door.market.prepare_at(&call, at(offset))).await;
            assert_eq!(reply.code().as_deref(), Some(code), "{line} {offset}: {:?}", reply.message());
            if code == "000001" {
                assert!(reply.message().unwrap().contains("clock"), "which clock is off: {:?}", reply.message());
            }
        }
    }
    // A clock that reads local time as UTC is eight hours off.
    let door = app.door(Line::License1);
    let reply = door.send(&door.market.prepare_at(&v1(), at(8 * 3_600_000))).await;
    assert!(reply.message().unwrap().contains("local time"), "{:?}", reply.message());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_serves_once_on_every_server(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let request = door.market.prepare(&v2());
    assert_eq!(door.send(&request).await.code().as_deref(), Some("000000"));
    let replay = door.send(&request).await;
    assert_eq!(replay.code().as_deref(), Some("000001"));
    assert!(replay.message().unwrap().contains("nonce"));

    let replica = app.replica().await;
    let bytes = request_bytes(&request);
    assert_answers(&door, &exchange(replica.address, &bytes).await, "000001");
    // At the last instant at which a copy passes the clock window; what is past its time was forgotten.
    app.pass(SignedDuration::from_secs(60));
    app.write(|tx, ctx| retention::forget(tx, ctx, 30)).await;
    let answer = exchange(replica.address, &bytes).await;
    assert!(assert_answers(&door, &answer, "000001").contains("nonce"));
    app.pass_days(1);
    let forgotten = app.write(|tx, ctx| retention::forget(tx, ctx, 30)).await;
    assert_eq!(forgotten.nonces, 1, "nothing grows without a bound");
    let answer = exchange(replica.address, &bytes).await;
    assert!(assert_answers(&door, &answer, "000001").contains("clock"));
    // Another channel's nonces are its own.
    let other = app.door(Line::Client);
    let body = br#"{"activity":"newInstance","orderId":"CS1","orderLineId":"1","businessId":"b"}"#.to_vec();
    let shared = |door: &crate::harness::Door| {
        door.market.sign_post_with_nonce(body.clone(), door.market.now(), "one-nonce-for-two")
    };
    assert_eq!(door.send(&shared(&door)).await.code().as_deref(), Some("000000"));
    assert_eq!(other.send(&shared(&other)).await.code().as_deref(), Some("000000"));
    assert_eq!(other.send(&shared(&other)).await.code().as_deref(), Some("000001"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_parallel_copies_one_is_no_replay(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let replica = app.replica().await;
    let bytes = request_bytes(&door.market.prepare(&v2()));
    let mut copies = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (bytes, address) = (bytes.clone(), if number % 2 == 0 { app.address } else { replica.address });
        copies.spawn(async move { exchange(address, &bytes).await.json()["resultCode"].clone() });
    }
    let codes = copies.join_all().await;
    assert_eq!(codes.iter().filter(|code| *code == "000000").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "000001").count(), 15, "{codes:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_body_uses_its_nonce_up_and_a_forged_one_does_not(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let sign = |body: &[u8], nonce: &str| door.market.sign_post_with_nonce(body.to_vec(), door.market.now(), nonce);
    assert_eq!(door.send(&sign(b"not json", "n-1")).await.code().as_deref(), Some("000002"));
    assert_eq!(door.send(&sign(b"not json", "n-1")).await.code().as_deref(), Some("000001"));

    let good = door.market.prepare(&v2());
    let forged = good.clone().with_query("signature", &"0".repeat(64));
    assert_eq!(door.send(&forged).await.code().as_deref(), Some("000001"));
    assert_eq!(door.send(&good).await.code().as_deref(), Some("000000"), "a stranger cannot burn a nonce");

    let body = br#"{"activity":"newInstance","orderId":"CS9","orderLineId":"1","businessId":"b"}"#;
    let longest = "n".repeat(limits::NONCE_CHARS);
    assert_eq!(door.send(&sign(body, &longest)).await.code().as_deref(), Some("000000"));
    assert_eq!(door.send(&sign(body, &format!("{longest}n"))).await.code().as_deref(), Some("000001"));
}
