//! How long a file may hold that is checked out: never longer than the license, the plan and the seat allow.

use jiff::SignedDuration;
use signet_verify::claims::Components;

use crate::{
    base::time::Time,
    license::{
        activation::{Claim, Reason, Stay, objection},
        model::License,
    },
    store::{KeygenMachineRecord, Tx},
    usecase::{Context, Done, verdict},
};

use super::{
    door::SeenLicense,
    machine::{Refusal, SeenMachine, described, renewed},
    scope::Heart,
};

/// Seconds of the shortest file that can be asked for.
pub const SHORTEST: i64 = 3_600;
/// Seconds of a file when nothing was asked for: a month.
pub const USUAL: i64 = 2_629_746;

/// How long the file shall hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ttl {
    /// [`USUAL`], or as long as is allowed where that is shorter.
    #[default]
    Usual,
    /// So many seconds.
    Seconds(i64),
    /// For ever.
    Perpetual,
}

/// From when to when a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When it was made.
    pub issued: Time,
    /// When it ends.
    pub expiry: Time,
    /// Seconds in between.
    pub ttl: i64,
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declined {
    /// Shorter than [`SHORTEST`], or longer than so many seconds.
    Ttl {
        /// The most that is allowed now.
        most: i64,
    },
    /// The license or the machine does not hold.
    Refused(Refusal),
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The term of a file of the license alone.
///
/// # Errors
/// The database's.
pub fn license(ctx: Context, seen: &SeenLicense, ttl: Ttl) -> Result<Term, Declined> {
    standing(ctx, &seen.license)?;
    let lease = seen.lease;
    let mut end = ctx.now.plus_days(lease.file_days.into());
    // Nobody's seat is behind it, so on a floating plan it holds no longer than a seat does.
    if lease.floating {
        end = end.min(ctx.now.saturating_add(lease.length()));
    }
    let end = bounded(end, seen);
    let seconds = chosen(ttl, seconds(end, ctx.now))?;
    Ok(term(ctx.now, seconds))
}

/// The term of a file of a machine. Where the plan lends seats, the seat is lent for as long.
///
/// # Errors
/// The database's; missing keys.
pub fn machine(tx: &mut Tx, ctx: Context, seen: SeenMachine, ttl: Ttl) -> Done<Result<(Term, SeenMachine), Declined>> {
    if let Err(declined) = standing(ctx, &seen.license.license) {
        return Ok(Err(declined));
    }
    if seen.heart == Heart::Dead {
        return Ok(Err(Refusal::Rule(Reason::LeaseEnded, None).into()));
    }
    let lease = seen.license.lease;
    let mut end = ctx.now.plus_days(lease.offline_days.into());
    let lends = lease.floating && lease.borrow_days > 0;
    if lends {
        end = end.min(ctx.now.plus_days(lease.borrow_days.into()));
    } else if lease.floating {
        end = end.min(seen.activation.lease_ends_at);
    }
    let end = bounded(end, &seen.license);
    let wanted = match chosen(ttl, seconds(end, ctx.now)) {
        Ok(wanted) => wanted,
        Err(declined) => return Ok(Err(declined)),
    };
    // Also a plan without loans is asked: whether the machine still has its place is decided there.
    let stay = if lends { Stay::Borrow(days(wanted)) } else { Stay::Usual };
    let activation = match renewed(tx, ctx, &seen, stay)? {
        Ok(activation) => activation,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let held = if activation.floating { seconds(activation.lease_ends_at, ctx.now) } else { wanted };
    let details = described(tx, ctx, &seen)?;
    let details = KeygenMachineRecord { last_check_out_at: Some(ctx.now), ..details };
    tx.keygen_machine_save(&details)?;
    let seen = SeenMachine { activation, details: Some(details), ..seen };
    Ok(Ok((term(ctx.now, wanted.min(held)), seen)))
}

fn standing(ctx: Context, license: &License) -> Result<(), Declined> {
    let rules = verdict::rules(ctx, license);
    let components = Components::new();
    let claim = Claim { product: None, version: None, feature: None, components: &components, code_revoked: false };
    match objection(license, &rules, &claim, ctx.now) {
        None => Ok(()),
        Some(reason) => Err(Refusal::Rule(reason, None).into()),
    }
}

fn bounded(end: Time, seen: &SeenLicense) -> Time {
    seen.license.expiry.holds_until(seen.slack).map_or(end, |holds| holds.min(end))
}

/// Whole seconds until `end`.
fn seconds(end: Time, now: Time) -> i64 {
    end.since(now).as_secs().max(0)
}

/// Days that cover so many seconds.
fn days(seconds: i64) -> u16 {
    u16::try_from(seconds.saturating_add(86_399) / 86_400).unwrap_or(u16::MAX)
}

fn chosen(ttl: Ttl, most: i64) -> Result<i64, Declined> {
    match ttl {
        Ttl::Usual => Ok(USUAL.min(most)),
        Ttl::Seconds(wanted) if (SHORTEST..=most).contains(&wanted) => Ok(wanted),
        Ttl::Seconds(_) | Ttl::Perpetual => Err(Declined::Ttl { most }),
    }
}

fn term(issued: Time, ttl: i64) -> Term {
    Term { issued, expiry: issued.saturating_add(SignedDuration::from_secs(ttl)), ttl }
}
