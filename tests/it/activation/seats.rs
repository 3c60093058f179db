//! Who has a seat: the same machine again, the last seat, seats given back, licenses made smaller.

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    license::activation::Reason,
    usecase::{
        Actor, Failure,
        activation::{self, Machine, Renewal, Warning},
        validate::Question,
    },
};

use super::{
    about, activate, by_hand, change, components, deactivate, machine, reason, refused, renew, seated, seats, sold,
    validate,
};
use crate::harness::{Backend, TestApp};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_machine_again_is_the_same_activation(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let first = activate(&app, &sold.key, machine(1)).await.unwrap();
    assert!(first.new_seat);
    for _ in 0..3 {
        app.pass_days(1);
        // With the key or the code, and with one part of three exchanged.
        let mut repaired = machine(1);
        repaired.components.extend(components(&["disk=new"]));
        let again = activate(&app, &sold.code, repaired).await.unwrap();
        assert_eq!((again.activation.id, again.new_seat), (first.activation.id, false));
        assert_eq!(again.activation.created_at, first.activation.created_at);
        assert_eq!(again.activation.last_seen_at, app.now());
    }
    assert_eq!(seated(&app, &sold).await.len(), 1);
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "machine_changed"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_that_start_again_keep_their_seat_by_the_operators_id(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let container = |name: &str, start: u32| Machine {
        container: true,
        components: components(&[
            "image=9f2",
            &format!("hostname={start}"),
            &format!("mac={start}"),
            &format!("operator={name}"),
        ]),
        ..machine(1)
    };
    let mut ids = Vec::new();
    for start in 0..5 {
        for pod in ["web-0", "web-1"] {
            let granted = activate(&app, &sold.key, container(pod, start)).await.unwrap();
            assert_eq!(granted.warnings, []);
            ids.push(granted.activation.id);
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), seated(&app, &sold).await.len()), (2, 2));
    // The third pod of the same image is a third machine.
    let third = refused(activate(&app, &sold.key, container("web-2", 0)).await);
    assert_eq!((third.verdict.reason, third.verdict.conclusive), (Reason::MachineLimit, true));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_without_an_operators_id_is_warned(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let granted = activate(&app, &sold.key, Machine { container: true, ..machine(1) }).await.unwrap();
    assert_eq!(granted.warnings, [Warning::ContainerIdentity]);
    let renewed = renew(&app, &sold.key, granted.activation.id, Renewal::default()).await.unwrap();
    assert_eq!(renewed.warnings, [Warning::ContainerIdentity]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_seat_is_told_who_has_them(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let first = activate(&app, &sold.key, machine(1)).await.unwrap();
    app.pass_days(1);
    activate(&app, &sold.key, Machine { name: None, platform: None, ..machine(2) }).await.unwrap();
    let refusal = refused(activate(&app, &sold.key, machine(3)).await);
    assert_eq!((refusal.verdict.reason, refusal.verdict.activation), (Reason::MachineLimit, None));
    assert!(refusal.verdict.detail.contains("2 machines"), "{}", refusal.verdict.detail);
    let told: Vec<_> = refusal.holders.iter().map(|it| (it.name.as_deref(), it.platform.as_deref())).collect();
    assert_eq!(told, [(Some("host-1"), Some("linux")), (None, None)]);
    assert_eq!(refusal.holders[0].id, first.activation.id);
    assert_eq!(refusal.holders[0].since, first.activation.created_at);
    assert_eq!(refusal.holders[0].last_seen_at, first.activation.last_seen_at);
    // Nothing was taken by asking.
    assert_eq!(seated(&app, &sold).await.len(), 2);
    assert_eq!(reason(&app, &sold.key, about(&machine(3))).await, Reason::MachineUnknown);

    deactivate(&app, &sold.key, first.activation.id).await.unwrap();
    assert!(activate(&app, &sold.key, machine(3)).await.unwrap().new_seat);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_a_bounded_number_of_holders(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 25).await;
    for number in 0..25 {
        activate(&app, &sold.key, machine(number)).await.unwrap();
    }
    let refusal = refused(activate(&app, &sold.key, machine(25)).await);
    assert_eq!(refusal.verdict.reason, Reason::MachineLimit);
    assert_eq!(refusal.holders.len(), 20);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_given_back_is_free_and_may_be_given_back_again(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let (sold, other) = (seats(&app, "fixed", 1).await, seats(&app, "fixed", 1).await);
    let first = activate(&app, &sold.key, machine(1)).await.unwrap().activation;
    let foreign = refused(deactivate(&app, &other.key, first.id).await);
    assert_eq!(foreign.verdict.reason, Reason::MachineUnknown);
    assert_eq!(seated(&app, &sold).await.len(), 1, "another license frees no seat of this one");
    for _ in 0..3 {
        app.pass(SignedDuration::from_secs(1));
        deactivate(&app, &sold.code, first.id).await.unwrap();
    }
    assert_eq!(seated(&app, &sold).await, []);
    assert_eq!(reason(&app, &sold.key, about(&machine(1))).await, Reason::MachineUnknown);
    let gone = refused(renew(&app, &sold.key, first.id, Renewal::default()).await);
    assert_eq!(gone.verdict.reason, Reason::MachineUnknown);
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "deactivated"]);

    app.pass(SignedDuration::from_secs(1));
    // The same machine comes back as what it was, with a seat of its own again.
    let back = activate(&app, &sold.key, machine(1)).await.unwrap();
    assert_eq!((back.activation.id, back.new_seat), (first.id, true));
    assert_eq!((back.activation.ended_at, back.activation.ended_by), (None, None));
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "deactivated", "activated"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_and_the_activation_tell_who_freed_the_seat(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 3).await;
    let license = sold.license.id;
    for (number, actor, name) in [
        (1, Actor::Customer, "customer"),
        (2, Actor::Token("desk".to_owned()), "token:desk"),
        (3, Actor::CommandLine, "command-line"),
    ] {
        let id = activate(&app, &sold.key, machine(number)).await.unwrap().activation.id;
        let freed = app.app.write(actor, move |tx, ctx| activation::free(tx, ctx, license, id)).await;
        let freed: Result<_, Failure> = freed;
        let freed = freed.unwrap().expect("the activation");
        assert_eq!((freed.ended_at, freed.ended_by.as_deref()), (Some(app.now()), Some(name)));
        // Freeing it again changes nothing.
        app.pass_days(1);
        let again = app.write(move |tx, ctx| activation::free(tx, ctx, license, id)).await;
        assert_eq!(again, Some(freed));
    }
    let entries = app.read(move |tx, _| Ok(tx.history_page(license, None, 100)?)).await;
    let freed: Vec<_> = entries.iter().filter(|it| it.event == "deactivated").map(|it| it.actor.as_str()).collect();
    assert_eq!(freed, ["command-line", "token:desk", "customer"]);
    assert!(entries.iter().filter(|it| it.event == "activated").all(|it| it.actor == "software"));
    let other = seats(&app, "fixed", 1).await.license.id;
    assert_eq!(seated(&app, &sold).await, []);
    let all = app.read(move |tx, ctx| activation::list(tx, ctx, license, false, None, 100)).await;
    let first = all[0].id;
    assert_eq!(all.len(), 3);
    assert_eq!(app.write(move |tx, ctx| activation::free(tx, ctx, other, first)).await, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_license_made_smaller_the_oldest_keep_their_seats(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 3).await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        app.pass_days(1);
        ids.push(activate(&app, &sold.key, machine(number)).await.unwrap().activation.id);
    }
    app.pass_days(1);
    for id in &ids {
        renew(&app, &sold.key, *id, Renewal::default()).await.unwrap();
    }
    // Right after the renewals, so that the count is not spared.
    change(&app, &sold, |license| license.machines = 2).await;
    for days in [0, 1, 3] {
        app.pass_days(days);
        for id in &ids[..2] {
            renew(&app, &sold.key, *id, Renewal::default()).await.unwrap();
        }
        let refusal = refused(renew(&app, &sold.key, ids[2], Renewal::default()).await);
        assert_eq!(refusal.verdict.reason, Reason::MachineLimit);
        assert_eq!((refusal.verdict.activation, refusal.holders.len()), (Some(ids[2]), 3));
        let again = refused(activate(&app, &sold.key, machine(3)).await);
        assert_eq!(again.verdict.reason, Reason::MachineLimit);
    }
    // When an older one goes, its seat is the youngest's.
    deactivate(&app, &sold.key, ids[0]).await.unwrap();
    renew(&app, &sold.key, ids[2], Renewal::default()).await.unwrap();
    let refusal = refused(activate(&app, &sold.key, machine(1)).await);
    assert_eq!(refusal.verdict.reason, Reason::MachineLimit);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_does_not_wander_over_more_machines_a_day_than_the_plan_allows(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    // The plan allows six.
    for number in 0..6 {
        let id = activate(&app, &sold.key, machine(number % 3)).await.unwrap().activation.id;
        deactivate(&app, &sold.key, id).await.unwrap();
    }
    for number in [0, 7] {
        let refusal = refused(activate(&app, &sold.key, machine(number)).await);
        assert_eq!((refusal.verdict.reason, refusal.holders.len()), (Reason::ActivationCycling, 0));
    }
    app.pass(SignedDuration::from_hours(24));
    assert_eq!(refused(activate(&app, &sold.key, machine(7)).await).verdict.reason, Reason::ActivationCycling);
    app.pass(SignedDuration::from_micros(1));
    let id = activate(&app, &sold.key, machine(7)).await.unwrap().activation.id;
    // One that has its seat is never refused for it.
    for _ in 0..10 {
        activate(&app, &sold.key, machine(7)).await.unwrap();
        renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    }
    // A full license is full, whatever the day.
    let full = refused(activate(&app, &sold.key, machine(8)).await);
    assert_eq!(full.verdict.reason, Reason::MachineLimit);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_license_is_rolled_out_in_a_day(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 9).await;
    for number in 0..9 {
        activate(&app, &sold.key, machine(number)).await.unwrap();
    }
    assert_eq!(seated(&app, &sold).await.len(), 9);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_license_runs_on_its_device_only(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let wanted = super::ByHand { device: Some("MC-0042".to_owned()), ..by_hand("bound") };
    let sold = sold(&app, wanted).await;
    let device = |parts: &[&str]| Machine { components: components(parts), ..Machine::default() };
    for wrong in [&["machinecode=MC-0043"][..], &["hostname=MC-0042"], &["machinecode=mc-0042", "hostname=a"]] {
        let refusal = refused(activate(&app, &sold.key, device(wrong)).await);
        assert_eq!(refusal.verdict.reason, Reason::DeviceMismatch);
        assert_eq!(reason(&app, &sold.key, about(&device(wrong))).await, Reason::DeviceMismatch);
    }
    let granted = activate(&app, &sold.key, device(&["machinecode=MC-0042", "hostname=a"])).await.unwrap();
    let by_device = activate(&app, &sold.key, device(&["device=MC-0042", "hostname=a"])).await.unwrap();
    assert_eq!(by_device.activation.id, granted.activation.id);
    let elsewhere = Renewal { components: components(&["hostname=a"]), ..Renewal::default() };
    let refusal = refused(renew(&app, &sold.key, granted.activation.id, elsewhere).await);
    assert_eq!(refusal.verdict.reason, Reason::DeviceMismatch);
    // A question about the license alone needs no device.
    assert_eq!(reason(&app, &sold.key, Question::default()).await, Reason::Valid);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_from_another_machine_is_refused_and_a_repaired_one_is_known(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    let with = |machine: Machine| Renewal { components: machine.components, ..Renewal::default() };
    let stolen = refused(renew(&app, &sold.key, id, with(machine(2))).await);
    assert_eq!((stolen.verdict.reason, stolen.verdict.activation), (Reason::MachineMismatch, Some(id)));
    // Part by part everything may be exchanged: each time most is known.
    let mut repaired = machine(1);
    for part in ["disk", "board", "machine-id"] {
        repaired.components.extend(components(&[&format!("{part}=new")]));
        renew(&app, &sold.key, id, with(repaired.clone())).await.unwrap();
    }
    assert_eq!(reason(&app, &sold.key, about(&repaired)).await, Reason::Valid);
    assert_eq!(validate(&app, &sold.key, about(&repaired)).await.activation, Some(id));
    assert_eq!(reason(&app, &sold.key, about(&machine(1))).await, Reason::MachineUnknown);
    // A renewal that names no machine keeps what is known.
    renew(&app, &sold.key, id, Renewal { version: Some("2.5".to_owned()), ..Renewal::default() }).await.unwrap();
    let seat = &seated(&app, &sold).await[0];
    assert_eq!((seat.version.as_deref(), &seat.components), (Some("2.5"), &repaired.components));
}
