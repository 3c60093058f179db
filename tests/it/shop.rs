//! A merchant's own shop: calls over real HTTP, signed by the published library of another ecosystem.

use std::process::Command;

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::clock::Clock as _,
    license::model::{Expiry, License, State},
};
use tokio::task::{JoinSet, spawn_blocking};

use crate::{
    executable::jose::python,
    harness::{Answer, Backend, CATALOG, TestApp, exchange, slug, time},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Signs with PyPI's `standardwebhooks`: id, seconds and body in, the value of the header out.
const SIGN: &str = "
import sys, datetime
from standardwebhooks.webhooks import Webhook
at = datetime.datetime.fromtimestamp(int(sys.argv[2]), tz=datetime.timezone.utc)
sys.stdout.write(Webhook(sys.argv[4]).sign(sys.argv[1], at, sys.argv[3]))
";

struct Shop {
    app: TestApp,
}

async fn signature(id: &str, seconds: i64, body: &str, secret: &str) -> String {
    let arguments = [id.to_owned(), seconds.to_string(), body.to_owned(), secret.to_owned()];
    let ended = spawn_blocking(move || Command::new(python()).arg("-c").arg(SIGN).args(arguments).output().unwrap());
    let ended = ended.await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

impl Shop {
    async fn start(backend: Backend) -> Self {
        let app = TestApp::start(backend).await;
        std::fs::write(app.database.folder.path().join("keys/shop"), SECRET).unwrap();
        let channel = "\n[[channel]]\nslug = \"own\"\nkind = \"shop\"\nproducts = [\"atlas\"]\naccess_key = { file = \"keys/shop\" }\n";
        app.apply_catalog(&format!("{CATALOG}{channel}")).await;
        Self { app }
    }

    async fn send(&self, channel: &str, headers: &str, body: &str) -> Answer {
        let head = format!(
            "POST /marketplace/shop/{channel} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        exchange(self.app.address, [head.as_bytes(), body.as_bytes()].concat().as_slice()).await
    }

    async fn headers(&self, id: &str, body: &str) -> String {
        let seconds = self.app.clock.now().as_seconds();
        let signature = signature(id, seconds, body, SECRET).await;
        format!("webhook-id: {id}\r\nwebhook-timestamp: {seconds}\r\nwebhook-signature: {signature}\r\n")
    }

    async fn call(&self, call: Value) -> Answer {
        let body = call.to_string();
        let headers = self.headers("msg-1", &body).await;
        self.send("own", &headers, &body).await
    }

    async fn done(&self, call: Value) -> Value {
        let answer = self.call(call).await;
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")), "{answer:?}");
        answer.json()
    }

    async fn license(&self, instance: &str) -> License {
        let instance = instance.to_owned();
        self.app.read(move |tx, _| Ok(tx.license_seen_by_instance(&slug("own"), &instance)?)).await.unwrap()
    }
}

fn purchase(order: &str) -> Value {
    json!({
        "type": "purchase", "order": order, "plan": "atlas/standard", "quantity": 3, "expires_at": "2027-03-02T08:00:00Z",
        "customer": { "id": "c-1", "name": "Example Mills" },
    })
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_lives_from_its_order_to_its_refund(#[case] backend: Backend) {
    let shop = Shop::start(backend).await;
    let sold = shop.done(purchase("A-1")).await;
    assert_eq!(shop.done(purchase("A-1")).await, sold, "the same order is the same license");
    let instance = sold["instance"].as_str().unwrap().to_owned();
    assert!(sold["page"].as_str().unwrap().starts_with(shop.app.app.public_url()));
    let license = shop.license(&instance).await;
    assert_eq!((license.id.to_string(), license.quantity), (sold["license"].as_str().unwrap().to_owned(), Some(3)));
    assert_eq!(license.expiry, Expiry::Estimated(time("2027-03-02T08:00:00Z")));
    let code = sold["license_code"].as_str().unwrap();
    assert_eq!(shop.app.latest_code(&license).await, code);

    let of = |kind: &str| json!({ "type": kind, "instance": instance });
    shop.done(json!({ "type": "renew", "order": "A-2", "instance": instance, "expires_at": "2028-03-02T08:00:00Z" }))
        .await;
    assert_eq!(shop.license(&instance).await.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    shop.done(json!({ "type": "upgrade", "order": "A-3", "instance": instance, "quantity": 5 })).await;
    assert_eq!(shop.license(&instance).await.quantity, Some(5));
    shop.app.pass(SignedDuration::from_secs(1));
    shop.done(of("freeze")).await;
    assert_eq!(shop.license(&instance).await.standing.state(), State::Frozen);
    shop.app.pass(SignedDuration::from_secs(1));
    shop.done(of("unfreeze")).await;
    assert_eq!(shop.done(of("query")).await, json!({ "instance": instance, "page": sold["page"] }));
    shop.done(json!({ "type": "release", "order": "A-4", "instance": instance })).await;
    assert_eq!(shop.license(&instance).await.standing.state(), State::Released);
    let late = json!({ "type": "renew", "order": "A-5", "instance": instance, "expires_at": "2029-03-02T08:00:00Z" });
    assert_eq!(shop.call(late).await.status, 409);
    assert_eq!(shop.call(json!({ "type": "release", "instance": "nobody" })).await.status, 404);
    let forever = json!({ "type": "purchase", "order": "A-6", "plan": "atlas/standard" });
    let forever = shop.done(forever).await["instance"].as_str().unwrap().to_owned();
    assert_eq!(shop.license(&forever).await.expiry, Expiry::Never);
}

/// The order is what counts: whoever sends it at once, or again under another id, gets one license.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_calls_of_one_order_are_one_license(#[case] backend: Backend) {
    let shop = Shop::start(backend).await;
    let body = purchase("A-1").to_string();
    let headers = [shop.headers("msg-1", &body).await, shop.headers("msg-2", &body).await];
    let mut racers = JoinSet::new();
    for number in 0..8 {
        let (address, body) = (shop.app.address, body.clone());
        let head = format!(
            "POST /marketplace/shop/own HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n{body}",
            body.len(),
            headers[number % 2]
        );
        racers.spawn(async move { exchange(address, head.as_bytes()).await });
    }
    let answers = racers.join_all().await;
    // A database that is busy asks to come again.
    assert!(answers.iter().all(|it| [200, 503].contains(&it.status)), "{answers:?}");
    let mut sold: Vec<Value> = answers.iter().filter(|it| it.status == 200).map(Answer::json).collect();
    sold.dedup();
    assert_eq!((sold.len(), shop.app.licenses().await.len()), (1, 1));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_shops_own_calls_are_believed(#[case] backend: Backend) {
    let shop = Shop::start(backend).await;
    let body = purchase("A-1").to_string();
    let good = shop.headers("msg-1", &body).await;
    let seconds = shop.app.clock.now().as_seconds();
    let foreign = signature("msg-1", seconds, &body, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    let foreign = format!("webhook-id: msg-1\r\nwebhook-timestamp: {seconds}\r\nwebhook-signature: {foreign}\r\n");
    for (headers, body, channel, status) in [
        (&foreign, &body, "own", 401),
        (&good, &body.replace("A-1", "A-2"), "own", 401),
        (&good.replace("msg-1", "msg-2"), &body, "own", 401),
        (&format!("{good}webhook-id: msg-2\r\n"), &body, "own", 401),
        (&String::new(), &body, "own", 401),
        (&good, &body, "nobody", 404),
        (&good, &body, "license-1-0", 404),
    ] {
        let answer = shop.send(channel, headers, body).await;
        assert_eq!(
            (answer.status, answer.header("Content-Type")),
            (status, Some("application/problem+json")),
            "{headers}"
        );
    }
    assert_eq!(shop.app.licenses().await.len(), 0);
    shop.app.pass(SignedDuration::from_secs(301));
    assert_eq!(shop.send("own", &good, &body).await.status, 401, "an old call");
    let get = "GET /marketplace/shop/own HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(shop.app.address, get.as_bytes()).await.status, 405);
    assert_eq!(shop.send("own", &good, &" ".repeat(70_000)).await.status, 413);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_named_and_told_to_the_merchant(#[case] backend: Backend) {
    let shop = Shop::start(backend).await;
    for (call, about) in [
        (json!({ "type": "melt" }), "melt"),
        (json!({ "type": "purchase", "order": "A-1" }), "plan"),
        (json!({ "type": "purchase", "order": "A-1", "plan": "atlas/standard", "plan2": 1 }), "plan2"),
        (json!({ "type": "purchase", "order": "", "plan": "atlas/standard" }), "order"),
        (json!({ "type": "renew", "order": "A-1", "instance": "i", "expires_at": "soon" }), "expires_at"),
        (json!({ "type": "purchase", "order": "A-1", "plan": "atlas/nothing" }), "atlas/nothing"),
        (json!({ "type": "purchase", "order": "A-1", "plan": "mill/fixed" }), "mill/fixed"),
        (json!([]), "body"),
    ] {
        let answer = shop.call(call.clone()).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(answer.status == 422 && (detail.contains(about) || about == "expires_at"), "{call}: {answer:?}");
    }
    assert_eq!(shop.app.licenses().await.len(), 0);
    let alerts = shop.app.open_alerts().await;
    assert!(
        alerts.contains(&"call_rejected".to_owned()) && alerts.contains(&"purchase_refused".to_owned()),
        "{alerts:?}"
    );
    assert!(shop.app.messages().await.iter().all(|it| it.transport == "shop"));
}
