//! Webhooks: signed, at least once, in order, for three days; and what becomes of those that nobody takes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use rstest::rstest;
use sha2::Sha256;
use signet::{
    base::{ids::WebhookId, networks::Networks, secret::ExposeSecret},
    jobs::webhooks::{self, Workers},
    store::{AttemptRecord, DeliveryRecord, DeliveryState},
    usecase::{
        event::Kind,
        mail::Post,
        merchant::Act,
        webhook::{
            self, Refused, Settings as Wish,
            deliver::{self, Now, Outcome},
        },
    },
};

use super::receiver::{Receiver, Seen};
use crate::harness::{Backend, Settings, TestApp};

impl TestApp {
    /// A service that may reach receivers on this machine.
    async fn reaching(backend: Backend) -> Self {
        let networks = Networks::parse(&["127.0.0.1".to_owned()]).unwrap();
        Self::start_with(backend, Settings { networks, ..Settings::default() }).await
    }

    async fn webhook(&self, url: &str, kinds: &[Kind]) -> (WebhookId, String) {
        let settings = Wish { url: Some(url.to_owned()), kinds: Some(kinds.to_vec()), ..Wish::default() };
        let (webhook, secret) = self.write(move |tx, ctx| webhook::create(tx, ctx, &settings)).await.unwrap();
        (webhook.id, secret.expose_secret().to_owned())
    }

    /// Hands on and sends what is due, to its end.
    pub async fn tells(&self) {
        let mut workers = webhooks::round(&self.app, Workers::default()).await;
        workers.done().await;
    }

    async fn deliveries(&self, id: WebhookId, state: DeliveryState) -> Vec<DeliveryRecord> {
        let page = self.read(move |tx, _| Ok(tx.delivery_page(id, Some(state), None, 100)?)).await;
        page.into_iter().map(|it| it.0).collect()
    }

    async fn tries(&self, delivery: &DeliveryRecord) -> Vec<AttemptRecord> {
        let (webhook, event) = (delivery.webhook_id, delivery.event_id);
        self.read(move |tx, _| Ok(tx.attempts_of(webhook, event)?)).await
    }
}

fn signature(secret: &str, seen: &Seen) -> String {
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", seen.id(), seen.header("webhook-timestamp"), seen.body).as_bytes());
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_told_once_and_signed(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::reaching(backend).await, Receiver::open().await);
    let before = it.issued().await;
    it.tells().await;
    let (id, secret) = it.webhook(&receiver.url(), &[]).await;
    let license = it.issued().await;
    it.act(&license, Act::Suspend).await;
    it.tells().await;
    it.tells().await;
    assert_eq!(receiver.kinds(), ["license.issued", "license.frozen"], "and nothing from before");
    for seen in receiver.seen() {
        assert_eq!(seen.header("webhook-signature"), signature(&secret, &seen));
        assert_eq!(seen.header("webhook-timestamp"), it.now().as_seconds().to_string());
        assert_eq!(seen.header("content-type"), "application/json");
        assert_eq!((seen.license() == license.id.to_string(), seen.license() == before.id.to_string()), (true, false));
    }
    let events = it.events(&license).await;
    assert_eq!(receiver.seen()[0].body, events[0].payload, "to the byte");
    assert_eq!(receiver.seen()[0].id(), events[0].id.to_string());
    let delivered = it.deliveries(id, DeliveryState::Delivered).await;
    assert_eq!(delivered.len(), 2);
    let tries = it.tries(&delivered[0]).await;
    assert_eq!((tries.len(), tries[0].number, tries[0].status, &tries[0].error), (1, 1, Some(204), &None));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_told_what_it_wants_and_one_that_fails_keeps_no_other_waiting(#[case] backend: Backend) {
    let it = TestApp::reaching(backend).await;
    let (all, some, none) = (Receiver::open().await, Receiver::open().await, Receiver::open().await);
    it.webhook(&all.url(), &[]).await;
    it.webhook(&some.url(), &[Kind::LicenseReleased, Kind::LicenseFrozen]).await;
    let (off, _) = it.webhook(&none.url(), &[]).await;
    let disable = Wish { enabled: Some(false), ..Wish::default() };
    it.write(move |tx, ctx| webhook::change(tx, ctx, off, &disable).map(drop)).await;
    all.answer(|_| 500);
    let license = it.issued().await;
    it.act(&license, Act::Suspend).await;
    it.act(&license, Act::Release).await;
    it.tells().await;
    assert_eq!(all.kinds(), ["license.issued"], "the others wait behind it");
    assert_eq!(some.kinds(), ["license.frozen", "license.released"]);
    assert_eq!(none.kinds(), [] as [&str; 0]);
}

/// The time goes by minute by minute: when a message is sent again, and when it is given up.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_is_sent_ever_less_often_for_three_days_and_then_kept(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::reaching(backend).await, Receiver::open().await);
    let (id, _) = it.webhook(&receiver.url(), &[Kind::LicenseIssued]).await;
    let turn = AtomicU32::new(0);
    receiver.answer(move |_| [500, 302, 404, 503][turn.fetch_add(1, Ordering::Relaxed) as usize % 4]);
    it.issued().await;
    let began = it.now();
    let mut tried = Vec::new();
    while it.deliveries(id, DeliveryState::Dead).await.is_empty() {
        let before = receiver.seen().len();
        it.tells().await;
        if receiver.seen().len() > before {
            tried.push(it.now().since(began).as_mins());
        }
        let pending = it.deliveries(id, DeliveryState::Pending).await;
        if let Some(next) = pending.first() {
            it.pass(next.next_at.since(it.now()).max(SignedDuration::from_secs(1)));
        }
    }
    assert_eq!(tried.len(), 10, "{tried:?}");
    for (place, (soonest, latest)) in
        [(0, 0), (0, 0), (5, 6), (30, 33), (120, 130), (360, 385), (840, 890), (1680, 1770), (2880, 3000), (4320, 4470)]
            .into_iter()
            .enumerate()
    {
        assert!((soonest..=latest).contains(&tried[place]), "{place}: {tried:?}");
    }
    let seen = receiver.seen();
    assert!(seen.iter().all(|it| it.id() == seen[0].id() && it.body == seen[0].body), "always the same message");
    assert_ne!(seen[0].header("webhook-signature"), seen[9].header("webhook-signature"), "at another time");
    assert_eq!(it.open_alerts().await, ["webhook_undelivered"]);
    let dead = it.deliveries(id, DeliveryState::Dead).await.remove(0);
    let statuses: Vec<_> = it.tries(&dead).await.iter().rev().map(|it| it.status.unwrap()).collect();
    assert_eq!(statuses, [500, 302, 404, 503, 500, 302, 404, 503, 500, 302], "a redirect is not followed");
    it.pass_days(2);
    it.tells().await;
    assert_eq!(receiver.seen().len(), 10, "given up");
    receiver.answer(|_| 200);
    let event = dead.event_id;
    let replayed = it.write(move |tx, ctx| webhook::replay(tx, ctx, id, event)).await.unwrap();
    assert_eq!(replayed.unwrap().state, DeliveryState::Pending);
    it.tells().await;
    assert_eq!((receiver.seen().len(), receiver.seen()[10].id()), (11, seen[0].id()));
    assert_eq!(it.deliveries(id, DeliveryState::Delivered).await.len(), 1);
}

/// What a receiver asks for counts where it is longer than what was planned.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_asks_for_a_pause_gets_it(#[case] backend: Backend) {
    let it = TestApp::reaching(backend).await;
    let (id, _) = it.webhook("http://127.0.0.1:9/", &[]).await;
    it.issued().await;
    it.write(|tx, ctx| deliver::hand_on(tx, ctx, &Post::default()).map(drop)).await;
    for (asked, least, most) in [(0, 10, 12), (3_600, 3_600, 3_600), (864_000, 86_400, 86_400)] {
        let sent = it.write(move |tx, ctx| deliver::claim(tx, ctx, id)).await.unwrap();
        let wait = Some(SignedDuration::from_secs(asked));
        let outcome = Outcome { at: it.now(), millis: 5, status: Ok(429), wait };
        assert_eq!(it.write(move |tx, ctx| deliver::record(tx, ctx, &sent, &outcome)).await, Now::Again);
        let next = it.deliveries(id, DeliveryState::Pending).await[0].next_at.since(it.now()).as_secs();
        assert!((least..=most).contains(&next), "{asked}: {next}");
        it.pass(SignedDuration::from_secs(if asked == 0 { 12 } else { next }));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_gone_is_told_nothing_more_until_it_is_enabled(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::reaching(backend).await, Receiver::open().await);
    let (id, _) = it.webhook(&receiver.url(), &[Kind::LicenseIssued, Kind::LicenseFrozen]).await;
    receiver.answer(|_| 410);
    let license = it.issued().await;
    it.act(&license, Act::Suspend).await;
    it.tells().await;
    let webhook = it.read(move |tx, _| Ok(tx.webhook_find(id)?)).await.unwrap();
    assert_eq!((webhook.enabled, webhook.disabled_because.as_deref()), (false, Some("it answered 410 Gone")));
    it.issued().await;
    it.tells().await;
    assert_eq!(receiver.seen().len(), 1);
    assert_eq!(it.deliveries(id, DeliveryState::Dead).await.len(), 2, "what happens meanwhile is not kept for it");
    assert_eq!(it.open_alerts().await, ["webhook_undelivered"]);
    let refused = it.write(move |tx, ctx| webhook::replay_dead(tx, ctx, id)).await.unwrap();
    assert_eq!(refused, Err(Refused::Disabled));
    receiver.answer(|_| 200);
    let enable = Wish { enabled: Some(true), ..Wish::default() };
    it.write(move |tx, ctx| webhook::change(tx, ctx, id, &enable).map(drop)).await;
    assert_eq!(it.write(move |tx, ctx| webhook::replay_dead(tx, ctx, id)).await.unwrap(), Ok(2));
    it.tells().await;
    assert_eq!(receiver.kinds(), ["license.issued", "license.issued", "license.frozen"]);
}

/// A server that is killed while it sends, or before it noted the answer, leaves a claim behind, and nothing else.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_server_was_sending_is_sent_again_with_the_same_id(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::reaching(backend).await, Receiver::open().await);
    let (id, _) = it.webhook(&receiver.url(), &[]).await;
    let license = it.issued().await;
    it.act(&license, Act::Suspend).await;
    it.write(|tx, ctx| deliver::hand_on(tx, ctx, &Post::default()).map(drop)).await;
    let sent = it.write(move |tx, ctx| deliver::claim(tx, ctx, id)).await.unwrap();
    let replica = it.replica().await;
    it.pass(SignedDuration::from_secs(59));
    replica.tells().await;
    assert_eq!(receiver.kinds(), [] as [&str; 0], "somebody may still be at it");
    it.pass(SignedDuration::from_secs(2));
    replica.tells().await;
    assert_eq!(receiver.kinds(), ["license.issued", "license.frozen"]);
    assert_eq!(receiver.seen()[0].id(), sent.event.to_string());
    // It was only asleep. What it has to say changes nothing.
    let outcome = Outcome { at: it.now(), millis: 5, status: Ok(500), wait: None };
    assert_eq!(it.write(move |tx, ctx| deliver::record(tx, ctx, &sent, &outcome)).await, Now::Lost);
    it.pass_days(1);
    it.tells().await;
    assert_eq!(receiver.seen().len(), 2);
    assert_eq!(it.deliveries(id, DeliveryState::Delivered).await.len(), 2);
}

/// Two servers, several workers each, and a receiver that refuses every third message at first.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_a_license_arrive_in_their_order_whoever_sends_them(#[case] backend: Backend) {
    let (it, receiver) = (Arc::new(TestApp::reaching(backend).await), Receiver::open().await);
    let replica = Arc::new(it.replica().await);
    let (id, _) = it.webhook(&receiver.url(), &[]).await;
    let turn = AtomicU32::new(0);
    receiver.answer(move |_| if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) { 503 } else { 200 });
    let mut licenses = Vec::new();
    for _ in 0..6 {
        licenses.push(it.issued().await);
    }
    for act in [Act::Suspend, Act::Resume, Act::Suspend, Act::Release] {
        for license in &licenses {
            it.act(license, act).await;
        }
    }
    while it.deliveries(id, DeliveryState::Delivered).await.len() < 30 {
        let (one, other) = (Arc::clone(&it), Arc::clone(&replica));
        let other = tokio::spawn(async move { other.tells().await });
        one.tells().await;
        other.await.unwrap();
        it.pass(SignedDuration::from_secs(61));
    }
    let mut arrived: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for seen in receiver.seen() {
        let of_license = arrived.entry(seen.license()).or_default();
        // A message that was sent twice is known by its id; nothing else may come before the one that is pending.
        if of_license.last().is_none_or(|(id, _)| id != seen.id()) {
            assert!(of_license.iter().all(|(id, _)| id != seen.id()), "it came back after another: {of_license:?}");
            of_license.push((seen.id().to_owned(), seen.kind()));
        }
    }
    let wanted = ["license.issued", "license.frozen", "license.unfrozen", "license.frozen", "license.released"];
    for license in &licenses {
        let kinds: Vec<&str> = arrived[&license.id.to_string()].iter().map(|it| it.1.as_str()).collect();
        assert_eq!(kinds, wanted);
    }
    assert!(it.deliveries(id, DeliveryState::Dead).await.is_empty());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_secret_takes_the_place_of_another_both_count(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::reaching(backend).await, Receiver::open().await);
    let (id, first) = it.webhook(&receiver.url(), &[]).await;
    let keep = SignedDuration::from_hours(24);
    it.pass(SignedDuration::from_secs(1));
    let second = it.write(move |tx, ctx| webhook::rotate(tx, ctx, id, keep)).await.unwrap();
    it.issued().await;
    it.tells().await;
    let seen = receiver.seen().pop().unwrap();
    let wanted = [signature(second.expose_secret(), &seen), signature(&first, &seen)].join(" ");
    assert_eq!(seen.header("webhook-signature"), wanted);
    it.pass(SignedDuration::from_hours(25));
    it.issued().await;
    it.tells().await;
    let seen = receiver.seen().pop().unwrap();
    assert_eq!(seen.header("webhook-signature"), signature(second.expose_secret(), &seen));
    for _ in 0..8 {
        it.write(move |tx, ctx| webhook::rotate(tx, ctx, id, keep)).await.unwrap();
    }
    it.issued().await;
    it.tells().await;
    let seen = receiver.seen().pop().unwrap();
    assert_eq!(seen.header("webhook-signature").split(' ').count(), 4, "a message does not grow without end");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_is_sent_like_any_other_message(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::reaching(backend).await, Receiver::open().await);
    let (id, secret) = it.webhook(&receiver.url(), &[Kind::LicenseReleased]).await;
    let event = it.write(move |tx, ctx| webhook::test(tx, ctx, id)).await.unwrap().unwrap();
    it.tells().await;
    let seen = receiver.seen().pop().unwrap();
    assert_eq!((seen.id(), seen.kind().as_str()), (event.id.to_string().as_str(), "webhook.test"));
    assert_eq!(seen.header("webhook-signature"), signature(&secret, &seen));
    it.write(move |tx, _| Ok(tx.webhook_delete(id)?)).await;
    it.issued().await;
    it.tells().await;
    assert_eq!(receiver.seen().len(), 1);
}

/// No connection is made to what is not public, whatever it is called.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_public_is_not_reached(#[case] backend: Backend) {
    let (it, receiver) = (TestApp::start(backend).await, Receiver::open().await);
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let (id, _) = it.webhook(&format!("https://{host}:{}/", receiver.address.port()), &[]).await;
        it.issued().await;
        it.tells().await;
        let pending = it.deliveries(id, DeliveryState::Pending).await;
        let tries = it.tries(&pending[0]).await;
        let why = tries[0].error.as_deref().unwrap();
        assert!(why.contains("is not a public address") && why.contains("`webhook_networks`"), "{host}: {why}");
    }
    assert!(receiver.seen().is_empty());
}

/// TLS that fails, and a receiver that says nothing: both are no answer, and are said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_noted_with_its_reason_sqlite() {
    let (it, receiver) = (TestApp::reaching(Backend::Sqlite).await, Receiver::open().await);
    receiver.answer(|_| 0);
    let (slow, _) = it.webhook(&receiver.url(), &[]).await;
    let (plain, _) = it.webhook(&receiver.url().replace("http:", "https:"), &[]).await;
    it.issued().await;
    let began = std::time::Instant::now();
    it.tells().await;
    let waited = began.elapsed().as_secs();
    assert!((14..30).contains(&waited), "{waited}");
    // What speaks no TLS waits for more, as a server would that is overloaded.
    for id in [slow, plain] {
        let pending = it.deliveries(id, DeliveryState::Pending).await;
        let tries = it.tries(&pending[0]).await;
        assert!(tries[0].error.as_deref().unwrap().contains("did not answer in time"), "{tries:?}");
    }
}
