//! License files: for whom, for how long, and who gets none.

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_file_is_bound_to_the_machines_that_have_a_seat(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::NoMachine, "activate first");
    let (one, two) = (held.activate("one").await, held.activate("two").await);
    let file = held.file(Machines::All).await.unwrap();
    assert_eq!(file.ends_at, held.app.now().plus_days(30));
    let opened = held.opened(&file.bundle).await;
    let claims = &opened["license_file"];
    assert_eq!(claims["bound_to"], json!([components("one"), components("two")]));
    assert_eq!(
        (&claims["match"], &claims["machines"], &claims["features"]),
        (&json!("most"), &json!(3), &json!({ "pages": 100 }))
    );
    assert_eq!(claims["exp"], file.ends_at.as_seconds());
    assert_eq!(claims["time"], held.app.now().as_micros());
    assert!(opened.get("lease").is_none() && opened.get("revocations").is_some());
    // Chosen ones, each once.
    let chosen = held.file(Machines::Of(vec![two.id, two.id])).await.unwrap();
    let opened = held.opened(&chosen.bundle).await;
    assert_eq!(opened["license_file"]["bound_to"], json!([components("two")]));
    // One without a seat, one of somebody else, none.
    let id = held.license.id;
    held.app.write(move |tx, ctx| activation::free(tx, ctx, id, one.id)).await.unwrap();
    assert_eq!(held.file(Machines::Of(vec![two.id, one.id])).await.unwrap_err(), Declined::NoSeat(one.id));
    let nobody = ActivationId::new(held.app.now(), held.app.app.entropy());
    assert_eq!(held.file(Machines::Of(vec![nobody])).await.unwrap_err(), Declined::NoSeat(nobody));
    assert_eq!(held.file(Machines::Of(Vec::new())).await.unwrap_err(), Declined::NoMachine);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_file_never_outlives_the_license(#[case] backend: Backend) {
    // The plan's slack for a date of the merchant is three days.
    let held = held(backend, "large", "2026-03-12T08:00:00Z").await;
    held.activate("one").await;
    let end: Time = time("2026-03-15T08:00:00Z");
    let file = held.file(Machines::All).await.unwrap();
    assert_eq!(file.ends_at, end);
    assert_eq!(held.opened(&file.bundle).await["license_file"]["exp"], end.as_seconds());
    held.app.set_clock("2026-03-15T07:59:59Z");
    assert_eq!(held.file(Machines::All).await.unwrap().ends_at, end);
    held.app.set_clock("2026-03-15T08:00:00Z");
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::Standing(Reason::LicenseExpired));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_license_that_does_not_hold_gives_no_file_and_no_lease(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    held.activate("one").await;
    for (act, reason) in [(Act::Suspend, Reason::LicenseFrozen), (Act::Release, Reason::LicenseReleased)] {
        held.act(act).await;
        assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::Standing(reason));
        assert_eq!(held.exchange("one").await.unwrap_err(), reason);
        let key = held.key.clone();
        let refused = held.app.read(move |tx, ctx| license_file::for_holder(tx, ctx, &key, &Machines::All)).await;
        let Refused::Verdict(verdict) = refused.unwrap_err() else { panic!("a question too large") };
        let signed = held.app.read_signed(Kind::Validation, "press", &verdict.signed).await;
        assert_eq!((&signed["valid"], &signed["reason"]), (&json!(false), &json!(reason.as_str())));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_holder_of_a_license_gets_its_file_and_strangers_a_signed_no(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    let ask = |key: SecretString| held.app.read(move |tx, ctx| license_file::for_holder(tx, ctx, &key, &Machines::All));
    let Refused::Verdict(verdict) = ask(held.key.clone()).await.unwrap_err() else { panic!("a question too large") };
    assert_eq!(verdict.reason, Reason::MachineUnknown);
    assert!(
        verdict.detail.starts_with("No machine has a seat") && verdict.detail.ends_with("the file."),
        "{verdict:?}"
    );
    held.activate("one").await;
    let file = ask(held.key.clone()).await.unwrap();
    held.opened(&file.bundle).await;
    let Refused::Verdict(verdict) = ask("nobody's".to_owned().into()).await.unwrap_err() else { panic!() };
    assert_eq!(verdict.reason, Reason::LicenseMalformed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_license_gives_files_only_to_the_machines_that_keep_their_seat(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    let (one, two) = (held.activate("one").await, held.activate("two").await);
    let id = held.license.id;
    held.app
        .write(move |tx, ctx| {
            let license = tx.license_for_update(id)?.unwrap();
            let small = ctx.installation.catalog.plan(&slug("press"), &slug("small")).unwrap();
            upgrade::apply(tx, ctx, license, Some(small), None, "CS-down")
        })
        .await;
    let file = held.file(Machines::All).await.unwrap();
    assert_eq!(file.machines.iter().map(|it| it.id).collect::<Vec<_>>(), [one.id]);
    assert_eq!(held.file(Machines::Of(vec![two.id])).await.unwrap_err(), Declined::NoSeat(two.id));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_names_a_bounded_number_of_machines(#[case] backend: Backend) {
    let held = held(backend, "fleet", "2027-03-02T08:00:00Z").await;
    let mut ids = Vec::new();
    for number in 0..=limits::FILE_MACHINES {
        ids.push(held.activate(&format!("machine {number}")).await.id);
    }
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::TooMany);
    assert_eq!(held.file(Machines::Of(ids.clone())).await.unwrap_err(), Declined::TooMany);
    ids.pop();
    let file = held.file(Machines::Of(ids)).await.unwrap();
    assert_eq!(file.machines.len(), limits::FILE_MACHINES as usize);
    held.opened(&file.bundle).await;
}

/// A floating seat is somebody else's when its lease is over: a file that went on would be a seat too many.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_for_a_floating_seat_ends_with_its_lease(#[case] backend: Backend) {
    let held = held(backend, "floating", "2027-03-02T08:00:00Z").await;
    let seat = held.activate("one").await;
    assert_eq!(held.file(Machines::All).await.unwrap().ends_at, seat.lease_ends_at);
    held.app.pass(SignedDuration::from_mins(30));
    assert_eq!(held.file(Machines::All).await.unwrap_err(), Declined::NoMachine);
    // Without network the seat is held for as long as the lease.
    let exchanged = held.exchange("two").await.unwrap();
    assert_eq!(exchanged.granted.activation.lease_ends_at, held.app.now().plus_days(60));
    held.app.pass(DAY * 59);
    assert_eq!(held.seats().await, 1);
}

/// What is too long to travel is fetched apart.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_revocation_list_does_not_travel_with_a_file(#[case] backend: Backend) {
    let held = held(backend, "small", "2027-03-02T08:00:00Z").await;
    held.activate("one").await;
    held.app
        .write(|tx, ctx| {
            for number in 0..700 {
                signet::usecase::revocations::revoke_key(tx, ctx, &slug("press"), &format!("{number:043}"))?;
            }
            Ok(())
        })
        .await;
    let file = held.file(Machines::All).await.unwrap();
    let opened = held.opened(&file.bundle).await;
    assert!(opened.get("revocations").is_none() && opened.get("license_file").is_some());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_verifier_refuses_what_a_list_names(#[case] backend: Backend) {
    let held = held(backend, "large", "2027-03-02T08:00:00Z").await;
    held.activate("one").await;
    let opened = held.verified(&held.file(Machines::All).await.unwrap().bundle).await;
    let file = opened.license_file.unwrap();
    let mut seen = RevocationSet::default();
    seen.merge(&opened.revocations.unwrap()).unwrap();
    let now = TrustedTime::default().now(held.app.now().as_micros());
    let judged = |machine: &str, seen: &RevocationSet| verdict(&file, &components(machine), now, seen);
    assert!(matches!(judged("one", &seen), Verdict::Run { .. }));
    assert!(matches!(judged("two", &seen), Verdict::Stopped(Stopped::OtherMachine { .. })));

    held.act(Act::Release).await;
    let answer = held.app.get("/.well-known/license-revocations.jws?product=press&since=0").await;
    let text = String::from_utf8(answer.body).unwrap();
    seen.merge(&read::read::<RevocationsClaims>(&text, &opened.keys, "press").unwrap()).unwrap();
    assert_eq!(judged("one", &seen), Verdict::Stopped(Stopped::Revoked(Revoked::License)));
}
