//! How long a machine may run: leases, floating seats, loans, and what ends a license.

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    license::{
        activation::{Reason, Stay},
        verify,
    },
    usecase::{
        activation::{Machine, Renewal, Warning},
        keys,
        merchant::Act,
    },
};
use signet_verify::claims::{FeatureValue, LeaseClaims};

use super::{
    ByHand, about, act, activate, at, by_hand, change, deactivate, lease, machine, reason, refused, renew, root,
    seated, seats, sold, text, verified,
};
use crate::harness::{Backend, TestApp, slug, time};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_says_all_that_a_machine_needs(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    app.pass(SignedDuration::from_micros(123_456));
    let sold = seats(&app, "fixed", 5).await;
    let granted = activate(&app, &sold.key, Machine { nonce: Some("n-1".to_owned()), ..machine(1) }).await.unwrap();
    let lease = lease(&app, &granted).await;
    let LeaseClaims { iss, sub, aud, activation, iat, time: micros, exp, renew_after, grace_until, .. } = lease.clone();
    assert_eq!((iss.as_str(), aud.as_str()), (app.app.public_url(), "mill/lease"));
    assert_eq!((sub, activation), (sold.license.id.to_string(), granted.activation.id.to_string()));
    assert_eq!((iat, micros), (app.now().as_seconds(), app.now().as_micros()));
    assert_eq!((exp - iat, grace_until - exp), (7 * 86_400, 7 * 86_400));
    assert!((renew_after - iat - 302_400).abs() <= 60_480 + 1, "{}", renew_after - iat);
    assert_eq!((lease.plan.as_str(), lease.machines, lease.rev), ("fixed", 5, 1));
    assert_eq!(lease.features["looms"], FeatureValue::Number(4));
    assert_eq!(lease.license_exp, sold.license.expiry.at().map(|end| end.as_seconds()));
    assert_eq!((lease.floating, lease.nonce.as_deref()), (false, Some("n-1")));
    assert_eq!(lease.machine.components, machine(1).components);
    assert_eq!((lease.exp, lease.grace_until), {
        let kept = &granted.activation;
        (kept.lease_ends_at.as_seconds(), kept.grace_until.as_seconds())
    });
    assert_eq!((granted.code.as_str(), granted.server_time), (text(&sold.code), app.now()));
}

/// Software that crashes and starts every second must not wear the database out.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_within_a_minute_gets_the_same_lease_again(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "floating", 1).await;
    let first = activate(&app, &sold.key, machine(1)).await.unwrap();
    let ends = lease(&app, &first).await.exp;
    app.pass(SignedDuration::from_secs(59));
    for again in [
        activate(&app, &sold.key, machine(1)).await.unwrap(),
        renew(&app, &sold.key, first.activation.id, Renewal::default()).await.unwrap(),
    ] {
        let told = lease(&app, &again).await;
        assert_eq!((told.exp, told.iat, again.new_seat), (ends, app.now().as_seconds(), false));
        assert_eq!(again.activation, first.activation);
    }
    // What changed is told and kept all the same.
    let newer = Renewal { version: Some("2.5".to_owned()), ..Renewal::default() };
    let renewed = renew(&app, &sold.key, first.activation.id, newer).await.unwrap();
    assert_eq!(renewed.activation.version.as_deref(), Some("2.5"));
    assert_eq!(seated(&app, &sold).await, [renewed.activation]);
    app.pass(SignedDuration::from_secs(1));
    let next = renew(&app, &sold.key, first.activation.id, Renewal::default()).await.unwrap();
    assert_eq!(lease(&app, &next).await.exp, ends + 60);
    // A clock that went backwards is no reason for a lease from the future.
    app.pass(SignedDuration::from_secs(-10));
    let earlier = renew(&app, &sold.key, first.activation.id, Renewal::default()).await.unwrap();
    assert_eq!(lease(&app, &earlier).await.exp, ends + 50);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_was_away_for_long_renews_as_if_nothing_had_been(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    app.pass_days(200);
    // Its seat is no floating one: nobody took it.
    assert_eq!(refused(activate(&app, &sold.key, machine(2)).await).verdict.reason, Reason::MachineLimit);
    let renewed = renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    assert_eq!((renewed.activation.id, renewed.new_seat), (id, false));
    assert_eq!(lease(&app, &renewed).await.exp, app.now().plus_days(7).as_seconds());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_floating_seat_goes_back_when_its_lease_ends(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "floating", 1).await;
    let first = activate(&app, &sold.key, machine(1)).await.unwrap();
    let told = lease(&app, &first).await;
    assert!(told.floating && told.exp == told.grace_until && told.exp - told.iat == 1_800);
    // The history sorts by the millisecond.
    app.pass(SignedDuration::from_secs(1));
    let full = refused(activate(&app, &sold.key, machine(2)).await).verdict;
    assert_eq!(full.reason, Reason::MachineLimit);
    assert!(!full.conclusive, "a floating seat comes free by itself");
    let told = "The license is for 1 machine, and all seats are taken: free one, wait until a lease ends and its seat goes \
                back, or buy more.";
    assert_eq!(full.detail, told);
    app.pass(SignedDuration::from_mins(29));
    renew(&app, &sold.key, first.activation.id, Renewal::default()).await.unwrap();
    app.pass(SignedDuration::from_mins(29));
    assert_eq!(reason(&app, &sold.key, about(&machine(1))).await, Reason::Valid);
    app.pass(SignedDuration::from_mins(1));

    assert_eq!(reason(&app, &sold.key, about(&machine(1))).await, Reason::LeaseEnded);
    assert_eq!(seated(&app, &sold).await, []);
    // It is never given away behind another's back: the renewal says so, also while the seat is free.
    let late = refused(renew(&app, &sold.key, first.activation.id, Renewal::default()).await);
    assert_eq!((late.verdict.reason, late.verdict.activation), (Reason::LeaseEnded, Some(first.activation.id)));
    let second = activate(&app, &sold.key, machine(2)).await.unwrap();
    assert_eq!(refused(activate(&app, &sold.key, machine(1)).await).verdict.reason, Reason::MachineLimit);
    app.pass(SignedDuration::from_mins(30));
    let back = activate(&app, &sold.key, machine(1)).await.unwrap();
    assert_eq!((back.activation.id, back.new_seat), (first.activation.id, true));
    assert_ne!(back.activation.id, second.activation.id);
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "seat_refused", "activated"]);
}

/// Whoever ends the software gives the seat back, and takes one at the next start: that is what floating is for.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floating_seats_may_wander_all_day(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "floating", 1).await;
    for number in 0..20 {
        let id = activate(&app, &sold.key, machine(number % 2)).await.unwrap().activation.id;
        deactivate(&app, &sold.key, id).await.unwrap();
    }
    assert_eq!(app.history(&sold.license).await, ["issued", "activated", "activated"]);
    // Machines that were never here count.
    for number in 2..6 {
        let id = activate(&app, &sold.key, machine(number)).await.unwrap().activation.id;
        deactivate(&app, &sold.key, id).await.unwrap();
    }
    let refusal = refused(activate(&app, &sold.key, machine(6)).await);
    assert_eq!(refusal.verdict.reason, Reason::ActivationCycling);
    activate(&app, &sold.key, machine(0)).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_floating_seat_can_be_borrowed_for_a_journey(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "floating", 1).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    let borrow = |days| Renewal { stay: Stay::Borrow(days), ..Renewal::default() };
    let loan = renew(&app, &sold.key, id, borrow(5)).await.unwrap();
    assert_eq!((loan.warnings.as_slice(), loan.activation.borrowed), (&[][..], true));
    let ends = lease(&app, &loan).await.exp;
    assert_eq!(at(ends), app.now().plus_days(5));
    // The seat stays taken although nobody asks, and asking in between does not shorten the loan.
    app.pass_days(3);
    assert_eq!(refused(activate(&app, &sold.key, machine(2)).await).verdict.reason, Reason::MachineLimit);
    let between = renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    assert_eq!(lease(&app, &between).await.exp, ends);
    let started = activate(&app, &sold.key, machine(1)).await.unwrap();
    assert_eq!(lease(&app, &started).await.exp, ends);
    app.pass_days(2);
    activate(&app, &sold.key, machine(2)).await.unwrap();

    let greedy = Machine { stay: Stay::Borrow(400), ..machine(2) };
    let granted = activate(&app, &sold.key, greedy).await.unwrap();
    assert_eq!(granted.warnings, [Warning::BorrowShortened { days: 14 }]);
    assert_eq!(at(lease(&app, &granted).await.exp), app.now().plus_days(14));
    // Given back, the seat is free at once, and the next lease is an ordinary one.
    deactivate(&app, &sold.key, granted.activation.id).await.unwrap();
    let next = activate(&app, &sold.key, machine(2)).await.unwrap();
    assert_eq!((lease(&app, &next).await.exp, next.activation.borrowed), (app.now().as_seconds() + 1_800, false));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_that_lend_nothing_say_so_and_give_an_ordinary_lease(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let granted = activate(&app, &sold.key, Machine { stay: Stay::Borrow(30), ..machine(1) }).await.unwrap();
    assert_eq!((granted.warnings.as_slice(), granted.activation.borrowed), (&[Warning::BorrowRefused][..], false));
    assert_eq!(at(lease(&app, &granted).await.exp), app.now().plus_days(7));
    // A machine without network gets the plan's long lease, and its seat with it.
    let offline = activate(&app, &sold.key, Machine { stay: Stay::Offline, ..machine(2) }).await.unwrap();
    assert_eq!(at(lease(&app, &offline).await.exp), app.now().plus_days(90));
    assert!(offline.warnings.is_empty());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lease_outlives_the_license_and_its_slack(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let wanted = ByHand { expires_at: Some(time("2026-03-12T08:00:00.5Z")), ..by_hand("fixed") };
    let sold = sold(&app, wanted).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    let holds_until = time("2026-03-15T08:00:00Z");
    let mut seen = Vec::new();
    while app.now() < holds_until {
        let renewed = renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
        let told = lease(&app, &renewed).await;
        assert!(told.exp <= holds_until.as_seconds() && told.grace_until <= holds_until.as_seconds());
        seen.push((told.exp, told.grace_until));
        app.pass(SignedDuration::from_hours(25));
    }
    assert_eq!(seen[0], (time("2026-03-09T08:00:01Z").as_seconds(), holds_until.as_seconds()));
    assert_eq!(seen.last(), Some(&(holds_until.as_seconds(), holds_until.as_seconds())));
    let over = refused(renew(&app, &sold.key, id, Renewal::default()).await);
    assert_eq!(over.verdict.reason, Reason::LicenseExpired);
    // A renewal of the license brings everything back, the seat included.
    act(&app, &sold, Act::Extend(Some(time("2027-03-12T08:00:00Z")))).await;
    let renewed = renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    assert_eq!(at(lease(&app, &renewed).await.exp).as_seconds(), app.now().plus_days(7).as_seconds());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_license_gives_no_lease_and_a_resumed_one_does(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 2).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    act(&app, &sold, Act::Suspend).await;
    assert_eq!(refused(renew(&app, &sold.key, id, Renewal::default()).await).verdict.reason, Reason::LicenseFrozen);
    assert_eq!(refused(activate(&app, &sold.key, machine(2)).await).verdict.reason, Reason::LicenseFrozen);
    assert_eq!(reason(&app, &sold.key, about(&machine(1))).await, Reason::LicenseFrozen);
    act(&app, &sold, Act::Resume).await;
    renew(&app, &sold.key, id, Renewal::default()).await.unwrap();
    act(&app, &sold, Act::Release).await;
    assert_eq!(refused(renew(&app, &sold.key, id, Renewal::default()).await).verdict.reason, Reason::LicenseReleased);
    // A seat may always be given back.
    deactivate(&app, &sold.key, id).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_brings_the_license_as_it_is_now(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "fixed", 1).await;
    let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
    change(&app, &sold, |license| {
        license.machines = 7;
        license.features.insert("looms".to_owned(), signet::license::plan::FeatureValue::Number(9));
    })
    .await;
    // With the old code as well: what the license is now counts.
    let renewed = renew(&app, &sold.code, id, Renewal::default()).await.unwrap();
    let told = lease(&app, &renewed).await;
    assert_eq!((told.machines, &told.features["looms"]), (7, &FeatureValue::Number(9)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rotation_the_lease_verifies_with_the_list_that_came_along(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let other = app.replica().await;
    let sold = seats(&app, "fixed", 1).await;
    let before = activate(&app, &sold.key, machine(1)).await.unwrap();
    let pinned = root(&app, "mill").await;
    let kid = other.write(|tx, ctx| keys::rotate(tx, ctx, &slug("mill"), None)).await;

    let after = renew(&app, &sold.key, before.activation.id, Renewal::default()).await.unwrap();
    lease(&app, &after).await;
    let number = |keys: &str| {
        let list =
            signet_verify::keys::read_key_list(keys, &signet_verify::keys::Root::new(pinned), "mill", None).unwrap();
        (list.number, list.keys.iter().any(|key| key.kid == kid))
    };
    assert_eq!((number(&before.keys), number(&after.keys)), ((1, false), (2, true)));
    // The old lease verifies with the new list too; the new one not with the old list.
    let _: LeaseClaims = verified(&app, signet_verify::kind::Kind::Lease, "mill", &before.lease, &after.keys).await;
    assert!(!before.keys.contains(&kid));
    // The first code still verifies: it came along, and nothing about the license changed.
    verify::verify_signature(&after.code, &app.jwks().await).unwrap();
}

/// A loan that was given back goes on running where nobody asks: giving back and borrowing again must not be free.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_loans_that_are_given_back_early_do_not_multiply_a_floating_seat(#[case] backend: Backend) {
    let app = TestApp::start(backend).await;
    let sold = seats(&app, "floating", 1).await;
    let loan = |number| Machine { stay: Stay::Borrow(14), ..machine(number) };
    // The plan allows six new machines a day.
    for number in [1, 2, 3, 1, 2, 3] {
        let id = activate(&app, &sold.key, loan(number)).await.unwrap().activation.id;
        deactivate(&app, &sold.key, id).await.unwrap();
    }
    let refusal = refused(activate(&app, &sold.key, loan(1)).await);
    assert_eq!(refusal.verdict.reason, Reason::ActivationCycling);
    // Ordinary seats still come and go with every start of the software.
    app.pass_days(1);
    app.pass(SignedDuration::from_micros(1));
    for _ in 0..20 {
        let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
        deactivate(&app, &sold.key, id).await.unwrap();
    }
}
