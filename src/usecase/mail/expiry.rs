//! Tells that licenses end soon, and that they have ended: each end once, so many days before.

use jiff::SignedDuration;
use serde_json::json;

use crate::{
    base::limits,
    store::Tx,
    usecase::{
        Context, Done,
        event::{self, Kind},
    },
};

/// How many days before an end it is told; 0: when it has come.
const DAYS: [i64; 4] = [30, 7, 1, 0];
/// For how long after its moment something is still told: the service may have stood still.
const LATE: SignedDuration = SignedDuration::from_hours(24);

/// Tells a bite of what is to be told; says whether there may be more.
///
/// # Errors
/// The database's.
pub fn announce(tx: &mut Tx, ctx: Context) -> Done<bool> {
    let mut more = false;
    for days in DAYS {
        let to = ctx.now.plus_days(days);
        let from = to.saturating_add(-LATE);
        let ending = tx.licenses_ending(from, to, days, limits::PAGE_ROWS)?;
        more |= ending.len() >= limits::PAGE_ROWS as usize;
        for license in ending {
            let Some(at) = license.expiry.at() else { continue };
            tx.expiry_noticed(license.id, at, days)?;
            // A term that was shorter from its beginning is no news.
            if days > 0 && license.created_at > at.plus_days(-days) {
                continue;
            }
            let kind = if days == 0 { Kind::LicenseExpired } else { Kind::LicenseExpiring };
            let (line, detail) =
                (if days == 0 { "ended" } else { "ends_soon" }, json!({ "days": days, "expires_at": at }));
            event::about(tx, ctx, kind, &license, line, &detail)?;
        }
    }
    Ok(more)
}
