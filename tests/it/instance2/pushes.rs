//! What was used of goods that are paid by use, told to the marketplace: each record once, however often it has to be sent.

use jiff::SignedDuration;
use koogallery_simulator::{
    Line,
    open::{BookedOrder, Fault},
};
use rstest::rstest;
use serde_json::{Value, json};
use signet::{base::ids::LicenseId, jobs::pushes, usecase::usage};

use super::asking::Asking;
use crate::harness::{Backend, access_key, slug};

const CHANNEL: &str = "saas-2-0-waiting";
const UNTOLD: &str = "usage_not_pushed";

/// A service that sold something by use.
struct Sold {
    it: Asking,
    license: LicenseId,
    instance: String,
}

impl Sold {
    async fn start(backend: Backend, charging: &str) -> Self {
        let it = Asking::start(backend, CHANNEL, Line::Saas2, "").await;
        it.marketplace.takes_usage(access_key(CHANNEL));
        let (license, instance) = bought(&it, "CS0001", charging).await;
        Self { it, license, instance }
    }

    async fn uses(&self, amount: i64) {
        let id = self.license;
        self.it.app.write(move |tx, ctx| usage::add(tx, ctx, id, &slug("calls"), amount)).await;
    }

    fn pass_minutes(&self, minutes: i64) {
        self.it.app.pass(SignedDuration::from_mins(minutes));
    }

    /// A round in which something, or nothing, is sent: how many calls came.
    async fn round(&self) -> usize {
        let before = self.it.marketplace.calls().len();
        pushes::round(&self.it.app.app).await;
        self.it.marketplace.calls().len() - before
    }

    /// The records that the marketplace has: value and time.
    fn told(&self) -> Vec<(Value, String)> {
        let records = self.it.marketplace.usage();
        assert!(records.iter().all(|it| it["instanceId"] == self.instance));
        let time = |it: &Value| it["statisticalTime"].as_str().unwrap().to_owned();
        records.iter().map(|it| (it["usageValue"].clone(), time(it))).collect()
    }
}

async fn bought(it: &Asking, order: &str, charging: &str) -> (LicenseId, String) {
    let instance = it.buys(order).await;
    let line = json!({ "chargingMode": charging, "periodType": "year", "periodNumber": 1 });
    let goods = json!({ "productId": "P-TEAM" });
    it.marketplace.book(BookedOrder::new(order, "NEW").line(&format!("{order}-000001"), &line, &goods));
    it.round().await;
    (it.app.license(&instance).await.id, instance)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_is_told_as_one_record_for_each_pause(#[case] backend: Backend) {
    let sold = Sold::start(backend, "ON_DEMAND").await;
    assert_eq!(sold.round().await, 0, "nothing was used");
    sold.uses(10_000).await;
    sold.pass_minutes(1);
    sold.uses(2_500).await;
    assert_eq!(sold.round().await, 0, "more may come");
    sold.pass_minutes(10);
    assert_eq!((sold.round().await, sold.round().await), (1, 0));
    assert_eq!(sold.told(), [(json!(1.25), "20260302080101000".to_owned())]);
    sold.pass_minutes(60);
    assert_eq!(sold.round().await, 0, "nothing was used since");
    sold.uses(1).await;
    sold.pass_minutes(10);
    sold.round().await;
    assert_eq!(sold.told().last().unwrap().0, json!(1.2501), "totals, not differences");
    assert_eq!(sold.it.app.open_alerts().await, [] as [&str; 0]);
}

/// The answer is lost: the same record is sent again, as it is, although more was used meanwhile.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_stays_the_same_until_the_marketplace_has_it(#[case] backend: Backend) {
    let sold = Sold::start(backend, "ON_DEMAND").await;
    sold.uses(10_000).await;
    sold.pass_minutes(10);
    sold.it.marketplace.spoil([Fault::Lost]);
    assert_eq!(sold.round().await, 1, "what carries a nonce is not sent twice");
    sold.uses(50_000).await;
    sold.pass_minutes(2);
    sold.round().await;
    let told = sold.told();
    assert_eq!((told.len(), &told[0]), (2, &told[1]), "one record, sent twice");
    sold.pass_minutes(10);
    sold.round().await;
    assert_eq!(sold.told().last().unwrap().0, json!(6.0));
}

/// Whoever dies after it took a record over leaves it to the next.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_send_a_record_once_and_one_that_died_is_taken_over_from(#[case] backend: Backend) {
    let sold = Sold::start(backend, "ON_DEMAND").await;
    sold.uses(10_000).await;
    sold.pass_minutes(10);
    let claimed = sold.it.app.write(usage::push::claim).await;
    assert_eq!((claimed.len(), sold.round().await), (1, 0), "somebody else has it");
    sold.pass_minutes(3);
    let app = sold.it.app.app.clone();
    tokio::join!(pushes::round(&app), pushes::round(&app));
    assert_eq!(sold.told(), [(json!(1.0), "20260302080001000".to_owned())]);
    // The one that was believed dead comes back: its word no longer counts.
    let late = claimed[0].clone();
    sold.it.app.write(move |tx, ctx| usage::push::not_pushed(tx, ctx, &late, "it died")).await;
    sold.pass_minutes(60);
    assert_eq!(sold.round().await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_tried_again_and_told_to_the_merchant(#[case] backend: Backend) {
    let sold = Sold::start(backend, "ON_DEMAND").await;
    let (other, _) = bought(&sold.it, "CS0002", "ON_DEMAND").await;
    sold.uses(10_000).await;
    sold.it.app.write(move |tx, ctx| usage::add(tx, ctx, other, &slug("calls"), 7)).await;
    sold.pass_minutes(10);
    // Together they are refused; then the first alone, and the second is taken.
    let refusal = Fault::Refuse(400, "CBC.0101");
    sold.it.marketplace.spoil([refusal.clone(), refusal.clone()]);
    assert_eq!(sold.round().await, 3);
    assert_eq!(sold.it.marketplace.usage().len(), 1);
    for minutes in [1, 2] {
        assert_eq!(sold.it.app.open_alerts().await, [] as [&str; 0]);
        sold.it.marketplace.spoil([refusal.clone()]);
        sold.pass_minutes(minutes);
        assert_eq!(sold.round().await, 1);
    }
    assert_eq!(sold.it.app.open_alerts().await, [UNTOLD]);
    sold.pass_minutes(4);
    sold.round().await;
    assert_eq!((sold.it.marketplace.usage().len(), sold.it.app.open_alerts().await), (2, vec![]));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_that_are_paid_by_the_period_are_told_nothing_of(#[case] backend: Backend) {
    let sold = Sold::start(backend, "PERIOD").await;
    sold.uses(10_000).await;
    sold.pass_minutes(10);
    assert_eq!(sold.round().await, 0);
}
