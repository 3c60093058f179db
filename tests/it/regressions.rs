//! Every defect that was found once and must not come back, each by a name that says what it was.

use diesel::connection::SimpleConnection;
use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    jobs::orders,
    license::model::State,
    store::{OrderKind, OrderStatus},
    usecase::alert,
};

use crate::harness::{Backend, CATALOG, TestApp, exchange, request_bytes, stamp, time};

const WAITING: &str = "saas-2-0-waiting";

fn buy(order_id: &str) -> Call {
    Call::buy(Line::License1, order_id).unwrap().product("P-STANDARD-YEAR")
}

/// The test catalog, with a default plan for the channel that had none.
fn with_default_plan() -> String {
    let key = format!("access_key = {{ file = \"keys/{WAITING}\" }}\n");
    CATALOG.replace(&key, &format!("{key}default_plan = \"harbor/team\"\n"))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_purchase_is_issued_by_its_next_delivery_once_there_is_a_default_plan(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door_at(WAITING, Line::Saas2);
    let purchase = Call::buy(Line::Saas2, "CS0001").unwrap();
    let instance = door.answers(&purchase, "000004").await.instance_id().unwrap();
    app.apply_catalog(&with_default_plan()).await;
    assert_eq!(door.done(&purchase).await.instance_id().unwrap(), instance);
    assert_eq!(app.orders("CS0001").await[0].status, OrderStatus::Fulfilled);
    assert_eq!(app.open_alerts().await, [] as [&str; 0], "what the alert asked for has happened");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_notices_do_not_keep_a_purchase_waiting(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door_at(WAITING, Line::Saas2);
    for number in 0..105 {
        door.done(&Call::notify(Line::Saas2, &format!("CS1{number:03}")).unwrap()).await;
    }
    door.answers(&Call::buy(Line::Saas2, "CS0001").unwrap(), "000004").await;
    app.apply_catalog(&with_default_plan()).await;
    orders::round(&app.app, &orders::Sources::default(), None).await;
    assert_eq!(app.orders("CS0001").await[0].status, OrderStatus::Fulfilled);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_waiting_instance_does_not_hide_the_others(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door_at(WAITING, Line::Saas2);
    let waiting = door.answers(&Call::buy(Line::Saas2, "CS0001").unwrap(), "000004").await.instance_id().unwrap();
    app.apply_catalog(&with_default_plan()).await;
    let (healthy, _) = door.bought(&Call::buy(Line::Saas2, "CS0002").unwrap()).await;
    let both = door.call(&Call::query(Line::Saas2, &[&waiting, &healthy]).unwrap()).await;
    assert_eq!(both.code().as_deref(), Some("000000"));
    let body = String::from_utf8(both.body).unwrap();
    assert!(body.contains(&healthy) && !body.contains(&waiting), "{body}");
    door.answers(&Call::query(Line::Saas2, &[&waiting]).unwrap(), "000004").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_with_an_unnamed_change_renews_and_waits_for_the_rest(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let (instance, _) = door.bought(&Call::buy(Line::Saas2, "CS0001").unwrap()).await;
    let renewal = Call::renew(Line::Saas2, &instance, "CS0002", stamp("2028-03-02T08:00:00Z"));
    door.done(&renewal.set("scene", "RENEWAL_CHANGE").without("productId")).await;
    assert_eq!(app.license(&instance).await.expiry.at(), Some(time("2028-03-02T08:00:00Z")));
    let kinds: Vec<_> = app.orders("CS0002").await.into_iter().map(|it| (it.kind, it.status)).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&(OrderKind::Renewal, OrderStatus::Fulfilled)), "{kinds:?}");
    assert!(kinds.contains(&(OrderKind::Upgrade, OrderStatus::Waiting)), "{kinds:?}");
    assert_eq!(app.open_alerts().await, ["order_waiting"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renewal_of_a_day_gone_by_thaws_nothing(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas1);
    let (instance, _) = door.bought(&Call::buy(Line::Saas1, "CS0001").unwrap().product("P-BASIC")).await;
    door.done(&Call::expire(Line::Saas1, &instance, "CS0001").unwrap()).await;
    door.done(&Call::renew(Line::Saas1, &instance, "CS0002", stamp("2020-01-01T00:00:00Z"))).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Frozen);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extension_parameters_stay_with_the_order(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    app.door(Line::License1).bought(&buy("CS0001").extensions(&[("rack", "R-42")])).await;
    assert_eq!(app.orders("CS0001").await[0].details["extension"]["rack"], "R-42");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_counts_whatever_its_order_id_looks_like(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let (instance, _) = door.bought(&buy("CS0001")).await;
    door.done(&Call::release(Line::License1, &instance, Some("CS 1"))).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Released);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_call_leave_no_rows(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let request = door.market.prepare(&Call::buy(Line::Saas2, "CS0001").unwrap());
    for number in 0..10 {
        let expected = if number == 0 { "000000" } else { "000001" };
        assert_eq!(door.send(&request).await.code().as_deref(), Some(expected));
    }
    assert_eq!(app.messages().await.len(), 1);
}

/// A trigger makes one insert of the transaction fail: nothing of the purchase may stay, but the merchant must hear of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_leaves_a_message_and_an_alert_postgres() {
    let app = TestApp::start(Backend::Postgres).await;
    let mut database = app.database.postgres().expect("PostgreSQL");
    let trap = "CREATE FUNCTION trap() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''trap''; END' LANGUAGE plpgsql;
                CREATE TRIGGER trap BEFORE INSERT ON license_codes EXECUTE FUNCTION trap();";
    database.batch_execute(trap).unwrap();
    let door = app.door(Line::License1);
    door.answers(&buy("CS0001"), "000005").await;
    // Written beside the answer: wait for the row, not for a time.
    let told = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        loop {
            if app.open_alerts().await == ["call_failed"] {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    told.await.expect("an alert");
    assert!(app.licenses().await.is_empty() && app.orders("CS0001").await.is_empty());
    let messages = app.messages().await;
    assert_eq!((messages.len(), messages[0].order_id.as_deref()), (1, Some("CS0001")));
    assert_eq!(messages[0].result_code, "000005");

    database.batch_execute("DROP TRIGGER trap ON license_codes").unwrap();
    door.done(&buy("CS0001")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_below_marketplace_answers_in_the_marketplaces_form() {
    let app = TestApp::start(Backend::Sqlite).await;
    for path in
        ["/marketplace", "/marketplace/", "/marketplace/koogallery", "/marketplace/koogallery/a/b", "/marketplace/x"]
    {
        let answer = app.get(path).await;
        assert_eq!((answer.status, answer.header("Body-Sign")), (200, None), "{path}");
        assert_eq!(answer.json()["resultCode"], "000001", "{path}");
    }
    // A slash too many is still the channel.
    let door = app.door(Line::License1);
    let mut request = door.market.prepare(&buy("CS0001"));
    request.url.set_path("/marketplace/koogallery/license-1-0/");
    let answer = exchange(app.address, &request_bytes(&request)).await;
    assert_eq!(answer.json()["resultCode"], "000000");
}

/// A resolved alert stayed resolved when its cause came back: the merchant never saw it again.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolved_alert_opens_again_while_its_cause_remains(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let resolve_all = async || {
        for alert in app.alerts().await {
            app.write(move |tx, ctx| alert::resolve(tx, ctx, alert.id)).await;
        }
        assert_eq!(app.open_alerts().await, [] as [&str; 0]);
    };
    let unknown = Call::buy(Line::License1, "CS0001").unwrap().product("P-NEW");
    for _ in 0..3 {
        door.answers(&unknown, "000002").await;
        door.answers(&unknown, "000002").await;
        assert_eq!(app.open_alerts().await, ["purchase_refused"]);
        resolve_all().await;
    }
    assert_eq!(app.alerts().await.len(), 1, "however often, one row");

    // Once the catalog knows the product, retries find no cause.
    app.apply_catalog(&CATALOG.replace("\"P-STANDARD-YEAR\"", "\"P-STANDARD-YEAR\", \"P-NEW\"")).await;
    let call = unknown.expires_at(stamp("2027-03-02T08:00:00Z"));
    let (instance, _) = door.bought(&call).await;
    door.bought(&call).await;
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);

    // A renewal that was flagged is answered again as it was; its rule does not run twice.
    door.done(&Call::release(Line::License1, &instance, Some("CS0001"))).await;
    let renewal = Call::renew(Line::License1, &instance, "CS0002", stamp("2028-03-02T08:00:00Z"));
    door.answers(&renewal, "000003").await;
    assert_eq!(app.open_alerts().await, ["paid_after_release"]);
    resolve_all().await;
    door.answers(&renewal, "000003").await;
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);
}

/// They were answered in plain text, by nobody's word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_whose_name_is_no_text_is_unknown_in_words() {
    let app = TestApp::start(Backend::Sqlite).await;
    for path in ["/products/%ff/jwks.json", "/products/%ff/keys.jws", "/products/none/keys.jws"] {
        let answer = app.get(path).await;
        assert_eq!((answer.status, answer.header("Content-Type")), (404, Some("application/problem+json")), "{path}");
    }
}
