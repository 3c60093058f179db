//! Alibaba Cloud Marketplace: its calls over real HTTP, with tokens computed by code that shares nothing with the service's.

use data_encoding::HEXLOWER;
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    license::model::{Expiry, License, State},
    store::OrderKind,
};

use crate::harness::{Answer, Backend, CATALOG, TestApp, exchange, time};

const KEY: &str = "an-isv-key-of-alibaba";

struct Market {
    app: TestApp,
}

/// Percent-encoded as a program would, every byte that is not a letter or digit.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

impl Market {
    async fn start(backend: Backend) -> Self {
        let app = TestApp::start(backend).await;
        std::fs::write(app.database.folder.path().join("keys/ali"), KEY).unwrap();
        let channel = "\n[[channel]]\nslug = \"ali\"\nkind = \"alibaba\"\nproducts = [\"atlas\"]\naccess_key = { file = \"keys/ali\" }\n";
        app.apply_catalog(&format!("{CATALOG}{channel}")).await;
        Self { app }
    }

    async fn get(&self, target: &str) -> Answer {
        let head = format!("GET {target} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n\r\n");
        exchange(self.app.address, head.as_bytes()).await
    }

    /// The address of a call, with its token in the middle.
    fn target(parameters: &[(&str, &str)], key: &str) -> String {
        let mut sorted: Vec<_> = parameters.to_vec();
        sorted.sort_unstable();
        let text: String = sorted.iter().map(|(name, value)| format!("{name}={value}&")).collect();
        let token = HEXLOWER.encode(&md5(format!("{text}key={key}").as_bytes()));
        let query: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        format!("/marketplace/alibaba/ali?token={token}&{}", query.join("&"))
    }

    async fn call(&self, parameters: &[(&str, &str)]) -> Value {
        let answer = self.get(&Self::target(parameters, KEY)).await;
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")), "{answer:?}");
        answer.json()
    }

    async fn buys(&self, order: &str, business: &str) -> Value {
        self.call(&[
            ("action", "createInstance"),
            ("aliUid", "1234567890"),
            ("orderBizId", business),
            ("orderId", order),
            ("productCode", "cmapi001"),
            ("skuId", "S-STANDARD"),
            ("trial", "false"),
            ("expiredOn", "2027-03-02 16:00:00"),
            ("addedLater", "公司 & Söhne"),
        ])
        .await
    }

    async fn renews(&self, instance: &str, order: &str, end: &str) -> Value {
        let call = [("action", "renewInstance"), ("instanceId", instance), ("orderId", order), ("expiredOn", end)];
        self.call(&call).await
    }

    async fn ends(&self, action: &str, instance: &str) -> Value {
        self.call(&[("action", action), ("instanceId", instance), ("isRefund", "true")]).await
    }

    async fn license(&self, instance: &str) -> License {
        let instance = instance.to_owned();
        let ali = crate::harness::slug("ali");
        self.app.read(move |tx, _| Ok(tx.license_seen_by_instance(&ali, &instance)?)).await.unwrap()
    }
}

/// RFC 1321, by OpenSSL's own tool.
fn md5(bytes: &[u8]) -> Vec<u8> {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    let mut tool = Command::new("openssl")
        .args(["dgst", "-md5", "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    tool.stdin.take().unwrap().write_all(bytes).unwrap();
    tool.wait_with_output().unwrap().stdout
}

fn done() -> Value {
    json!({ "success": "true" })
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_lives_from_its_purchase_to_its_release(#[case] backend: Backend) {
    let market = Market::start(backend).await;
    let bought = market.buys("o-1", "biz-1").await;
    assert_eq!(bought["instanceId"], "biz-1", "the recommended id");
    let page = bought["appInfo"]["frontEndUrl"].as_str().unwrap();
    assert!(page.starts_with(&format!("{}/l/", market.app.app.public_url())), "{page}");
    assert_eq!(market.buys("o-1", "biz-1").await, bought, "a repeat is answered alike");
    let license = market.license("biz-1").await;
    assert_eq!((license.plan.as_str(), license.customer.id.as_deref()), ("standard", Some("1234567890")));
    assert_eq!(license.expiry, Expiry::Estimated(time("2027-03-02T08:00:00Z")), "an end by China's clock");
    // Another line of the same order is another license.
    assert_eq!(market.buys("o-1", "biz-2").await["instanceId"], "biz-2");
    assert_eq!(market.app.licenses().await.len(), 2);

    for _ in 0..2 {
        assert_eq!(market.renews("biz-1", "o-2", "2028-03-02 16:00:00").await, done());
    }
    assert_eq!(market.license("biz-1").await.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    assert_eq!(market.app.orders("o-2").await.len(), 1);
    market.app.set_clock("2028-03-02T08:00:01Z");
    for _ in 0..2 {
        assert_eq!(market.ends("expiredInstance", "biz-1").await, done());
    }
    assert_eq!(market.license("biz-1").await.standing.state(), State::Frozen);
    assert_eq!(market.renews("biz-1", "o-3", "2029-03-02 16:00:00").await, done());
    assert_eq!(market.license("biz-1").await.standing.state(), State::Active);
    for _ in 0..2 {
        assert_eq!(market.ends("releaseInstance", "biz-1").await, done());
    }
    assert_eq!(market.license("biz-1").await.standing.state(), State::Released);
    assert_eq!(market.renews("biz-1", "o-4", "2030-03-02 16:00:00").await["success"], "false");
    assert_eq!(market.app.open_alerts().await, ["paid_after_release"]);
    let messages = market.app.messages().await;
    assert!(
        messages.iter().all(|it| it.transport == "alibaba" && it.request.contains("token: (hidden)")),
        "{messages:?}"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_before_its_purchase_comes_again(#[case] backend: Backend) {
    let market = Market::start(backend).await;
    for action in ["expiredInstance", "releaseInstance"] {
        assert_eq!(market.ends(action, "biz-1").await["success"], "false", "{action}");
    }
    assert_eq!(market.renews("biz-1", "o-2", "2028-03-02 16:00:00").await["success"], "false");
    market.buys("o-1", "biz-1").await;
    assert_eq!(market.ends("releaseInstance", "biz-1").await, done());
}

/// Whatever is wrong with a purchase, the marketplace is told that there is no instance yet, and the merchant why.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_that_cannot_be_carried_out_comes_again(#[case] backend: Backend) {
    let market = Market::start(backend).await;
    let buy =
        |sku: &'static str| [("action", "createInstance"), ("orderBizId", "biz-1"), ("orderId", "o-1"), ("skuId", sku)];
    let refused = market.call(&buy("S-NOBODYS")).await;
    assert_eq!(refused["instanceId"], "0");
    assert!(refused["message"].as_str().unwrap().contains("S-NOBODYS"));
    assert_eq!(market.app.open_alerts().await, ["purchase_refused"]);
    assert_eq!(market.call(&buy("S-STANDARD")).await["instanceId"], "biz-1");
    assert_eq!(market.app.open_alerts().await, ["term_unknown"], "it named no end");
    assert_eq!(market.app.orders("o-1").await[0].kind, OrderKind::Purchase);
    let rejected = market.call(&[("action", "createInstance"), ("orderId", "o-1")]).await;
    assert_eq!(rejected["instanceId"], "0");
    assert!(rejected["message"].as_str().unwrap().contains("orderBizId"));
    assert_eq!(market.call(&[("action", "upgradeInstance")]).await["success"], "false");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_marketplaces_own_calls_are_believed(#[case] backend: Backend) {
    let market = Market::start(backend).await;
    market.buys("o-1", "biz-1").await;
    let release = [("action", "releaseInstance"), ("instanceId", "biz-1")];
    let good = Market::target(&release, KEY);
    for bad in [
        Market::target(&release, "another-key"),
        good.replace("biz%2D1", "biz%2D2"),
        format!("{good}&instanceId=biz-1"),
        format!("{good}&extra=1"),
        good.replace("token=", "nekot="),
        "/marketplace/alibaba/ali".to_owned(),
        good.replace("/ali?", "/nobody?"),
        // A channel of the other marketplace has another door.
        good.replace("/ali?", "/license-1-0?"),
    ] {
        let answer = market.get(&bad).await;
        assert_eq!((answer.status, &answer.json()["success"]), (401, &json!("false")), "{bad}");
    }
    let elsewhere = market.get(&good.replace("/alibaba/", "/koogallery/")).await;
    assert_eq!(elsewhere.json()["resultCode"], "000001");
    let head = format!("POST {good} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(exchange(market.app.address, head.as_bytes()).await.status, 405);
    let long =
        Market::target(&[("action", "releaseInstance"), ("instanceId", "biz-1"), ("x", &"y".repeat(40_000))], KEY);
    assert_eq!(market.get(&long).await.status, 414);
    assert_eq!(market.license("biz-1").await.standing.state(), State::Active);
    assert_eq!(market.get(&good).await.json(), done());
}
