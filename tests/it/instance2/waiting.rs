//! newInstance with and without a default plan, and what happens until the details are known.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    app::App,
    base::{ids::OrderId, limits},
    catalog::PlanName,
    jobs::orders,
    license::{
        model::{Expiry, State},
        plan::FeatureValue,
    },
    marketplace::event::PurchaseDetails,
    store::{OrderRecord, OrderStatus, Tx},
    usecase::{
        Context,
        order::{self, Completion, OrderInfo},
        term::Teller,
    },
};

use crate::harness::{Backend, CATALOG, Door, TestApp, slug, stamp, time};

/// Each line with the channel that has no default plan, and the product and plan that was bought there.
const WAITING: [(Line, &str, &str, &str); 2] =
    [(Line::Client, "client-waiting", "desk", "office"), (Line::Saas2, "saas-2-0-waiting", "harbor", "business")];

async fn waits(door: &Door, call: &Call) -> String {
    door.answers(call, "000004").await.instance_id().expect("an instance id although it waits")
}

async fn complete(app: &TestApp, order_id: &str, product: &str, plan: &str, details: PurchaseDetails) -> Completion {
    let order = app.orders(order_id).await.pop().unwrap();
    let info =
        OrderInfo { plan: PlanName { product: slug(product), plan: slug(plan) }, details, teller: Teller::Merchant };
    app.write(move |tx, ctx| order::complete(tx, ctx, order.id, &info)).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_default_plan_the_license_is_there_at_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for (line, plan) in [(Line::Client, "personal"), (Line::Saas2, "team")] {
        let door = app.door(line);
        let order = format!("CS-{line}");
        let first = door.done(&Call::buy(line, &order).unwrap().set("businessId", &format!("b-{line}"))).await;
        let instance = first.instance_id().unwrap();
        assert_eq!(instance, format!("b-{line}"));
        assert_eq!(door.done(&Call::buy(line, &order).unwrap()).await.body, first.body);
        let license = app.license(&instance).await;
        assert_eq!((license.plan.clone(), license.standing.state()), (slug(plan), State::Active));
        // Another line of the same order is another license.
        let other = Call::buy(line, &order).unwrap().set("orderLineId", &format!("{order}-000002"));
        assert_ne!(door.bought(&other).await.0, instance);
    }
    assert_eq!(app.licenses().await.len(), 4);
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_one_the_order_waits_under_an_instance_id_that_stays(#[case] backend: Backend) {
    for (line, channel, product, plan) in WAITING {
        let app = TestApp::start(backend).await;
        let door = app.door_at(channel, line);
        let order = format!("CS-{channel}");
        let buy = Call::buy(line, &order).unwrap();
        let instance = waits(&door, &buy).await;
        assert_eq!(waits(&door, &buy).await, instance);
        let replica = app.replica().await;
        assert_eq!(waits(&replica.door_at(channel, line), &buy).await, instance, "it is on disk");
        if line == Line::Saas2 {
            door.answers(&Call::query(line, &[&instance]).unwrap(), "000004").await;
        }
        assert_eq!(app.orders(&order).await[0].status, OrderStatus::Waiting);
        assert_eq!(app.licenses().await.len(), 0);
        assert_eq!(app.open_alerts().await, ["order_waiting"]);

        let details = PurchaseDetails { quantity: Some(7), ..PurchaseDetails::default() };
        let wrong = complete(&app, &order, product, "no-such-plan", details.clone()).await;
        assert_eq!(wrong, Completion::UnknownPlan);
        let done = complete(&app, &order, product, plan, details.clone()).await;
        assert!(matches!(&done, Completion::Fulfilled(it) if it.status == OrderStatus::Fulfilled), "{done:?}");
        assert_eq!(complete(&app, &order, product, plan, details).await, Completion::NotWaiting);
        assert_eq!(door.bought(&buy).await.0, instance);
        let license = app.license(&instance).await;
        assert_eq!((license.plan.clone(), license.quantity), (slug(plan), Some(7)));
        if line == Line::Saas2 {
            assert_eq!(license.features["seats"], FeatureValue::Number(7));
            door.done(&Call::query(line, &[&instance]).unwrap()).await;
        }
        assert_eq!(app.open_alerts().await, [] as [&str; 0], "what the alert asked for has happened");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_deliveries_wait_under_one_instance_id(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door_at("saas-2-0-waiting", Line::Saas2);
    let mut deliveries = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let request = door.market.prepare(&Call::buy(Line::Saas2, "CS0001").unwrap());
        let door = door.clone();
        deliveries.spawn(async move { door.send(&request).await });
    }
    let replies = deliveries.join_all().await;
    assert_eq!(replies[0].code().as_deref(), Some("000004"), "{:?}", replies[0].message());
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    assert_eq!(app.all_orders().await.len(), 1);
    assert_eq!(app.alerts().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_before_the_details_are_applied_with_them(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let line = Line::Saas2;
    let door = app.door_at("saas-2-0-waiting", line);
    let frozen = waits(&door, &Call::buy(line, "CS0001").unwrap()).await;
    door.done(&Call::renew(line, &frozen, "CS0002", stamp("2029-03-02T08:00:00Z"))).await;
    door.done(&Call::freeze(line, &frozen).unwrap()).await;
    let released = waits(&door, &Call::buy(line, "CS0003").unwrap()).await;
    door.done(&Call::release(line, &released, Some("CS0004"))).await;
    door.answers(&Call::release(line, "nobody", None), "000003").await;

    for order in ["CS0001", "CS0003"] {
        complete(&app, order, "harbor", "business", PurchaseDetails::default()).await;
    }
    let license = app.license(&frozen).await;
    assert_eq!(license.standing.state(), State::Frozen);
    assert_eq!(license.expiry, Expiry::Confirmed(time("2029-03-02T08:00:00Z")));
    assert_eq!(app.license(&released).await.standing.state(), State::Released);
    // The buyer's purchase was fulfilled; that it ended does not change what was answered.
    assert_eq!(door.bought(&Call::buy(line, "CS0003").unwrap()).await.0, released);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_plan_given_later_completes_what_waits(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let line = Line::Client;
    let door = app.door_at("client-waiting", line);
    let instance = waits(&door, &Call::buy(line, "CS0001").unwrap()).await;
    orders::round(&app.app, &orders::Sources::default(), None).await;
    assert_eq!(app.licenses().await.len(), 0, "nothing is known yet");

    let with_default = CATALOG.replace(
        "access_key = { file = \"keys/client-waiting\" }",
        "access_key = { file = \"keys/client-waiting\" }\ndefault_plan = \"desk/office\"",
    );
    assert_ne!(with_default, CATALOG);
    app.apply_catalog(&with_default).await;
    orders::round(&app.app, &orders::Sources::default(), None).await;
    assert_eq!(app.license(&instance).await.plan, slug("office"));
    assert_eq!(door.bought(&Call::buy(line, "CS0001").unwrap()).await.0, instance);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_waits_for_its_details(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let line = Line::Saas2;
    let door = app.door(line);
    let (instance, _) = door.bought(&Call::buy(line, "CS0001").unwrap()).await;
    let upgrade = Call::upgrade(line, &instance, "CS0002").unwrap();
    door.answers(&upgrade, "000004").await;
    door.answers(&upgrade, "000004").await;
    let license = app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.rev), (slug("team"), 1));
    assert_eq!(app.open_alerts().await, ["order_waiting"]);

    let details = PurchaseDetails { quantity: Some(60), ..PurchaseDetails::default() };
    let other = complete(&app, "CS0002", "desk", "office", details.clone()).await;
    assert_eq!(other, Completion::UnknownPlan, "a plan of another product");
    let done = complete(&app, "CS0002", "harbor", "business", details).await;
    assert!(matches!(done, Completion::Fulfilled(_)), "{done:?}");
    let license = app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.rev), (slug("business"), 2));
    assert_eq!(license.features["seats"], FeatureValue::Number(60));
    door.done(&upgrade).await;
    assert_eq!(app.license(&instance).await.rev, 2);
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);

    door.answers(&Call::upgrade(line, &instance, "CS0003").unwrap(), "000004").await;
    door.done(&Call::release(line, &instance, None)).await;
    let gone = complete(&app, "CS0003", "harbor", "team", PurchaseDetails::default()).await;
    assert_eq!(gone, Completion::Released);
    assert_eq!(app.open_alerts().await, ["paid_after_release"]);
    door.answers(&Call::upgrade(line, &instance, "CS0003").unwrap(), "000003").await;
    door.answers(&Call::upgrade(line, "nobody", "CS0004").unwrap(), "000003").await;
}

/// Only the merchant may say in the marketplace's place that an order lasts for good.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_perpetual_plan_is_for_good_by_the_merchants_word_and_a_years_guess_by_the_schedules(
    #[case] backend: Backend,
) {
    let app = TestApp::start(backend).await;
    let door = app.door_at("client-waiting", Line::Client);
    let by_merchant = waits(&door, &Call::buy(Line::Client, "CS0001").unwrap()).await;
    let done = complete(&app, "CS0001", "atlas", "lifetime", PurchaseDetails::default()).await;
    assert!(matches!(done, Completion::Fulfilled(_)), "{done:?}");
    assert_eq!(app.license(&by_merchant).await.expiry, Expiry::Never);
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);

    let by_schedule = waits(&door, &Call::buy(Line::Client, "CS0002").unwrap()).await;
    let channel = "products = [\"desk\"]\naccess_key = { file = \"keys/client-waiting\" }\n";
    let sells_atlas = channel.replace("[\"desk\"]", "[\"desk\", \"atlas\"]");
    let perpetual = CATALOG.replace(channel, &format!("{sells_atlas}default_plan = \"atlas/lifetime\"\n"));
    app.apply_catalog(&perpetual).await;
    orders::round(&app.app, &orders::Sources::default(), None).await;
    let license = app.license(&by_schedule).await;
    assert!(license.expiry.is_guess(), "{:?}", license.expiry);
    assert_eq!(app.open_alerts().await, ["term_unknown"]);
}

/// Knows nothing, and remembers what it was asked about.
#[derive(Default)]
struct Ignorant(Mutex<BTreeSet<OrderId>>);

impl Ignorant {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl orders::OrderSource for Ignorant {
    fn details<'a>(&'a self, _: &'a App, order: &'a OrderRecord) -> orders::Details<'a> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(order.id);
        Box::pin(std::future::ready(Ok(None)))
    }

    fn told<'a>(&'a self, _: &'a App, _: &'a OrderRecord) -> orders::Told<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Regression: each round began with the oldest, and orders behind the first ten thousand were never asked about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_no_number_of_waiting_orders_hides_the_later_ones() {
    let app = TestApp::start(Backend::Sqlite).await;
    let door = app.door_at("client-waiting", Line::Client);
    waits(&door, &Call::buy(Line::Client, "CS0001").unwrap()).await;
    let order = app.orders("CS0001").await.pop().unwrap();
    let round = usize::try_from(orders::PAGES * limits::PAGE_ROWS).unwrap();
    let more = move |tx: &mut Tx, ctx: Context<'_>| {
        for number in 0..round {
            let id = OrderId::new(ctx.now, ctx.entropy);
            tx.order_save(&OrderRecord { id, identity: format!("more-{number}"), ..order.clone() })?;
        }
        Ok(())
    };
    app.write(more).await;
    let source = Ignorant::default();
    let stopped = orders::round(&app.app, &source, None).await;
    assert!(stopped.is_some() && source.asked() == round, "{stopped:?}");
    assert_eq!(orders::round(&app.app, &source, stopped).await, None, "the next one begins anew");
    assert_eq!(source.asked(), round + 1);
    assert!(orders::round(&app.app, &source, None).await.is_some());
}
