//! A machine without network takes its seat by its request text.

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exchange_twice_is_one_seat_and_the_second_lease_is_later(#[case] backend: Backend) {
    let held = held(backend, "small", "2027-03-02T08:00:00Z").await;
    let first = held.exchange("one").await.unwrap();
    assert!(first.granted.new_seat);
    let opened = held.opened(&first.bundle).await;
    let lease = &opened["lease"];
    assert_eq!(lease["exp"], held.app.now().plus_days(60).as_seconds());
    assert_eq!(lease["machine"]["components"], json!(components("one")));
    assert_eq!(lease["activation"], first.granted.activation.id.to_string());
    assert_eq!(opened["revocations"]["complete"], true);
    held.app.pass(DAY * 50);
    let second = held.exchange("one").await.unwrap();
    assert_eq!((second.granted.activation.id, second.granted.new_seat), (first.granted.activation.id, false));
    assert_eq!(held.opened(&second.bundle).await["lease"]["exp"], held.app.now().plus_days(60).as_seconds());
    assert_eq!(held.seats().await, 1);
    assert_eq!(held.exchange("two").await.unwrap_err(), Reason::MachineLimit);
    assert_eq!(Stay::default(), Stay::Usual, "what a machine that can ask gets");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_lease_never_outlives_the_license(#[case] backend: Backend) {
    let held = held(backend, "small", "2026-04-01T08:00:00Z").await;
    let exchanged = held.exchange("one").await.unwrap();
    let lease = held.opened(&exchanged.bundle).await["lease"].clone();
    let end = time("2026-04-04T08:00:00Z").as_seconds();
    assert_eq!((&lease["exp"], &lease["grace_until"]), (&json!(end), &json!(end)));
}

/// The door of the customer page, where the license is known and its key need not be typed again.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_known_to_hold_a_license_needs_no_key(#[case] backend: Backend) {
    let held = held(backend, "small", "2027-03-02T08:00:00Z").await;
    let first = held.exchange("one").await.unwrap();
    let (id, asked) = (held.license.id, request("press", "one"));
    let again = held.app.write(move |tx, ctx| offline::activate_for(tx, ctx, id, &asked)).await.unwrap();
    assert_eq!(again.granted.activation.id, first.granted.activation.id);
    let other = request("atlas", "one");
    let refused = held.app.write(move |tx, ctx| offline::activate_for(tx, ctx, id, &other)).await.unwrap_err();
    assert_eq!(refused.verdict.reason, Reason::ProductMismatch);
}
