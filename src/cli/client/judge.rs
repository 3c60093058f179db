//! The verdict by what is stored: lease, license file, machine and clock. No network, no files.

use signet_verify::{
    claims::{Components, LeaseClaims, LicenseFileClaims},
    clock::{Now, TrustedTime},
    lease, license_file,
    read::Read,
    revocations::RevocationSet,
    stopped::Stopped,
};

use crate::base::time::Time;

use super::{
    report::{Facts, Standing},
    state::State,
    trust::{Trust, seconds},
};

/// What the stored texts alone say.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub standing: Standing,
    /// Whether it is time to ask.
    pub due: bool,
    /// How far the clock was turned back, in seconds.
    pub turned_back: Option<u64>,
    /// What is known.
    pub facts: Option<Facts>,
}

/// Judges. `asked` says that the service was asked just now, so that its time counts and not the clock's.
pub fn judge(trust: &Trust, state: &State, machine: &Components, clock: Time, asked: bool) -> Judged {
    let now = TrustedTime::kept(state.client.highest_time).now(clock.as_micros());
    let turned_back = now.turned_back_by.map(|micros| micros / 1_000_000);
    let Ok(stored) = trust.stored(state) else {
        return Judged { standing: ended("lease_invalid"), due: true, turned_back, facts: None };
    };
    let revoked = &state.client.revoked;
    let lease = stored.opened.lease.as_ref().map(|lease| by_lease(lease, machine, now, revoked));
    let file = stored.opened.license_file.as_ref().map(|file| by_file(file, machine, now, revoked));
    // The file counts where the lease does not do: what it says of itself is of no use to a machine that may run.
    let (mut standing, mut due, facts) = match (lease, file) {
        (Some(lease), Some(file)) if !may_run(&lease.0) && may_run(&file.0) => file,
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => return Judged { standing: Standing::NotActivated, due: false, turned_back, facts: None },
    };
    if turned_back.is_some() && !asked {
        due = true;
        if may_run(&standing) {
            standing = Standing::ClockTurnedBack;
        }
    }
    if let Some(refusal) = stored.refusal {
        (standing, due) = (refused(refusal.claims.reason), true);
    }
    Judged { standing, due, turned_back, facts: Some(facts) }
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

fn by_lease(
    lease: &Read<LeaseClaims>,
    machine: &Components,
    now: Now,
    revoked: &RevocationSet,
) -> (Standing, bool, Facts) {
    let verdict = lease::verdict(lease, machine, now, revoked);
    let standing = match verdict {
        lease::Verdict::Run | lease::Verdict::RunAndRenew => Standing::Runs,
        lease::Verdict::Grace { .. } => Standing::Grace,
        lease::Verdict::Stopped(why) => {
            let over = lease.claims.license_exp.is_some_and(|end| end <= now.seconds());
            stopped(why, if over { "license_expired" } else { "lease_over" })
        }
    };
    (standing, verdict != lease::Verdict::Run, facts_of_lease(&lease.claims))
}

fn by_file(
    file: &Read<LicenseFileClaims>,
    machine: &Components,
    now: Now,
    revoked: &RevocationSet,
) -> (Standing, bool, Facts) {
    let standing = match license_file::verdict(file, machine, now, revoked) {
        license_file::Verdict::Run { .. } => Standing::Runs,
        license_file::Verdict::Stopped(why) => stopped(why, "file_over"),
    };
    (standing, false, facts_of_file(&file.claims))
}

fn stopped(why: Stopped, over: &str) -> Standing {
    match why {
        Stopped::OtherMachine { .. } => Standing::OtherMachine,
        Stopped::Revoked(_) => ended("code_revoked"),
        Stopped::Ended { .. } => ended(over),
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
