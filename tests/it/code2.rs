//! License code 2.0: the marketplace made the code. Calls about one that nobody has redeemed here are kept for the
//! day somebody does.

mod redeeming;

use jiff::SignedDuration;
use koogallery_simulator::{Call, Line, PreparedRequest};
use rstest::rstest;
use signet::{
    base::limits,
    license::model::{Expiry, License, State},
    marketplace::koogallery::open::license::Activated,
    usecase::{deferred, redemption},
};

use crate::harness::{Backend, Door, TestApp, slug, stamp, time};

const CODE: &str = "PLTEST0001ABCDEFGH";

fn renew(order_id: &str, expires: &str) -> Call {
    Call::renew(Line::Code2, CODE, order_id, stamp(expires))
}

fn freeze() -> Call {
    Call::freeze(Line::Code2, CODE).unwrap()
}

fn unfreeze() -> Call {
    Call::unfreeze(Line::Code2, CODE).unwrap()
}

/// Signs now; the next call is signed a second later.
fn signed(app: &TestApp, door: &Door, call: &Call) -> PreparedRequest {
    app.pass(SignedDuration::from_secs(1));
    door.market.prepare(call)
}

/// How many calls are kept for a code. The database knows the code only as a keyed hash.
async fn kept(app: &TestApp, code: &'static str) -> i64 {
    let count = move |tx: &mut _, ctx: signet::usecase::Context<'_>| {
        deferred::count(tx, ctx, &slug("code-2-0"), &redemption::instance_id(ctx, code))
    };
    app.read(count).await
}

/// What redeeming the code does once the marketplace has activated it: the license comes into being, and what was kept is
/// applied to it.
async fn redeem(app: &TestApp) {
    app.write(|tx, ctx| {
        redemption::claim(tx, ctx, CODE, &slug("code-2-0"))?.expect("nobody else asks");
        let told = Activated {
            product_id: Some("P-STANDARD-YEAR".to_owned()),
            amount: None,
            order_id: Some("CS0001".to_owned()),
            expires_at: Some(time("2027-03-02T08:00:00Z")),
        };
        redemption::activated(tx, ctx, CODE, Some(&told), None)
    })
    .await;
}

/// The license of the code.
async fn license(app: &TestApp) -> License {
    app.read(|tx, ctx| redemption::license(tx, ctx, CODE)).await.expect("it was redeemed")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_about_an_unredeemed_code_are_kept_and_applied_at_its_redemption(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    let renewal = renew("CS0002", "2028-03-02T08:00:00Z");
    for call in [&renewal, &freeze(), &renewal] {
        door.done(call).await;
    }
    assert_eq!(kept(&app, CODE).await, 3);
    assert_eq!(app.licenses().await.len(), 0);
    assert_eq!(app.all_orders().await.len(), 0);

    // Kept on disk: a server started later knows them.
    let replica = app.replica().await;
    redeem(&replica).await;
    let redeemed = license(&app).await;
    assert_eq!(redeemed.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    assert_eq!(redeemed.standing.state(), State::Frozen);
    assert_eq!(app.history(&redeemed).await, ["issued", "renewed", "frozen"], "the repeated renewal once");
    assert_eq!(kept(&app, CODE).await, 0);
    door.done(&unfreeze()).await;
    assert_eq!(license(&app).await.standing.state(), State::Active);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_calls_are_applied_in_the_order_they_were_signed(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    let calls = [freeze(), unfreeze(), freeze(), unfreeze(), freeze()];
    let mut requests: Vec<_> = calls.iter().map(|call| signed(&app, &door, call)).collect();
    requests.reverse();
    for request in &requests {
        assert_eq!(door.send(request).await.code().as_deref(), Some("000000"));
    }
    redeem(&app).await;
    let redeemed = license(&app).await;
    assert_eq!(redeemed.standing.state(), State::Frozen);
    assert_eq!(app.history(&redeemed).await, ["issued", "frozen", "unfrozen", "frozen", "unfrozen", "frozen"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_released_before_its_redemption_stays_released(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    door.done(&Call::release(Line::Code2, CODE, None)).await;
    door.done(&renew("CS0002", "2028-03-02T08:00:00Z")).await;
    redeem(&app).await;
    assert_eq!(license(&app).await.standing.state(), State::Released);
    assert_eq!(app.open_alerts().await, ["paid_after_release"]);
    door.done(&unfreeze()).await;
    door.answers(&renew("CS0003", "2029-03-02T08:00:00Z"), "000003").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_calls_are_kept_for_one_code(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    for _ in 0..limits::DEFERRED_EVENTS_PER_SUBJECT {
        door.done(&freeze()).await;
    }
    let refused = door.answers(&unfreeze(), "000005").await;
    assert!(refused.message().unwrap().contains("wait"), "{:?}", refused.message());
    assert_eq!(kept(&app, CODE).await, limits::DEFERRED_EVENTS_PER_SUBJECT);
    assert_eq!(app.open_alerts().await, ["too_many_deferred"]);
    door.done(&Call::freeze(Line::Code2, "PLOTHER00001").unwrap()).await;
    // A release is called once and must not be lost.
    door.done(&Call::release(Line::Code2, CODE, None)).await;
    redeem(&app).await;
    assert_eq!(license(&app).await.standing.state(), State::Released);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redeemed_code_follows_its_calls_and_ignores_overtaken_ones(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    redeem(&app).await;
    app.set_clock("2027-03-01T08:00:00Z");
    let old = [signed(&app, &door, &freeze()), signed(&app, &door, &unfreeze())];
    door.done(&freeze()).await;
    for request in &old {
        assert_eq!(door.send(request).await.code().as_deref(), Some("000000"));
    }
    assert_eq!(license(&app).await.standing.state(), State::Frozen);
    door.done(&renew("CS0002", "2028-03-02T08:00:00Z")).await;
    assert_eq!(license(&app).await.standing.state(), State::Active, "frozen for its term: a renewal thaws");
    assert_eq!(app.open_alerts().await, [] as [&str; 0]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_long_before_the_expiry_outlasts_a_renewal(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    redeem(&app).await;
    door.done(&freeze()).await;
    assert_eq!(app.open_alerts().await, ["frozen_for_violation"]);
    door.done(&renew("CS0002", "2028-03-02T08:00:00Z")).await;
    let redeemed = license(&app).await;
    assert_eq!(redeemed.standing.state(), State::Frozen);
    assert_eq!(redeemed.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["frozen_for_violation", "still_held_for_violation"]);
    door.done(&unfreeze()).await;
    assert_eq!(license(&app).await.standing.state(), State::Active);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edge_between_term_and_violation_is_three_days(#[case] backend: Backend) {
    // The call is signed a second after the clock's time: exactly three days before the expiry, and a second more.
    for (clock, violation) in [("2027-02-27T07:59:59Z", false), ("2027-02-27T07:59:58Z", true)] {
        let app = TestApp::start(backend).await;
        redeem(&app).await;
        app.set_clock(clock);
        app.door(Line::Code2).done(&freeze()).await;
        let standing = license(&app).await.standing;
        assert_eq!((standing.marketplace_hold, standing.violation), (true, violation), "{clock}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renewal_never_lowers_but_a_refund_does(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    redeem(&app).await;
    door.done(&renew("CS0003", "2029-03-02T08:00:00Z")).await;
    door.done(&renew("CS0002", "2028-03-02T08:00:00Z")).await;
    assert_eq!(license(&app).await.expiry, Expiry::Confirmed(time("2029-03-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["expiry_not_lowered"]);

    let refund = Call::refund_renewal(Line::Code2, CODE, "CS0004", stamp("2028-03-02T08:00:00Z"));
    door.done(&refund).await;
    door.done(&refund).await;
    let redeemed = license(&app).await;
    assert_eq!(redeemed.expiry, Expiry::Confirmed(time("2028-03-02T08:00:00Z")));
    assert_eq!(app.open_alerts().await, ["expiry_not_lowered", "expiry_lowered"]);
    let raising = Call::refund_renewal(Line::Code2, CODE, "CS0005", stamp("2030-03-02T08:00:00Z"));
    door.done(&raising).await;
    assert_eq!(license(&app).await.expiry, redeemed.expiry, "a refund gives nothing");
    assert_eq!(app.open_alerts().await, ["expiry_not_lowered", "expiry_lowered", "refund_lowered_nothing"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_code_call_is_refused_and_never_kept(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let door = app.door(Line::Code2);
    let wrong = [
        freeze().set("license", "PL with spaces"),
        freeze().set("license", &"P".repeat(65)),
        freeze().without("license"),
        freeze().set("status", "MELT"),
        renew("CS0002", "2028-03-02T08:00:00Z").without("expireTime"),
        renew("CS0002", "2028-03-02T08:00:00Z").set("scene", "TRIAL_TO_FORMAL"),
        renew("CS0002", "2028-03-02T08:00:00Z").without("orderLineId"),
    ];
    for call in wrong {
        let reply = door.answers(&call, "000002").await;
        assert!(!reply.message().unwrap().contains(CODE), "a code in the open: {:?}", reply.message());
    }
    assert_eq!(kept(&app, CODE).await, 0);
}
