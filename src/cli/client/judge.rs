//! The verdict by what is stored: lease, license file, machine and clock. No network, no files.

use signet_verify::claims::{Components, LeaseClaims, LicenseFileClaims};

use crate::base::time::Time;

use super::{
    report::{Facts, Standing},
    state::State,
    trust::{Stored, Trust, seconds},
};

/// Microseconds by which a clock may be behind a signed text.
const TOLERANCE: i64 = 300 * 1_000_000;

/// What the stored texts alone say.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub standing: Standing,
    /// Whether it is time to ask.
    pub due: bool,
    /// How far the clock was turned back, in seconds.
    pub turned_back: Option<i64>,
    /// What is known.
    pub facts: Option<Facts>,
}

/// Judges. `asked` says that the service was asked just now, so that its time counts and not the clock's.
pub fn judge(trust: &Trust, state: &State, machine: &Components, clock: Time, asked: bool) -> Judged {
    let clock = clock.as_micros();
    let highest = state.client.highest_time;
    let turned_back = (highest.saturating_sub(clock) > TOLERANCE).then(|| highest.saturating_sub(clock) / 1_000_000);
    let now = clock.max(highest) / 1_000_000;
    let Ok(stored) = trust.stored(state) else {
        return Judged { standing: ended("lease_invalid"), due: true, turned_back, facts: None };
    };
    let (mut standing, mut due, mut facts) = by_lease(&stored, machine, now);
    if !may_run(&standing)
        && let Some(file) = &stored.file
    {
        let by_file = by_file(file, stored.file_revoked, machine, now);
        if stored.lease.is_none() || may_run(&by_file) {
            (standing, facts) = (by_file, Some(facts_of_file(file)));
        }
    }
    if turned_back.is_some() && !asked {
        due = true;
        if may_run(&standing) {
            standing = Standing::ClockTurnedBack;
        }
    }
    if let Some(refusal) = stored.refusal {
        (standing, due) = (refused(refusal.reason), true);
    }
    Judged { standing, due, turned_back, facts }
}

/// The verdict of a signed no.
pub fn refused(reason: String) -> Standing {
    if reason == "machine_mismatch" { Standing::OtherMachine } else { Standing::Ended(reason) }
}

fn may_run(standing: &Standing) -> bool {
    matches!(standing, Standing::Runs | Standing::Grace)
}

fn ended(reason: &str) -> Standing {
    Standing::Ended(reason.to_owned())
}

fn by_lease(stored: &Stored, machine: &Components, now: i64) -> (Standing, bool, Option<Facts>) {
    let Some(lease) = &stored.lease else { return (ended("machine_unknown"), false, None) };
    let bound = &lease.machine;
    let standing = if !bound.rule.matches(&bound.components, machine) {
        Standing::OtherMachine
    } else if stored.lease_revoked {
        ended("code_revoked")
    } else if now < lease.exp {
        Standing::Runs
    } else if now < lease.grace_until {
        Standing::Grace
    } else if lease.license_exp.is_some_and(|end| end <= now) {
        ended("license_expired")
    } else {
        ended("lease_over")
    };
    let due = standing != Standing::Runs || now >= lease.renew_after;
    (standing, due, Some(facts_of_lease(lease)))
}

fn by_file(file: &LicenseFileClaims, revoked: bool, machine: &Components, now: i64) -> Standing {
    if !file.bound_to.iter().any(|known| file.rule.matches(known, machine)) {
        Standing::OtherMachine
    } else if revoked {
        ended("code_revoked")
    } else if now < file.exp {
        Standing::Runs
    } else {
        ended("file_over")
    }
}

fn facts_of_lease(lease: &LeaseClaims) -> Facts {
    Facts {
        license: lease.sub.clone(),
        plan: lease.plan.clone(),
        revision: lease.rev,
        features: lease.features.clone(),
        ends_at: seconds(lease.exp),
        grace_until: seconds(lease.grace_until),
        license_ends_at: lease.license_exp.and_then(seconds),
    }
}

fn facts_of_file(file: &LicenseFileClaims) -> Facts {
    Facts {
        license: file.sub.clone(),
        plan: file.plan.clone(),
        revision: file.rev,
        features: file.features.clone(),
        ends_at: seconds(file.exp),
        grace_until: None,
        license_ends_at: file.license_exp.and_then(seconds),
    }
}
