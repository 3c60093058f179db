//! What bounds a license that is shared or hits its limits, and who sees it.

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    license::{activation::Reason, model::License},
    store::AlertRecord,
    usecase::{activation::Renewal, alert},
};

use super::{
    ByHand, about, activate, by_hand, change, components, deactivate, machine, reason, refused, renew, seated, seats,
    sold,
};
use crate::harness::{Backend, TestApp};

async fn alerts(app: &TestApp) -> Vec<AlertRecord> {
    app.read(|tx, _| Ok(tx.alert_page(true, None, 100)?)).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_that_keeps_hitting_its_limit_is_seen_by_the_merchant(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    activate(&app, &sold.key, machine(1)).await.unwrap();
    assert_eq!(alerts(&app).await, []);
    for number in 2..7 {
        app.pass(SignedDuration::from_secs(1));
        assert_eq!(refused(activate(&app, &sold.key, machine(number)).await).verdict.reason, Reason::MachineLimit);
    }
    let raised = alerts(&app).await;
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].kind.as_str(), raised[0].license_id), ("seat_refused", Some(sold.license.id)));
    let told = serde_json::json!({ "reason": "machine_limit", "machines": 1, "count": 5 });
    assert_eq!(raised[0].detail, told);
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "seat_refused"]);

    // The next day writes another line, and the same alert.
    app.pass_days(2);
    refused(activate(&app, &sold.key, machine(2)).await);
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "seat_refused", "seat_refused"]);
    let id = raised[0].id;
    assert_eq!(alerts(&app).await[0].detail["count"], 6);
    assert!(app.write(move |tx, ctx| alert::resolve(tx, ctx, id)).await);
    assert_eq!(alerts(&app).await, []);
    // Whoever resolved it sees that it goes on; it is the same row.
    refused(activate(&app, &sold.key, machine(2)).await);
    let again = alerts(&app).await;
    assert_eq!((again.len(), again[0].id, &again[0].detail["count"]), (1, id, &serde_json::json!(1)));
}

/// The plan lets a license see six new machines a day.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_does_not_walk_to_other_machines_part_by_part(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    let mut walking = machine(1);
    let mut known = walking.components.clone();
    for step in 0..5 {
        let part = ["disk", "board", "machine-id"][step % 3];
        walking.components.extend(components(&[&format!("{part}=step-{step}")]));
        app.pass(SignedDuration::from_mins(2));
        let renewal = Renewal { components: walking.components.clone(), ..Renewal::default() };
        known = renew(&app, &sold.key, id, renewal).await.unwrap().activation.components;
        assert_eq!(known, walking.components);
    }
    // From here on a machine of which enough is the same is served, by renewing and by activating, and nothing is learned.
    let mut repaired = walking.clone();
    repaired.components.extend(components(&["disk=replaced"]));
    app.pass(SignedDuration::from_mins(2));
    let renewal = Renewal { components: repaired.components.clone(), ..Renewal::default() };
    assert_eq!(renew(&app, &sold.key, id, renewal).await.unwrap().activation.components, known);
    assert_eq!(activate(&app, &sold.key, repaired.clone()).await.unwrap().activation.components, known);
    let mut farther = repaired.clone();
    farther.components.extend(components(&["board=other"]));
    let renewal = Renewal { components: farther.components.clone(), ..Renewal::default() };
    assert_eq!(refused(renew(&app, &sold.key, id, renewal).await).verdict.reason, Reason::MachineMismatch);
    assert_eq!(seated(&app, &sold).await[0].components, known);
    // The day after it is learned.
    app.pass_days(2);
    let renewal = Renewal { components: repaired.components.clone(), ..Renewal::default() };
    assert_eq!(renew(&app, &sold.key, id, renewal).await.unwrap().activation.components, repaired.components);
    assert_eq!(reason(&app, &sold.key, about(&farther)).await, Reason::Valid);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cycles_is_told_when_the_next_new_machine_may_come(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    for number in 0..6 {
        let id = activate(&app, &sold.key, machine(number)).await.unwrap().activation.id;
        deactivate(&app, &sold.key, id).await.unwrap();
        app.pass(SignedDuration::from_hours(1));
    }
    let refusal = refused(activate(&app, &sold.key, machine(7)).await);
    assert_eq!((refusal.verdict.reason, refusal.wait), (Reason::ActivationCycling, Some(18 * 3_600 + 1)));
    app.pass(SignedDuration::from_secs(i64::from(refusal.wait.unwrap()) - 2));
    assert_eq!(refused(activate(&app, &sold.key, machine(7)).await).wait, Some(2));
    app.pass(SignedDuration::from_secs(2));
    activate(&app, &sold.key, machine(7)).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_says_nothing_of_the_machine_does_not_get_around_the_device(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = sold(&app, ByHand { device: Some("MC-1".to_owned()), ..by_hand("bound") }).await;
    let there = super::Machine { components: components(&["device=MC-1", "hostname=a"]), ..machine(1) };
    let id = activate(&app, &sold.key, there).await.unwrap().activation.id;
    renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    change(&app, &sold, |license: &mut License| license.device = Some("MC-2".to_owned())).await;
    let refusal = refused(renew(&app, &sold.key, id, Renewal::default()).await).verdict;
    assert_eq!((refusal.reason, refusal.activation), (Reason::DeviceMismatch, Some(id)));
}
