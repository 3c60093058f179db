//! Deployments in accounts that trust the merchant's, and give no keys.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};
use signet::{
    base::clock::{Clock, ManualClock, SystemClock},
    provision::{plan::Cloud, run::Status},
};

use super::{
    Deployment, Real, Service,
    refusals::{database, holds},
};

const URN: &str = "iam::account-7:agency:for-meadow";
const ACCOUNT: &str = "account-8";

/// A service whose merchant has an account at the fake, and a customer with an agency of one kind.
struct Trusted {
    cloud: Real,
    clock: Arc<ManualClock>,
    service: Service,
    told: Value,
}

impl Trusted {
    async fn start() -> Self {
        let cloud = Real::sound(Cloud::Huawei).await;
        // That of the sessions: what the fake signs off runs in real time.
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let service = Service::start(cloud.trusting(clock.clone())).await;
        let told = told(&service).await;
        let it = Self { cloud, clock, service, told };
        it.cloud.fake().trust(json!({ "urn": URN, "external_id": it.told["external_id"] })).await;
        it.cloud.fake().trust(json!({ "account": ACCOUNT, "name": it.told["name"] })).await;
        it
    }

    async fn order(&self, agency: &Value) -> Value {
        let mut order = self.service.order_at(&self.cloud).await;
        order["credentials"] = json!({ "agency": agency });
        order
    }

    async fn begin(&self, agency: &Value) -> Deployment<'_> {
        self.service.order(self.order(agency).await).await
    }

    async fn assumed(&self) -> Vec<Value> {
        self.cloud.fake().state().await["assumed"].as_array().unwrap().clone()
    }
}

/// What the holder of a license is told to create.
async fn told(service: &Service) -> Value {
    let told = service.call("GET", "/agency", None).await;
    assert_eq!(told.status, 200);
    told.json()
}

fn trust() -> Value {
    json!({ "urn": URN })
}

fn named() -> Value {
    json!({ "account": ACCOUNT })
}

#[rstest]
#[case::by_a_trust_agency(trust(), "account-7", "5.0")]
#[case::by_an_agency_of_the_older_kind(named(), ACCOUNT, "1.1")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_agency_makes_one_server_and_removes_it(
    #[case] agency: Value,
    #[case] account: &str,
    #[case] version: &str,
) {
    let it = Trusted::start().await;
    let deployment = it.begin(&agency).await;
    deployment.until_it_should_call().await;
    assert!(deployment.lines().await.contains(&format!("account {account}")));
    assert_eq!((it.cloud.ordered().await, it.cloud.holds().await), (1, it.cloud.one()));
    deployment.wish("remove", None).await;
    deployment.until(|it| it.status == Status::Removed).await;
    assert_eq!(it.cloud.holds().await, [0, 0, 0]);
    assert_eq!(deployment.record().await.credentials, None, "forgotten when it is done");
    let assumed = it.assumed().await;
    assert_eq!(assumed.len(), 1, "one session for all of it: {assumed:?}");
    assert_eq!(assumed[0]["policy"]["Version"], version);
    let actions = assumed[0]["policy"]["Statement"][0]["Action"].as_array().unwrap();
    assert!(actions.contains(&"ecs:cloudServers:createServers".into()), "{actions:?}");
    assert!(actions.iter().all(|it| !it.as_str().unwrap().contains('*')), "{actions:?}");
}

/// Temporary credentials are renewed five minutes before their end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_session_that_is_nearly_over_is_opened_anew() {
    let it = Trusted::start().await;
    let deployment = it.begin(&trust()).await;
    it.clock.advance(SignedDuration::from_mins(9));
    deployment.round().await.join_all().await;
    assert_eq!(it.assumed().await.len(), 1);
    it.clock.advance(SignedDuration::from_mins(2));
    deployment.round().await.join_all().await;
    assert_eq!(it.assumed().await.len(), 2);
    // The fake's clock was never moved: by it, the new session has just begun.
    it.clock.set(SystemClock.now());
    deployment.until_it_should_call().await;
    assert_eq!(it.assumed().await.len(), 2);
}

/// The cloud ends a session before its time: nobody has to do anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_session_that_the_cloud_ended_is_opened_anew() {
    let it = Trusted::start().await;
    let deployment = it.begin(&named()).await;
    it.cloud.fake().admin("expire", Value::Null).await;
    deployment.until_it_should_call().await;
    assert_eq!((it.assumed().await.len(), it.cloud.ordered().await), (2, 1), "{}", deployment.lines().await);
}

/// The confused deputy: a customer who knows another's agency gets nothing through it.
#[rstest]
#[case::by_a_trust_agency(trust(), "PAP5.0014")]
#[case::by_an_agency_of_the_older_kind(named(), "Not Found")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_agency_of_another_license_is_refused(#[case] agency: Value, #[case] code: &str) {
    let it = Trusted::start().await;
    let stranger = it.service.neighbour().await;
    let theirs = told(&stranger).await;
    assert_ne!((&theirs["external_id"], &theirs["name"]), (&it.told["external_id"], &it.told["name"]));
    let order = it.order(&agency).await;
    // Also while a session of the rightful holder is open.
    it.begin(&agency).await.until_it_should_call().await;
    let offer = json!({ "place": order["place"], "credentials": order["credentials"] });
    for (path, asked) in [("", &order), ("/quote", &order), ("/offer", &offer)] {
        let refused = stranger.call("POST", path, Some(asked.clone())).await;
        let problem = refused.json();
        assert_eq!(refused.status, 422, "{path}: {problem}");
        assert!(problem["type"].as_str().unwrap().ends_with("cloud-agency"), "{path}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(code) && detail.contains("external id or name must be exactly those"), "{detail}");
    }
    let listed = stranger.call("GET", "", None).await;
    assert_eq!(listed.json()["deployments"], json!([]));
    let last = it.assumed().await.pop().unwrap();
    let sent = last.get("external_id").or(last.get("name")).unwrap();
    assert!([&theirs["external_id"], &theirs["name"]].contains(&sent), "only what is the stranger's own is ever sent");
}

/// Neither name nor external id can be told; what is told is one thing, and looks like one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_no_call_takes_a_name_or_an_external_id() {
    let it = Trusted::start().await;
    let name = it.told["name"].as_str().unwrap();
    for agency in [
        json!({ "account": ACCOUNT, "name": name }),
        json!({ "urn": URN, "external_id": it.told["external_id"] }),
        json!({ "urn": URN, "account": ACCOUNT }),
        json!({ "urn": name }),
        json!({ "account": URN }),
        json!({}),
    ] {
        let order = it.order(&agency).await;
        let wish = json!({ "wish": "resume", "credentials": order["credentials"] });
        let offer = json!({ "place": order["place"], "credentials": order["credentials"] });
        let any = "/01a20445-ae14-78c4-bd6b-f621bdb09999/wish";
        for (path, asked) in [("", &order), ("/quote", &order), ("/offer", &offer), (any, &wish)] {
            let refused = it.service.call("POST", path, Some(asked.clone())).await;
            assert!([400, 422].contains(&refused.status), "{path} {agency}: {}", refused.status);
        }
    }
    let mut both = it.order(&trust()).await;
    both["credentials"]["access_key"] = "ak".into();
    assert_eq!(it.service.call("POST", "", Some(both)).await.status, 422);
    assert_eq!(it.assumed().await.len(), 0);
}

/// 128 bits each; the same for a license whenever it is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_what_ties_an_agency_is_a_licenses_own_and_stays() {
    let it = Trusted::start().await;
    assert_eq!(told(&it.service).await, it.told);
    let text = |name: &str| it.told[name].as_str().unwrap().to_owned();
    let (external, name) = (text("external_id"), text("name"));
    let secret = name.strip_prefix("signet-").unwrap();
    assert!([&*external, secret].iter().all(|it| it.len() == 32 && it.bytes().all(|it| it.is_ascii_hexdigit())));
    assert_ne!(external, secret);
    assert_eq!((text("account"), text("account_id")), ("meadow-software".to_owned(), "vendor-1".to_owned()));
}

/// Trust that is withdrawn stops a deployment with what to do; given again, it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_trust_that_is_withdrawn_is_asked_for_again() {
    let it = Trusted::start().await;
    let deployment = it.begin(&trust()).await;
    it.cloud.fake().trust(json!({ "urn": URN, "external_id": "of nobody" })).await;
    it.cloud.fake().admin("expire", Value::Null).await;
    let record = deployment.until(|it| it.status != Status::Running).await;
    assert_eq!((record.status, record.credentials), (Status::NeedsCredentials, None));
    let problem = deployment.shown().await["problem"].clone();
    assert_eq!((&problem["kind"], &problem["code"]), (&"agency".into(), &"PAP5.0014".into()), "{problem}");
    it.cloud.fake().trust(json!({ "urn": URN, "external_id": it.told["external_id"] })).await;
    deployment.wish("resume", Some(json!({ "agency": trust() }))).await;
    deployment.until_it_should_call().await;
    assert_eq!(it.cloud.holds().await, it.cloud.one());
}

/// Without an account of the merchant's, agencies are nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_without_the_merchants_account_there_are_no_agencies() {
    let cloud = Real::sound(Cloud::Huawei).await;
    let service = Service::start(cloud.clouds()).await;
    assert_eq!(service.call("GET", "/agency", None).await.status, 404);
    let mut order = service.order_at(&cloud).await;
    order["credentials"] = json!({ "agency": trust() });
    let refused = service.call("POST", "", Some(order)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.json()["detail"].as_str().unwrap().contains("agencies are not taken here"));
}

/// What the merchant's account signs goes to the public cloud only, and nowhere that a customer names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_agencies_are_not_taken_on_at_endpoints_of_ones_own() {
    let it = Trusted::start().await;
    let mut order = it.order(&trust()).await;
    order["place"]["endpoint"] = "https://{service}.example.com".into();
    let refused = it.service.call("POST", "", Some(order)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.json()["type"].as_str().unwrap().ends_with("cloud-endpoint"));
    assert_eq!(it.assumed().await.len(), 0);
}

/// What is written while a test runs.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Neither what opens the account, nor what was opened, nor the license's external id: in the log at its most talkative,
/// in the database, in answers. One thread, so that all of it is heard.
#[tokio::test]
async fn whole_nothing_of_an_agency_is_written_anywhere() {
    let written = Written::default();
    let writer = written.clone();
    let log =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _heard = tracing::subscriber::set_default(log);
    let it = Trusted::start().await;
    let mut shown = String::new();
    for agency in [trust(), named()] {
        let deployment = it.begin(&agency).await;
        deployment.until_it_should_call().await;
        let bytes = database(&it.service);
        shown += &deployment.shown().await.to_string();
        deployment.wish("remove", None).await;
        deployment.until(|it| it.status == Status::Removed).await;
        for secret in [URN, it.told["external_id"].as_str().unwrap(), it.told["name"].as_str().unwrap()] {
            assert!(!holds(&bytes, secret), "{secret} in the database");
        }
    }
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("order accepted") && log.lines().count() > 100, "too little is heard: {log}");
    let state = it.cloud.fake().state().await;
    let secrets = state["secrets"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned());
    let secrets: Vec<String> = secrets.chain([super::super::huawei::VENDOR.1.to_owned(), URN.to_owned()]).collect();
    let own = ["external_id", "name"].map(|name| it.told[name].as_str().unwrap().to_owned());
    assert!(secrets.len() >= 6, "{secrets:?}");
    for secret in secrets.iter().chain(&own) {
        assert!(!log.contains(secret.as_str()), "{secret} in the log");
        assert!(!shown.contains(secret.as_str()), "{secret} is shown");
    }
}
