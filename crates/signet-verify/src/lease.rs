//! May the software run by this lease?

use crate::{
    claims::{Components, LeaseClaims},
    clock::Now,
    machine,
    read::Read,
    revocations::RevocationSet,
    stopped::Stopped,
};

/// What a lease lets the software do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Run; nothing to ask.
    Run,
    /// Run, and ask for the next lease.
    RunAndRenew,
    /// The lease is over. Run on, ask for the next one, and warn.
    Grace {
        /// Until when, in seconds since 1970.
        until: i64,
    },
    /// Stop.
    Stopped(Stopped),
}

impl Verdict {
    /// Whether the software may run.
    pub fn may_run(self) -> bool {
        !matches!(self, Self::Stopped(_))
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::RunAndRenew => "run_and_renew",
            Self::Grace { .. } => "grace",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// Judges a verified lease on the machine `presented`. A clock that was turned back asks the service at once.
pub fn verdict(lease: &Read<LeaseClaims>, presented: &Components, now: Now, revoked: &RevocationSet) -> Verdict {
    let Read { claims, kid } = lease;
    if let Some(found) = revoked.refuses(&claims.sub, claims.rev, kid) {
        return Verdict::Stopped(Stopped::Revoked(found));
    }
    let known = &claims.machine.components;
    if !claims.machine.rule.matches(known, presented) {
        let same = machine::same(known, presented);
        return Verdict::Stopped(Stopped::OtherMachine { same, known: known.len() });
    }
    match now.seconds() {
        second if second >= claims.grace_until => Verdict::Stopped(Stopped::Ended { at: claims.grace_until }),
        second if second >= claims.exp => Verdict::Grace { until: claims.grace_until },
        second if second >= claims.renew_after || now.turned_back_by.is_some() => Verdict::RunAndRenew,
        _ => Verdict::Run,
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
