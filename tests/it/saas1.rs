//! SaaS 1.0: an instance with encrypted credentials, asked for live again and again.

use koogallery_simulator::{
    Call, Line, Reply,
    cipher::{self, EncryptType},
};
use rstest::rstest;
use signet::{
    base::secret::SecretString,
    license::{
        activation::Reason,
        model::{Expiry, State},
        plan::FeatureValue,
    },
    usecase::{
        activation::{self, Machine, Report},
        usage::{self, Counted},
    },
};

use crate::harness::{Backend, Door, PUBLIC_URL, TestApp, slug, stamp, time};

const LINE: Line = Line::Saas1;

fn buy(order_id: &str) -> Call {
    let call = Call::buy(LINE, order_id).unwrap().product("P-BASIC").sku("S-BASIC");
    call.expires_at(stamp("2027-03-02T08:00:00Z"))
}

fn opened(door: &Door, text: &serde_json::Value) -> String {
    cipher::open(door.market.key(), EncryptType::Aes256, text.as_str().expect("a credential")).unwrap()
}

fn app_info(reply: &Reply) -> serde_json::Value {
    reply.json().unwrap()["appInfo"].clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_answered_with_encrypted_credentials(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let hidden = cipher::seal(door.market.key(), *b"abcdefgh12345678", "buyer@example.com");
    let (instance, reply) = door.bought(&buy("CS0001").set("email", &hidden).set("mobilePhone", &hidden)).await;
    assert_eq!(reply.json().unwrap()["encryptType"], "1", "AES-256, as the channel says");
    let info = app_info(&reply);
    let link = info["frontEndUrl"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
    assert_eq!((app.get(&link).await.status, link.len()), (303, "/l/".len() + 48));
    assert_eq!(info["adminUrl"], "https://beacon.example.com/admin");
    assert_eq!(opened(&door, &info["userName"]), "admin");
    assert_eq!(opened(&door, &info["password"]), "beacon-first-password");
    assert_ne!(
        info["userName"].as_str().unwrap()[..16],
        info["password"].as_str().unwrap()[..16],
        "the vectors differ"
    );
    assert!(reply.license().is_none());

    let (_, other) = door.bought(&buy("CS0002")).await;
    assert_ne!(app_info(&other)["password"], info["password"], "every instance has its own vector");
    assert_eq!(app.license(&instance).await.features["probes"], FeatureValue::Number(5));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buyers_click_finds_the_same_instance_byte_for_byte(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let (instance, first) = door.bought(&buy("CS0001")).await;
    app.pass_days(40);
    assert_eq!(door.done(&buy("CS0001")).await.body, first.body);
    assert_eq!(app.replica().await.door(LINE).done(&buy("CS0001")).await.body, first.body);
    door.done(&Call::freeze(LINE, &instance).unwrap()).await;
    assert_eq!(door.done(&buy("CS0001")).await.body, first.body, "also while it is frozen");
    assert_eq!(app.licenses().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clicks_at_once_make_one_instance(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let mut clicks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (door, request) = (door.clone(), door.market.prepare(&buy("CS0001")));
        clicks.spawn(async move { door.send(&request).await });
    }
    let replies = clicks.join_all().await;
    assert_eq!(replies[0].code().as_deref(), Some("000000"));
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    assert_eq!(app.licenses().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_demand_goods_are_known_by_order_and_product(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let on_demand = |product: &str| buy("CS0001").set("chargingMode", "0").product(product);
    let (basic, _) = door.bought(&on_demand("P-BASIC")).await;
    let (plus, _) = door.bought(&on_demand("P-PLUS")).await;
    assert_ne!(basic, plus);
    assert_eq!(door.bought(&on_demand("P-BASIC")).await.0, basic);
    assert_eq!(app.licenses().await.len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_names_its_plan_by_sku_or_product_and_its_quantity(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let (instance, _) = door.bought(&buy("CS0001").amount(2)).await;
    let upgrade = |order: &str| Call::upgrade(LINE, &instance, order).unwrap();
    door.done(&upgrade("CS0002").sku("S-PLUS").amount(3)).await;
    let license = app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.rev), (slug("plus"), 2));
    assert_eq!(license.features["probes"], FeatureValue::Number(150));

    door.done(&upgrade("CS0002").sku("S-PLUS").amount(3)).await;
    assert_eq!(app.license(&instance).await.rev, 2, "once");
    door.done(&upgrade("CS0003").product("P-BASIC")).await;
    assert_eq!(app.license(&instance).await.plan, slug("basic"));
    let reply = door.answers(&upgrade("CS0004").sku("S-NEW"), "000002").await;
    assert!(reply.message().unwrap().contains("S-NEW"));
    assert_eq!(app.open_alerts().await, ["upgrade_refused"]);
    door.answers(&upgrade("CS0005"), "000002").await;
    door.answers(&Call::upgrade(LINE, "nobody", "CS0006").unwrap().sku("S-PLUS"), "000003").await;

    door.done(&Call::release(LINE, &instance, Some("CS0001"))).await;
    door.answers(&upgrade("CS0007").sku("S-PLUS"), "000003").await;
    assert_eq!(app.open_alerts().await, ["upgrade_refused", "paid_after_release"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freeze_normal_and_expire_set_the_state(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let (instance, _) = door.bought(&buy("CS0001")).await;
    app.set_clock("2027-03-02T07:00:00Z");
    let state = async || app.license(&instance).await.standing.state();
    door.done(&Call::freeze(LINE, &instance).unwrap()).await;
    assert_eq!(state().await, State::Frozen);
    door.done(&Call::unfreeze(LINE, &instance).unwrap()).await;
    assert_eq!(state().await, State::Active);
    door.done(&Call::freeze(LINE, &instance).unwrap()).await;
    assert_eq!(state().await, State::Frozen, "FREEZE–NORMAL–FREEZE ends frozen");
    door.done(&Call::unfreeze(LINE, &instance).unwrap()).await;

    app.set_clock("2027-03-02T08:00:00Z");
    door.done(&Call::expire(LINE, &instance, "CS0001").unwrap()).await;
    assert_eq!(state().await, State::Frozen);
    door.done(&Call::renew(LINE, &instance, "CS0002", stamp("2028-03-02T08:00:00Z"))).await;
    assert_eq!(state().await, State::Active);
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);
    door.answers(&Call::freeze(LINE, &instance).unwrap().set("instanceStatus", "MELT"), "000002").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_negative_amount_is_a_refund_and_a_positive_one_never_lowers(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let (instance, _) = door.bought(&buy("CS0001")).await;
    let renew = |order: &str, expires: &str| Call::renew(LINE, &instance, order, stamp(expires));
    door.done(&renew("CS0002", "2028-03-02T08:00:00Z").set("orderAmount", "100.00")).await;
    door.done(&renew("CS0003", "2027-06-02T08:00:00Z").set("orderAmount", "100.00")).await;
    assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));

    let refund = Call::refund_renewal(LINE, &instance, "CS0004", stamp("2027-03-02T08:00:00Z"));
    door.done(&refund).await;
    assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2027-03-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["expiry_not_lowered", "expiry_lowered"]);
    door.answers(&renew("CS0005", "2029-03-02T08:00:00Z").set("orderAmount", "-1e2"), "000002").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_becomes_formal(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let trial = Call::buy(LINE, "CS0001").unwrap().product("P-BEACON-TRIAL").trial();
    let (instance, _) = door.bought(&trial).await;
    let license = app.license(&instance).await;
    assert!(license.trial);
    assert_eq!(license.expiry, Expiry::Guessed(time("2026-03-09T08:00:01Z")), "the plan's seven days");

    let formal = Call::renew(LINE, &instance, "CS0002", stamp("2027-03-02T08:00:00Z")).trial_to_formal();
    door.done(&formal.product("P-BASIC")).await;
    let license = app.license(&instance).await;
    assert_eq!((license.trial, license.plan.clone()), (false, slug("basic")));
    assert_eq!(license.expiry, Expiry::Confirmed(time("2027-03-02T08:00:00Z")));
    assert_eq!(app.history(&license).await, ["issued", "became_formal"]);
    assert_eq!(app.open_alerts().await, [] as [&str; 0], "a change of plan is what was asked for");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_shows_what_was_used(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let (instance, _) = door.bought(&buy("CS0001").set("chargingMode", "0")).await;
    let id = app.license(&instance).await.id;
    for amount in [12_345, 7_655] {
        let counted = app.write(move |tx, ctx| usage::add(tx, ctx, id, &slug("probes"), amount)).await;
        assert!(matches!(counted, Counted::Counters(_)));
    }
    let reply = door.done(&Call::query(LINE, &[&instance]).unwrap()).await;
    let row = &reply.json().unwrap()["info"][0];
    assert_eq!(row["instanceId"], instance);
    assert_eq!(row["usageInfo"][0]["usageValue"], 2.0);
    assert_eq!(row["usageInfo"][0]["statisticalTime"], "20260302080001000");
    assert_eq!(opened(&door, &row["appInfo"]["password"]), "beacon-first-password");

    door.answers(&Call::query(LINE, &["nobody"]).unwrap(), "000003").await;
    door.done(&Call::release(LINE, &instance, Some("CS0001"))).await;
    door.answers(&Call::query(LINE, &[&instance]).unwrap(), "000003").await;
}

/// On-demand goods: what machines report and what the merchant adds is one total, for the plan's limit as well.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_shows_what_machines_reported(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(LINE);
    let (instance, _) = door.bought(&buy("CS0001").set("chargingMode", "0")).await;
    let license = app.license(&instance).await;
    let code: SecretString = app.latest_code(&license).await.into();
    let shown = code.clone();
    let machine = Machine {
        components: [("mac".to_owned(), signet_verify::machine::digest("mac", "1"))].into(),
        ..Machine::default()
    };
    let seat = app.write(move |tx, ctx| activation::activate(tx, ctx, &shown, &machine)).await.unwrap().activation.id;
    let reports = async |id: &str, amount: &str| {
        let (code, report) = (code.clone(), (id.to_owned(), amount.to_owned()));
        app.write(move |tx, ctx| {
            let (id, amount) = report.clone();
            let report = Report { id, meter: "probes".to_owned(), amount: amount.parse().unwrap() };
            activation::report(tx, ctx, &code, seat, None, &[report])
        })
        .await
        .unwrap()
        .verdict
        .reason
    };
    assert_eq!(reports("r1", "1.25").await, Reason::Valid);
    assert_eq!(reports("r1", "1.25").await, Reason::Valid);
    let id = license.id;
    app.write(move |tx, ctx| usage::add(tx, ctx, id, &slug("probes"), 5_000)).await;
    assert_eq!(reports("r2", "0.26").await, Reason::UsageLimit);
    let reply = door.done(&Call::query(LINE, &[&instance]).unwrap()).await;
    assert_eq!(reply.json().unwrap()["info"][0]["usageInfo"][0]["usageValue"], 1.75);
    // Regression: with a second counter the row became another one.
    app.write(move |tx, ctx| usage::add(tx, ctx, id, &slug("by-hand"), 20_000)).await;
    let again = door.done(&Call::query(LINE, &[&instance]).unwrap()).await;
    assert_eq!(again.json().unwrap()["info"][0]["usageInfo"], reply.json().unwrap()["info"][0]["usageInfo"]);
}
