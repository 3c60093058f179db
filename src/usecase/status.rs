//! Expire, freeze, unfreeze and release: calls that set a target state and carry no identity of their own.

use crate::{
    base::time::Time,
    license::{model::License, state::Event},
    marketplace::event::{Release, StatusChange, StatusTarget},
    store::Tx,
};

use super::{
    Context, Done,
    change::{self, Change},
    outcome::Outcome,
};

/// Suspends or resumes. Repeats, and calls overtaken by a newer one, succeed without effect.
///
/// # Errors
/// The database's.
pub fn set(tx: &mut Tx, ctx: Context, wanted: &StatusChange, signed_at: Time, license: License) -> Done<Outcome> {
    let (name, event) = match wanted.target {
        StatusTarget::Expired => ("expired", Event::Expired { signed_at }),
        StatusTarget::Frozen => ("frozen", Event::Frozen { signed_at }),
        StatusTarget::Unfrozen => ("unfrozen", Event::Unfrozen { signed_at }),
    };
    change::apply(tx, ctx, license, &Change::new(name, event))?;
    Ok(Outcome::Done)
}

/// Ends the license for good.
///
/// # Errors
/// The database's.
pub fn release(tx: &mut Tx, ctx: Context, release: &Release, license: License) -> Done<Outcome> {
    let change = Change {
        order_id: release.order.as_ref().map(|order| order.order_id.as_str()),
        ..Change::new("released", Event::Released)
    };
    change::apply(tx, ctx, license, &change)?;
    Ok(Outcome::Done)
}
