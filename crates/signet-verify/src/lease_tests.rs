use super::*;
use crate::{
    claims::Revocation,
    clock::TrustedTime,
    revocations::Revoked,
    testing::{
        EXP, GRACE_UNTIL, IAT, LICENSE, RENEW_AFTER, at, components, lease, revocations, this_machine, verified,
    },
};

fn by_now(now: Now) -> Verdict {
    verdict(&verified(&lease()), &this_machine(), now, &RevocationSet::default())
}

#[test]
fn time_decides_to_the_second() {
    let grace = Verdict::Grace { until: GRACE_UNTIL };
    let ended = Verdict::Stopped(Stopped::Ended { at: GRACE_UNTIL });
    for (second, expected) in [
        (IAT, Verdict::Run),
        (RENEW_AFTER - 1, Verdict::Run),
        (RENEW_AFTER, Verdict::RunAndRenew),
        (EXP - 1, Verdict::RunAndRenew),
        (EXP, grace),
        (GRACE_UNTIL - 1, grace),
        (GRACE_UNTIL, ended),
        (i64::MAX, ended),
    ] {
        assert_eq!(by_now(at(second)), expected, "{second}");
    }
    assert!(grace.may_run() && !ended.may_run());
}

#[test]
fn without_grace_the_end_is_the_end() {
    let floating = verified(&LeaseClaims { grace_until: EXP, floating: true, ..lease() });
    let judge = |second| verdict(&floating, &this_machine(), at(second), &RevocationSet::default());
    assert_eq!(judge(EXP - 1), Verdict::RunAndRenew);
    assert_eq!(judge(EXP), Verdict::Stopped(Stopped::Ended { at: EXP }));
}

#[test]
fn a_clock_turned_back_gains_nothing_and_asks() {
    let mut trusted = TrustedTime::default();
    trusted.observe(&verified(&lease()));
    assert_eq!(by_now(trusted.now(0)), Verdict::RunAndRenew, "turned back far before the lease was made");
    assert_eq!(by_now(trusted.now((IAT - 60) * 1_000_000)), Verdict::Run, "a clock that drifts");
    // The mark of a later text counts.
    trusted.observe(&verified(&LeaseClaims { time: GRACE_UNTIL * 1_000_000, ..lease() }));
    assert_eq!(by_now(trusted.now(IAT * 1_000_000)), Verdict::Stopped(Stopped::Ended { at: GRACE_UNTIL }));
}

#[test]
fn another_machine_stops_and_a_changed_part_does_not() {
    let judge = |machine: &Components| verdict(&verified(&lease()), machine, at(IAT), &RevocationSet::default());
    let other = judge(&components(&[("machine-id", "one"), ("mac", "other"), ("dmi-uuid", "other")]));
    assert_eq!(other, Verdict::Stopped(Stopped::OtherMachine { same: 1, known: 3 }));
    let repaired = components(&[("machine-id", "one"), ("mac", "other"), ("dmi-uuid", "two")]);
    assert_eq!(judge(&repaired), Verdict::Run);
    assert_eq!(judge(&Components::new()).as_str(), "stopped");
}

#[test]
fn what_was_revoked_stops_before_everything_else() {
    for (entry, expected) in [
        (Revocation::License { sub: LICENSE.into(), revs: None }, Some(Revoked::License)),
        (Revocation::License { sub: LICENSE.into(), revs: Some([2].into()) }, Some(Revoked::Revision)),
        (Revocation::License { sub: LICENSE.into(), revs: Some([1, 3].into()) }, None),
        (Revocation::License { sub: "another".into(), revs: None }, None),
        (Revocation::Key { kid: crate::testing::public(2).kid() }, Some(Revoked::Key)),
        (Revocation::Key { kid: crate::testing::public(3).kid() }, None),
    ] {
        let mut set = RevocationSet::default();
        set.merge(&verified(&revocations(0, [entry.clone()].into()))).unwrap();
        let found = verdict(&verified(&lease()), &this_machine(), at(IAT), &set);
        let expected = expected.map_or(Verdict::Run, |revoked| Verdict::Stopped(Stopped::Revoked(revoked)));
        assert_eq!(found, expected, "{entry:?}");
        // Long after the list was out of date.
        let later = verdict(&verified(&lease()), &this_machine(), at(EXP), &set);
        assert_eq!(later.may_run(), expected.may_run(), "{entry:?}");
    }
}
