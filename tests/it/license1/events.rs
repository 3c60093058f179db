//! refreshLicense, expireLicense, releaseLicense.

use jiff::SignedDuration;
use koogallery_simulator::Line;
use rstest::rstest;
use signet::{
    license::{
        model::{Expiry, State},
        verify,
    },
    store::{OrderKind, OrderStatus},
};

use super::{bought, buy, expire, release, renew};
use crate::harness::{Backend, TestApp, slug, time};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_moves_the_expiry_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    let renewal = renew(&instance, "CS0002", "2028-03-02T08:00:00Z");
    door.done(&renewal).await;
    assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));

    // A repeat after the next renewal must not take that one back, although a refresh may lower.
    door.done(&renew(&instance, "CS0003", "2029-03-02T08:00:00Z")).await;
    door.done(&renewal).await;
    let license = app.license(&instance).await;
    assert_eq!(license.expiry, Expiry::Confirmed(time("2029-03-02T08:00:00Z")));
    assert_eq!(app.history(&license).await, ["issued", "renewed", "renewed"]);
    assert_eq!(app.orders("CS0002").await.len(), 1);
    assert_eq!(app.orders("CS0002").await[0].kind, OrderKind::Renewal);
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_deliveries_of_a_renewal_apply_it_once(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    // The clock stands still: without this, both lines of the history would be of the same microsecond.
    app.clock.advance(jiff::SignedDuration::from_secs(1));
    app.pass(SignedDuration::from_secs(1));
    let request = door.market.prepare(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z"));
    let mut deliveries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (door, request) = (door.clone(), request.clone());
        deliveries.spawn(async move { door.send(&request).await.code() });
    }
    assert!(deliveries.join_all().await.iter().all(|code| code.as_deref() == Some("000000")));
    let license = app.license(&instance).await;
    assert_eq!(app.history(&license).await, ["issued", "renewed"]);
    assert_eq!(app.orders("CS0002").await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_may_lower_the_expiry_and_the_merchant_sees_it(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    door.done(&renew(&instance, "CS0002", "2026-09-02T08:00:00Z")).await;
    assert_eq!(app.license(&instance).await.expiry, Expiry::Confirmed(time("2026-09-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["expiry_lowered"]);
    let alert = &app.alerts().await[0];
    assert_eq!(alert.order_id.as_deref(), Some("CS0002"));
    assert!(alert.detail.to_string().contains("2027-03-02"), "{}", alert.detail);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_carries_its_expiry_gets_a_new_revision(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let purchase = buy("CS0001").product("P-OFFLINE");
    let (instance, first) = door.bought(&purchase).await;
    let jwks = app.jwks().await;
    let exp = |code: &str| verify::verify_signature(code, &jwks).unwrap().claims.exp;
    assert_eq!(exp(&first.license().unwrap()), Some(time("2027-03-16T08:00:00Z").as_seconds()), "14 days of slack");

    door.done(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z")).await;
    let license = app.license(&instance).await;
    assert_eq!(license.rev, 2);
    let second = app.latest_code(&license).await;
    assert_eq!(exp(&second), Some(time("2028-03-05T08:00:00Z").as_seconds()), "3 days of slack");
    assert_eq!(door.done(&purchase).await.body, first.body, "the marketplace keeps showing the first");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_freezes_and_a_renewal_thaws(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    app.set_clock("2027-03-02T09:00:00Z");
    door.done(&expire(&instance)).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Frozen);
    assert_eq!(app.open_alerts().await, [] as [&str; 0], "nothing odd about an expiry at its time");
    door.done(&expire(&instance)).await;
    let history = app.history(&app.license(&instance).await).await;
    assert_eq!(history, ["issued", "expired"], "a repeat succeeds and changes nothing");

    door.done(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z")).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Active);
    app.set_clock("2028-03-02T09:00:00Z");
    door.done(&expire(&instance)).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Frozen, "a second expiry freezes again");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_expiry_is_applied_and_told(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    door.done(&expire(&instance)).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Frozen);
    assert_eq!(app.open_alerts().await, ["expired_ahead"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_overtaken_by_a_newer_call_changes_nothing(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    app.set_clock("2027-03-02T09:00:00Z");
    let old = door.market.prepare(&expire(&instance));
    app.pass(SignedDuration::from_secs(1));
    let applied = door.market.prepare(&expire(&instance));
    door.send(&applied).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Frozen);
    door.done(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z")).await;
    // An older one, and a copy of the very one that was applied.
    for late in [old, applied] {
        assert_eq!(door.send(&late).await.code().as_deref(), Some("000000"));
        assert_eq!(app.license(&instance).await.standing.state(), State::Active);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchants_hold_is_not_the_marketplaces_to_lift(#[case] backend: Backend) {
    use signet::usecase::merchant::{self, Act};
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    let id = app.license(&instance).await.id;
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, Act::Suspend)).await.unwrap();
    door.done(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z")).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Frozen);
    app.write(move |tx, ctx| merchant::act(tx, ctx, id, Act::Resume)).await.unwrap();
    assert_eq!(app.license(&instance).await.standing.state(), State::Active);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_the_end(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    door.done(&release(&instance)).await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Released);
    door.done(&release(&instance)).await;
    door.done(&expire(&instance)).await;
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);

    let renewal = renew(&instance, "CS0002", "2028-03-02T08:00:00Z");
    door.answers(&renewal, "000003").await;
    assert_eq!(app.open_alerts().await, ["paid_after_release"]);
    assert_eq!(app.orders("CS0002").await[0].status, OrderStatus::Flagged);
    door.answers(&renewal, "000003").await;
    assert_eq!(app.alerts().await.len(), 1, "a repeat tells nothing new");
    let license = app.license(&instance).await;
    assert_eq!(license.standing.state(), State::Released);
    assert_eq!(app.history(&license).await, ["issued", "released"]);
    door.done(&buy("CS0001")).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_about_an_instance_nobody_has_are_refused(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    for call in [renew("nobody", "CS0002", "2028-03-02T08:00:00Z"), expire("nobody"), release("nobody")] {
        door.answers(&call, "000003").await;
    }
    assert_eq!(app.all_orders().await.len(), 0);

    // An instance of another channel is nobody's here.
    let elsewhere = app.door(Line::Saas2);
    let (instance, _) = elsewhere.bought(&koogallery_simulator::Call::buy(Line::Saas2, "CS0009").unwrap()).await;
    door.answers(&release(&instance), "000003").await;
    assert_eq!(app.license(&instance).await.standing.state(), State::Active);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_with_an_unknown_product_is_applied_and_told(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let instance = bought(&door).await;
    door.done(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z").product("P-NEW")).await;
    let license = app.license(&instance).await;
    assert_eq!(license.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    assert_eq!(license.plan, slug("standard"));
    assert_eq!(app.open_alerts().await, ["renewal_plan_unknown"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_with_another_plans_product_moves_the_license(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let (instance, _) = door.bought(&buy("CS0001").amount(3)).await;
    door.done(&renew(&instance, "CS0002", "2028-03-02T08:00:00Z").product("P-LAYERS")).await;
    let license = app.license(&instance).await;
    assert_eq!((license.plan.clone(), license.machines, license.rev), (slug("layers"), 1, 2));
    assert_eq!(app.open_alerts().await, ["renewal_moved_plan"]);
    let claims = verify::verify_signature(&app.latest_code(&license).await, &app.jwks().await).unwrap().claims;
    assert_eq!((claims.plan, claims.sub), (slug("layers"), license.id));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_becomes_formal_by_its_refresh(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::License1);
    let trial = buy("CS0001").product("P-TRIAL").trial().without("expireTime");
    let (instance, _) = door.bought(&trial).await;
    let license = app.license(&instance).await;
    assert!(license.trial);
    assert_eq!(license.expiry, Expiry::Guessed(time("2026-03-16T08:00:01Z")));

    app.pass(SignedDuration::from_hours(24));
    door.done(&renew(&instance, "CS0002", "2027-03-03T08:00:00Z").product("P-STANDARD-YEAR")).await;
    let license = app.license(&instance).await;
    assert_eq!((license.trial, license.plan.clone(), license.machines), (false, slug("standard"), 2));
    assert_eq!(license.expiry, Expiry::Confirmed(time("2027-03-03T08:00:00Z")));
}
