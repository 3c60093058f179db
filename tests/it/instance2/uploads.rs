//! Licenses of devices, handed over to the marketplace that asked for them.

use jiff::SignedDuration;
use koogallery_simulator::{
    Call, Line,
    open::{BookedOrder, Fault},
};
use rstest::rstest;
use serde_json::json;
use signet::{
    jobs::uploads,
    license::verify::{self, VerifyOptions},
    marketplace::koogallery::open::upload,
};
use signet_verify::kind::Kind;

use super::asking::Asking;
use crate::harness::{Backend, slug, stamp};

const CHANNEL: &str = "client-waiting";
const LINE: Line = Line::Client;
const UNDELIVERED: &str = "device_license_undelivered";

/// A service that sold a license for two devices.
async fn sold(backend: Backend) -> (Asking, String) {
    let it = Asking::start(backend, CHANNEL, LINE, "").await;
    let instance = it.buys("CS0001").await;
    let line = json!({ "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 1 });
    let office = json!({ "productId": "P-OFFICE", "linearValue": 2 });
    it.marketplace.book(BookedOrder::new("CS0001", "NEW").line("CS0001-000001", &line, &office));
    it.round().await;
    (it, instance)
}

fn application(instance: &str, event: &str) -> Call {
    let call = Call::apply_license(LINE, instance, event, stamp("2026-03-02T08:00:00Z")).unwrap();
    call.fingerprint(&format!("DEVICE-OF-{}", event.len())).expires_at(stamp("2026-12-31T00:00:00Z"))
}

impl Asking {
    /// The marketplace asks for the license of a device.
    async fn applies(&self, instance: &str, event: &str) {
        self.marketplace.applies(event);
        self.door.answers(&application(instance, event), "000004").await;
    }

    /// A round in which something, or nothing, is tried: how many calls came.
    async fn uploads(&self) -> usize {
        let before = self.marketplace.calls().len();
        uploads::round(&self.app.app).await;
        self.marketplace.calls().len() - before
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_license_of_a_device_arrives_once_and_verifies(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    it.applies(&instance, "E-1").await;
    assert_eq!(it.uploads().await, 1);
    let path = it.marketplace.calls().pop().unwrap();
    assert_eq!(path, "/api/mkp-openapi-public/global/v1/market-event/E-1/file");
    let code = it.marketplace.handed_over("E-1").expect("a license");
    let verified = verify::verify_either(&code, &it.app.jwks().await, &VerifyOptions::at(it.app.now())).unwrap();
    assert_eq!((verified.kind(), verified.claims.machines), (Kind::DeviceCode, 1));
    assert_eq!(it.uploads().await, 0, "what was taken is not handed over again");
    let history = it.app.history(&it.app.license(&instance).await).await;
    assert_eq!(history.iter().filter(|it| *it == "device_license_delivered").count(), 1, "{history:?}");
    // The marketplace lost it, and asks again: it gets the same.
    it.door.answers(&application(&instance, "E-1"), "000004").await;
    assert_eq!(it.uploads().await, 1);
    assert_eq!(it.marketplace.handed_over("E-1"), Some(code));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_no_question(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    it.applies(&instance, "E-1").await;
    it.marketplace.spoil([Fault::Lost, Fault::Page(502)]);
    assert_eq!(it.uploads().await, 3);
    assert!(it.marketplace.handed_over("E-1").is_some());
    assert_eq!((it.uploads().await, it.app.open_alerts().await), (0, vec![]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_good_waits_for_the_marketplace_and_the_merchant_is_told(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    it.applies(&instance, "E-1").await;
    it.marketplace.spoil([Fault::Refuse(200, "91381035")]);
    assert_eq!(it.uploads().await, 1);
    assert_eq!(it.app.open_alerts().await, [UNDELIVERED]);
    let alert = it.app.alerts().await.pop().unwrap();
    assert_eq!((&alert.detail["event_id"], &alert.detail["tried_again_at"]), (&json!("E-1"), &json!(null)));
    assert!(alert.detail["why"].as_str().unwrap().contains("nothing is left of what was bought"), "{alert:?}");
    it.app.pass_days(1);
    assert_eq!(it.uploads().await, 0);
    it.door.answers(&application(&instance, "E-1"), "000004").await;
    assert_eq!(it.uploads().await, 1);
    assert!(it.marketplace.handed_over("E-1").is_some());
    assert_eq!(it.app.open_alerts().await, [] as [&str; 0]);
}

/// Ever less often, for three days, with one alert.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_tried_for_three_days(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    it.applies(&instance, "E-1").await;
    let mut tried = Vec::new();
    for minute in 0..(4 * 24 * 60) {
        // A day's failures in a second: each is refused at once, so that nothing is waited out.
        it.marketplace.spoil([Fault::Refuse(401, "MKT.0154")]);
        if it.uploads().await > 0 {
            tried.push(minute);
        } else if minute > 200 {
            it.app.pass(SignedDuration::from_mins(9));
        }
        it.app.pass(SignedDuration::from_mins(1));
        if tried.len() > 12 {
            break;
        }
    }
    assert_eq!(tried[..7], [0, 1, 3, 7, 15, 31, 63]);
    assert_eq!(it.app.open_alerts().await, [UNDELIVERED]);
    it.app.pass_days(3);
    assert_eq!(it.uploads().await, 1, "the last one");
    it.app.pass_days(1);
    assert_eq!(it.uploads().await, 0);
    assert_eq!(it.app.open_alerts().await, [UNDELIVERED]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dies_while_trying_is_replaced_after_two_minutes(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    it.applies(&instance, "E-1").await;
    let claimed = it.app.write(signet::usecase::device::upload::claim).await;
    assert_eq!(claimed.len(), 1);
    assert!(!format!("{claimed:?}").contains(&claimed[0].code));
    it.app.pass(SignedDuration::from_secs(119));
    assert_eq!(it.uploads().await, 0);
    it.app.pass(SignedDuration::from_secs(1));
    assert_eq!(it.uploads().await, 1);
    assert_eq!(it.marketplace.handed_over("E-1").as_ref(), Some(&claimed[0].code));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_license_waits_and_a_released_one_is_handed_over_to_nobody(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    it.applies(&instance, "E-1").await;
    it.door.done(&Call::freeze(LINE, &instance).unwrap()).await;
    assert_eq!(it.uploads().await, 0);
    it.door.done(&Call::unfreeze(LINE, &instance).unwrap()).await;
    it.app.pass(SignedDuration::from_hours(1));
    assert_eq!(it.uploads().await, 1);
    it.applies(&instance, "E-22").await;
    it.door.done(&Call::release(LINE, &instance, None)).await;
    assert_eq!(it.uploads().await, 0);
    it.app.pass_days(1);
    assert_eq!((it.uploads().await, it.marketplace.handed_over("E-22")), (0, None));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_hand_each_over_once(#[case] backend: Backend) {
    let (it, instance) = sold(backend).await;
    for number in 0..8 {
        it.applies(&instance, &format!("E-{number}")).await;
    }
    let other = it.app.replica().await;
    let before = it.marketplace.calls().len();
    tokio::join!(uploads::round(&it.app.app), uploads::round(&other.app));
    assert_eq!(it.marketplace.calls().len() - before, 8);
    assert!((0..8).all(|number| it.marketplace.handed_over(&format!("E-{number}")).is_some()));
}

/// A license of any length: as characters up to 1,024 of them, as a file beyond.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_licenses_go_as_a_file() {
    let (it, _) = sold(Backend::Sqlite).await;
    let installation = it.app.app.installation();
    let channel = installation.catalog.channel(&slug(CHANNEL)).unwrap();
    for length in [1, 1_024, 1_025, 5_000] {
        let (event, license) = (format!("E-{length}"), "许".repeat(length));
        it.marketplace.applies(&event);
        it.app.app.ask_marketplace(channel, &upload::upload(&event, &license, [7; 16])).await.unwrap();
        assert_eq!(it.marketplace.handed_over(&event), Some(license), "{length}");
    }
}
