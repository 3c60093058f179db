//! May the software run by this license file?

use crate::{
    claims::{Components, LicenseFileClaims},
    clock::Now,
    machine,
    read::Read,
    revocations::RevocationSet,
    stopped::Stopped,
};

/// What a license file lets the software do. There is no grace: a machine that never asks cannot be told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Run.
    Run {
        /// The file's end, in seconds since 1970: fetch another before.
        until: i64,
    },
    /// Stop.
    Stopped(Stopped),
}

/// Judges a verified license file on the machine `presented`.
pub fn verdict(file: &Read<LicenseFileClaims>, presented: &Components, now: Now, revoked: &RevocationSet) -> Verdict {
    let Read { claims, kid } = file;
    if let Some(found) = revoked.refuses(&claims.sub, claims.rev, kid) {
        return Verdict::Stopped(Stopped::Revoked(found));
    }
    if !claims.bound_to.iter().any(|known| claims.rule.matches(known, presented)) {
        let counts = claims.bound_to.iter().map(|known| (machine::same(known, presented), known.len()));
        let (same, known) = counts.max().unwrap_or_default();
        return Verdict::Stopped(Stopped::OtherMachine { same, known });
    }
    if now.seconds() < claims.exp {
        Verdict::Run { until: claims.exp }
    } else {
        Verdict::Stopped(Stopped::Ended { at: claims.exp })
    }
}

#[cfg(test)]
#[path = "license_file_tests.rs"]
mod tests;
