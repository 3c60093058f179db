//! refreshInstance, updateInstanceStatus, releaseInstance, queryInstance, orderNotify.

use koogallery_simulator::{Call, Line};
use rstest::rstest;
use signet::{
    license::model::{Expiry, State},
    store::{OrderKind, OrderStatus},
};

use crate::harness::{Backend, PUBLIC_URL, TestApp, slug, stamp, time};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_lines_renew_freeze_unfreeze_and_release(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for line in [Line::Client, Line::Saas2] {
        let door = app.door(line);
        let (instance, _) = door.bought(&Call::buy(line, "CS0001").unwrap()).await;
        door.done(&Call::renew(line, &instance, "CS0002", stamp("2028-03-02T08:00:00Z"))).await;
        // Some samples carry milliseconds.
        let millis = Call::renew(line, &instance, "CS0003", stamp("2029-03-02T08:00:00Z"));
        door.done(&millis.set("expireTime", "20290302080000123")).await;
        assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2029-03-02T08:00:00.123Z")));
        door.done(&Call::freeze(line, &instance).unwrap()).await;
        assert_eq!(app.license(&instance).await.standing.state(), State::Frozen);
        door.done(&Call::unfreeze(line, &instance).unwrap()).await;
        door.done(&Call::release(line, &instance, Some("CS0004"))).await;
        door.done(&Call::release(line, &instance, Some("CS0004"))).await;
        let license = app.license(&instance).await;
        assert_eq!(license.standing.state(), State::Released);
        let told = app.history(&license).await;
        assert_eq!(told, ["issued", "renewed", "renewed", "frozen", "unfrozen", "released"]);
        door.answers(&Call::renew(line, &instance, "CS0005", stamp("2030-03-02T08:00:00Z")), "000003").await;
        door.done(&Call::freeze(line, &instance).unwrap()).await;
    }
}

/// Regression: of a purchase that tells only ids the end is a guess. A FREEZE at the true end, long before it, counted as
/// a violation, and the customer stayed frozen after the renewal was paid.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_lifts_a_freeze_that_came_long_before_a_guessed_end(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Client);
    let (instance, _) = door.bought(&Call::buy(Line::Client, "CS0001").unwrap()).await;
    assert!(app.license(&instance).await.expiry.is_guess());
    door.done(&Call::freeze(Line::Client, &instance).unwrap()).await;
    let standing = app.license(&instance).await.standing;
    assert_eq!((standing.state(), standing.violation), (State::Frozen, false));
    assert_eq!(app.open_alerts().await, ["expired_ahead"]);
    door.done(&Call::renew(Line::Client, &instance, "CS0002", stamp("2028-03-02T08:00:00Z"))).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Active);
    // Now the end is stated: the next early FREEZE is a violation.
    door.done(&Call::freeze(Line::Client, &instance).unwrap()).await;
    assert!(app.license(&instance).await.standing.violation);
}

/// The client guide's refund names the order that is refunded, the SaaS guide's its own.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_is_understood_under_either_order(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    for (line, refund_order) in [(Line::Client, "CS0002"), (Line::Saas2, "CS0009")] {
        let door = app.door(line);
        let (instance, _) = door.bought(&Call::buy(line, "CS0001").unwrap()).await;
        let renewal = Call::renew(line, &instance, "CS0002", stamp("2029-03-02T08:00:00Z"));
        let refund = Call::refund_renewal(line, &instance, refund_order, stamp("2028-03-02T08:00:00Z"));
        door.done(&renewal).await;
        for _ in 0..2 {
            door.done(&refund).await;
            assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
        }
        door.done(&renewal).await;
        assert_eq!(app.license(&instance).await.expiry.at(), Some(time("2028-03-02T08:00:00Z")), "a late repeat");
        let refunds = app.orders(refund_order).await.into_iter().filter(|it| it.kind == OrderKind::Refund);
        assert_eq!(refunds.filter(|it| it.instance_id.as_deref() == Some(&instance)).count(), 1);
    }
    assert_eq!(app.open_alerts().await, ["expiry_lowered", "expiry_lowered"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_comes_after_its_own_refund_gives_nothing(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let line = Line::Client;
    let door = app.door(line);
    let (instance, _) = door.bought(&Call::buy(line, "CS0001").unwrap()).await;
    let before = app.license(&instance).await.expiry;
    door.done(&Call::refund_renewal(line, &instance, "CS0002", before_text(before))).await;
    door.done(&Call::renew(line, &instance, "CS0002", stamp("2029-03-02T08:00:00Z"))).await;
    assert_eq!(app.license(&instance).await.expiry, before);
    door.done(&Call::renew(line, &instance, "CS0003", stamp("2029-03-02T08:00:00Z"))).await;
    assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2029-03-02T08:00:00Z")));
}

fn before_text(expiry: Expiry) -> jiff::Timestamp {
    stamp(&expiry.at().unwrap().to_string())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_with_change_moves_the_plan_as_asked(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let line = Line::Saas2;
    let door = app.door(line);
    let (instance, _) = door.bought(&Call::buy(line, "CS0001").unwrap()).await;
    let change = Call::renew(line, &instance, "CS0002", stamp("2028-03-02T08:00:00Z")).set("scene", "RENEWAL_CHANGE");
    door.done(&change.product("P-BUSINESS")).await;
    let license = app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.rev), (slug("business"), 2));
    assert_eq!(app.open_alerts().await, [] as [&str; 0], "it is what was bought");
    let formal = Call::renew(line, &instance, "CS0003", stamp("2029-03-02T08:00:00Z")).trial_to_formal();
    door.done(&formal).await;
    assert_eq!(app.orders("CS0003").await[0].kind, OrderKind::TrialToFormal);
    let wrong = Call::renew(line, &instance, "CS0004", stamp("2029-03-02T08:00:00Z")).set("scene", "GIFT");
    door.answers(&wrong, "000002").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_shows_the_instances_that_are_there(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let line = Line::Saas2;
    let door = app.door(line);
    let (first, _) = door.bought(&Call::buy(line, "CS0001").unwrap()).await;
    let (second, _) = door.bought(&Call::buy(line, "CS0002").unwrap()).await;
    let reply = door.done(&Call::query(line, &[&first, &second]).unwrap()).await;
    let info = reply.json().unwrap()["info"].clone();
    assert_eq!(info.as_array().unwrap().len(), 2);
    let app_info = &info[0]["appInfo"];
    let link = |info: &serde_json::Value| info["appInfo"]["frontEndUrl"].as_str().unwrap().to_owned();
    assert!(link(&info[0]).starts_with(&format!("{PUBLIC_URL}/l/")), "{info}");
    assert_ne!(link(&info[0]), link(&info[1]));
    assert_eq!((&app_info["userName"], &app_info["password"]), (&"owner".into(), &"harbor-first-password".into()));
    assert_eq!(app_info["memo"], "首次登录请修改密码");
    assert!(reply.body.is_ascii(), "Chinese goes over the wire as \\uXXXX");
    assert!(reply.json().unwrap().get("encryptType").is_none());

    door.done(&Call::release(line, &second, None)).await;
    let reply = door.call(&Call::query(line, &[&first, &second]).unwrap()).await;
    assert_eq!(reply.json().unwrap()["info"].as_array().unwrap().len(), 1);
    door.answers(&Call::query(line, &["nobody"]).unwrap(), "000003").await;
    let many = vec!["i"; 101];
    door.answers(&Call::query(line, &many).unwrap(), "000002").await;
    door.answers(&Call::query(line, &many[..100]).unwrap(), "000003").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_notice_is_kept_once_for_the_order_query(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Saas2);
    let notice = Call::notify(Line::Saas2, "CS0001").unwrap();
    door.done(&notice).await;
    door.done(&notice).await;
    let orders = app.orders("CS0001").await;
    assert_eq!(orders.len(), 1);
    assert_eq!((orders[0].kind, orders[0].status), (OrderKind::Notice, OrderStatus::Waiting));
    door.answers(&notice.without("orderId"), "000002").await;
}
