use super::*;
use crate::{
    claims::Revocation,
    clock::TrustedTime,
    revocations::Revoked,
    testing::{EXP, IAT, LICENSE, at, components, license_file, revocations, this_machine, verified},
};

fn judge(machine: &Components, now: Now) -> Verdict {
    verdict(&verified(&license_file()), machine, now, &RevocationSet::default())
}

#[test]
fn it_holds_on_each_of_its_machines_until_its_end() {
    let first = components(&[("machine-id", "other")]);
    for machine in [&first, &this_machine()] {
        assert_eq!(judge(machine, at(IAT)), Verdict::Run { until: EXP });
        assert_eq!(judge(machine, at(EXP - 1)), Verdict::Run { until: EXP });
        assert_eq!(judge(machine, at(EXP)), Verdict::Stopped(Stopped::Ended { at: EXP }));
    }
}

#[test]
fn it_says_how_near_another_machine_comes() {
    let near = components(&[("machine-id", "one"), ("mac", "02:00:00:00:00:01"), ("dmi-uuid", "other")]);
    assert_eq!(judge(&near, at(IAT)), Verdict::Stopped(Stopped::OtherMachine { same: 2, known: 3 }));
}

#[test]
fn a_clock_turned_back_does_not_revive_it() {
    let trusted = TrustedTime::kept(EXP * 1_000_000);
    assert_eq!(judge(&this_machine(), trusted.now(0)), Verdict::Stopped(Stopped::Ended { at: EXP }));
}

#[test]
fn a_revoked_one_stops() {
    let mut set = RevocationSet::default();
    let entry = Revocation::License { sub: LICENSE.into(), revs: None };
    set.merge(&verified(&revocations(0, [entry].into()))).unwrap();
    let found = verdict(&verified(&license_file()), &this_machine(), at(IAT), &set);
    assert_eq!(found, Verdict::Stopped(Stopped::Revoked(Revoked::License)));
}
