//! Orders whose calls carry only ids, completed by what the marketplace's order query tells: over real HTTP, against a
//! marketplace that computes every signature again.

use koogallery_simulator::{
    Call, Line,
    open::{BookedOrder, Fault},
};
use rstest::rstest;
use serde_json::json;
use signet::{
    jobs::orders,
    license::{
        model::{Expiry, State},
        plan::FeatureValue,
    },
    store::OrderStatus,
};

use super::asking::{Asking, KEYS};
use crate::harness::{Backend, slug, time};

const CHANNEL: &str = "saas-2-0-waiting";
const LINE: Line = Line::Saas2;
/// A default plan, which the credentials make needless.
const MORE: &str = "default_plan = \"harbor/team\"\n";

async fn start(backend: Backend) -> Asking {
    Asking::start(backend, CHANNEL, LINE, MORE).await
}

fn business(order: &str) -> BookedOrder {
    let line = json!({
        "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 1, "expireTime": "20270302155959",
    });
    let product = json!({ "productId": "P-BUSINESS", "linearValue": "7.0" });
    let buyer = json!({ "customerId": "c-77", "customerName": "港口公司" });
    BookedOrder::new(order, "NEW").line(&format!("{order}-000001"), &line, &product).with("buyerInfo", buyer)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marketplace_tells_plan_term_quantity_and_buyer(#[case] backend: Backend) {
    let it = start(backend).await;
    let instance = it.buys("CS0001").await;
    assert_eq!(it.app.licenses().await.len(), 0, "the default plan is for channels that cannot ask");
    it.marketplace.book(business("CS0001").with("extendParams", json!([{ "name": "园区", "value": "东" }])));
    it.round().await;
    let license = it.app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.quantity), (slug("business"), Some(7)));
    assert_eq!(license.features["seats"], FeatureValue::Number(7));
    assert_eq!(license.expiry, Expiry::Estimated(time("2027-03-02T15:59:59Z")));
    assert_eq!((license.customer.id.as_deref(), license.customer.name.as_deref()), (Some("c-77"), Some("港口公司")));
    let order = it.app.orders("CS0001").await.pop().unwrap();
    assert_eq!(order.details["extension"], json!({ "园区": "东" }));
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
    // What the marketplace asks next is answered as for any other instance.
    it.door.done(&Call::query(LINE, &[&instance]).unwrap()).await;
    assert_eq!(it.door.bought(&Call::buy(LINE, "CS0001").unwrap()).await.0, instance);
    let asked = it.marketplace.calls();
    let expected = "/api/mkp-openapi-public/global/v1/order/query?orderId=CS0001&orderLineId=CS0001-000001";
    assert_eq!(asked, [expected]);
    it.round().await;
    assert_eq!(it.marketplace.calls().len(), 1, "what is done is not asked about again");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marketplace_tells_what_an_upgrade_is_and_what_a_trial_is(#[case] backend: Backend) {
    let it = start(backend).await;
    let instance = it.buys("CS0001").await;
    let product = json!({ "productId": "P-TEAM" });
    let trial = json!({ "chargingMode": "PERIOD", "periodType": "day", "periodNumber": 7 });
    it.marketplace.book(BookedOrder::new("CS0001", "TRIAL").line("CS0001-000001", &trial, &product));
    it.round().await;
    let license = it.app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.trial), (slug("team"), true));
    assert_eq!(license.expiry.at(), Some(it.app.now().plus_days(7)));

    it.door.answers(&Call::upgrade(LINE, &instance, "CS0002").unwrap(), "000004").await;
    let product = json!({ "productId": "P-BUSINESS", "linearValue": 60 });
    it.marketplace.book(BookedOrder::new("CS0002", "CHANGE").line("CS0002-000001", &json!({}), &product));
    it.round().await;
    let license = it.app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.rev), (slug("business"), 2));
    assert_eq!(license.features["seats"], FeatureValue::Number(60));
    it.door.done(&Call::upgrade(LINE, &instance, "CS0002").unwrap()).await;
}

/// A trouble that passes is waited out within a round, and costs at most three calls.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_waited_out(#[case] backend: Backend) {
    let it = start(backend).await;
    for (number, faults) in
        [[Fault::Lost, Fault::Page(502)], [Fault::Refuse(500, "MKT.0999"), Fault::Refuse(500, "CBC.0999")]]
            .into_iter()
            .enumerate()
    {
        let order = format!("CS000{number}");
        let instance = it.buys(&order).await;
        it.marketplace.book(business(&order));
        let before = it.marketplace.calls().len();
        it.marketplace.spoil(faults);
        it.round().await;
        assert_eq!(it.app.license(&instance).await.plan, slug("business"));
        assert_eq!(it.marketplace.calls().len() - before, 3);
    }
    let instance = it.buys("CS0009").await;
    it.marketplace.book(business("CS0009"));
    it.marketplace.spoil([Fault::Page(503), Fault::Page(503), Fault::Page(503)]);
    it.round().await;
    assert!(it.why().await.contains("the marketplace failed"), "{}", it.why().await);
    it.round().await;
    assert_eq!(it.app.license(&instance).await.standing.state(), State::Active);
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
}

/// Each says at the order's alert what to do, and the order is completed once that was done.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_pass_is_told_to_the_merchant(#[case] backend: Backend) {
    let it = start(backend).await;
    let instance = it.buys("CS0001").await;
    // The marketplace is late: it asks for what its own interface does not show yet.
    it.round().await;
    assert!(it.why().await.contains("MKT.0199"), "{}", it.why().await);
    let booked = |line: &str, product: &str| {
        BookedOrder::new("CS0001", "NEW").line(line, &json!({}), &json!({ "productId": product }))
    };
    it.marketplace.book(booked("CS0001-000001", "P-UNHEARD-OF"));
    it.round().await;
    let why = it.why().await;
    assert!(why.contains("P-UNHEARD-OF") && why.contains("add it to one"), "{why}");
    for (fault, says) in [
        (Fault::Refuse(401, "MKT.0154"), "check `open_api` of the channel"),
        (Fault::OtherDay, "set this machine's clock"),
        (Fault::Refuse(406, "MKT.0250"), "takes no more calls for the moment"),
        (Fault::Refuse(200, "MKT.4242"), "none of the documented ones"),
        (Fault::Page(200), "none of the documented ones"),
        (Fault::Page(302), "none of the documented ones"),
    ] {
        let before = it.marketplace.calls().len();
        it.marketplace.spoil([fault.clone()]);
        it.round().await;
        assert!(it.why().await.contains(says), "{fault:?}: {}", it.why().await);
        assert_eq!(it.marketplace.calls().len() - before, 1, "{fault:?}: asking again at once is useless");
    }
    it.marketplace.book(booked("CS0001-000002", "P-BUSINESS"));
    it.round().await;
    assert!(it.why().await.contains("this line of the order"), "{}", it.why().await);
    assert_eq!(it.app.licenses().await.len(), 0);
    assert_eq!(it.app.alerts().await.len(), 1, "one alert, however often it is asked");
    it.marketplace.book(business("CS0001"));
    it.round().await;
    assert_eq!(it.app.license(&instance).await.plan, slug("business"));
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_key_opens_nothing_until_the_right_one_is_there(#[case] backend: Backend) {
    let it = start(backend).await;
    let file = it.app.database.folder.path().join("keys/open-secret");
    std::fs::write(&file, "another-secret").unwrap();
    it.app.app.reload().await.unwrap();
    let instance = it.buys("CS0001").await;
    it.marketplace.book(business("CS0001"));
    it.round().await;
    let why = it.why().await;
    assert!(why.contains("APIG.0301") && !why.contains("another-secret") && !why.contains(KEYS.0), "{why}");
    std::fs::remove_file(&file).unwrap();
    it.app.app.reload().await.unwrap();
    it.round().await;
    assert!(it.why().await.contains("no credentials"), "{}", it.why().await);
    std::fs::write(&file, KEYS.1).unwrap();
    it.app.app.reload().await.unwrap();
    it.round().await;
    assert_eq!(it.app.license(&instance).await.plan, slug("business"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_ask_at_once_make_one_license(#[case] backend: Backend) {
    let it = start(backend).await;
    let other = it.app.replica().await;
    for number in 0..8 {
        it.buys(&format!("CS{number}")).await;
        it.marketplace.book(business(&format!("CS{number}")));
    }
    let others = orders::Sources::default();
    tokio::join!(it.round(), orders::round(&other.app, &others, None));
    // Who lost a race tries again in the next round.
    it.round().await;
    assert_eq!(it.app.licenses().await.len(), 8);
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
}

/// Each eighth of the time that an order has waited, at last every hour; and the first minutes in every round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_waits_in_vain_is_asked_about_ever_less_often() {
    let it = start(Backend::Sqlite).await;
    let instance = it.buys("CS0001").await;
    let sources = orders::Sources::default();
    let asked = async |minutes: u32| {
        let before = it.marketplace.calls().len();
        for _ in 0..minutes * 2 {
            orders::round(&it.app.app, &sources, None).await;
            it.app.pass(jiff::SignedDuration::from_secs(30));
        }
        it.marketplace.calls().len() - before
    };
    assert_eq!(asked(4).await, 8, "at first in every round");
    let (first_hour, fifth_hour) = (asked(56).await, {
        asked(180).await;
        asked(60).await
    });
    assert!(first_hour < 30 && (2..=4).contains(&fifth_hour), "{first_hour} {fifth_hour}");
    it.app.pass_days(2);
    asked(1).await;
    let day = asked(24 * 60).await;
    assert!((23..=25).contains(&day), "{day}");
    it.marketplace.book(business("CS0001"));
    asked(61).await;
    assert_eq!(it.app.license(&instance).await.plan, slug("business"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_nobody_may_reach_is_not_asked() {
    let it = Asking::within(Backend::Sqlite, CHANNEL, LINE, MORE, &[]).await;
    it.buys("CS0001").await;
    it.marketplace.book(business("CS0001"));
    it.round().await;
    assert_eq!((it.marketplace.calls().len(), it.app.licenses().await.len()), (0, 0));
    assert!(!it.why().await.is_empty());
}

/// Regression: an order about which the marketplace sent a notice was asked about every half a minute, for ever.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_what_a_notice_is_about_is_asked_once_and_written_down(#[case] backend: Backend) {
    let it = start(backend).await;
    it.door.done(&Call::notify(LINE, "CS0007").unwrap()).await;
    let line = json!({ "expireTime": "20270302155959" });
    let goods = json!({ "productId": "P-TEAM", "linearValue": 3 });
    let buyer = json!({ "customerId": "c-77" });
    it.marketplace.spoil([Fault::Refuse(400, "MKT.0199")]);
    it.round().await;
    let noticed = async || it.app.orders("CS0007").await.pop().unwrap();
    assert_eq!(noticed().await.status, OrderStatus::Waiting);
    let order = BookedOrder::new("CS0007", "UNSUBSCRIBE").line("CS0007-000001", &line, &goods).with("buyerInfo", buyer);
    it.marketplace.book(order);
    for _ in 0..3 {
        it.round().await;
    }
    let order = noticed().await;
    assert_eq!(
        (order.status, order.product_id.as_deref(), order.quantity),
        (OrderStatus::Fulfilled, Some("P-TEAM"), Some(3))
    );
    let expected = json!({
        "order_type": "UNSUBSCRIBE", "ordered_at": "2026-03-02T08:00:00Z", "expires_at": "2027-03-02T15:59:59Z",
        "customer": { "id": "c-77", "name": null },
    });
    assert_eq!(order.details, expected);
    assert_eq!((it.marketplace.calls().len(), it.app.licenses().await.len()), (2, 0));
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
}
