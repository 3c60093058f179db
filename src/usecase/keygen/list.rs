//! Pages of machines.

use crate::{
    store::{ActivationFilter, Tx},
    usecase::{Context, Done, verdict},
};

use super::{
    door::SeenLicense,
    machine::{self, SeenMachine},
    validate::find,
};

/// Which rows of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Rows that come before.
    pub skip: u32,
    /// Rows at most.
    pub size: u32,
}

/// A page of the machines of a license that have a seat, oldest first, and how many there are in all.
///
/// # Errors
/// The database's.
pub fn machines(tx: &mut Tx, ctx: Context, seen: &SeenLicense, page: Page) -> Done<(Vec<SeenMachine>, u32)> {
    let id = seen.license.id;
    let rows = tx.activation_slice(id, ActivationFilter::WithSeat(ctx.now), page.skip, page.size)?;
    let count = tx.activation_seats(id, None, ctx.now)?;
    Ok((machine::seen_machines(tx, ctx, seen, rows)?, count))
}

/// The machine of a license with this fingerprint.
///
/// # Errors
/// The database's.
pub fn with_fingerprint(tx: &mut Tx, ctx: Context, seen: &SeenLicense, fingerprint: &str) -> Done<Option<SeenMachine>> {
    let rules = verdict::rules(ctx, &seen.license);
    let found = find(tx, ctx, seen.license.id, rules, fingerprint)?.filter(|it| it.has_seat(ctx.now));
    Ok(machine::seen_machines(tx, ctx, seen, found.into_iter().collect())?.pop())
}
