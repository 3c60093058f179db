//! How the marketplace says that a code stands, against how its license stands here.
//!
//! Both should agree: every change comes as a call as well. Where they do not, the marketplace's word is taken for the end of
//! the term and for what ended for good, because a lost call is the likely reason; and the merchant is told. It lifts no hold and revives
//! nothing: there is no word for frozen, and what was released may have been released by the merchant.

use serde_json::{Value, json};

use crate::{
    license::{
        model::{Expiry, License, State},
        state::Event,
    },
    marketplace::koogallery::open::license::{CodeStanding, CodeStatus},
    store::Tx,
    usecase::{
        Context, Done,
        alert::{self, About, AlertKind},
        change::{self, Change},
    },
};

/// Follows what the marketplace says of the code behind the instance `id`.
///
/// # Errors
/// The database's and those of signing a code.
pub fn follow(tx: &mut Tx, ctx: Context, id: &str, told: &CodeStanding) -> Done<()> {
    let Some(row) = tx.redemption_for_update(id)? else { return Ok(()) };
    let Some(license) = tx.license_by_instance(&row.channel, id)? else { return Ok(()) };
    ctx.journal.about(license.id);
    let released = license.standing.state() == State::Released;
    match told.status {
        CodeStatus::Released if !released => {
            differs(tx, ctx, &license, json!({ "here": "not released", "marketplace": "released" }))?;
            change::apply(tx, ctx, license, &Change::new("released", Event::Released)).map(drop)
        }
        CodeStatus::Released => Ok(()),
        CodeStatus::Alive if released => {
            differs(tx, ctx, &license, json!({ "here": "released", "marketplace": "alive", "done": "nothing" }))
        }
        CodeStatus::Alive | CodeStatus::Expired if released => Ok(()),
        CodeStatus::Alive => match told.expires_at {
            Some(end) => ends(tx, ctx, license, Expiry::Confirmed(end)),
            None => Ok(()),
        },
        // Over is over, also where no day is named, or one that lies ahead.
        CodeStatus::Expired => {
            let end = told.expires_at.map_or(ctx.now, |end| end.min(ctx.now));
            let over = told.expires_at.is_none() && license.expiry.at().is_some_and(|at| at <= ctx.now);
            if over { Ok(()) } else { ends(tx, ctx, license, Expiry::Confirmed(end)) }
        }
    }
}

fn ends(tx: &mut Tx, ctx: Context, license: License, to: Expiry) -> Done<()> {
    if license.expiry == to {
        return Ok(());
    }
    // An estimate, or a guess, was waiting for this word.
    if matches!(license.expiry, Expiry::Confirmed(_) | Expiry::Never) && license.expiry.at() != to.at() {
        differs(tx, ctx, &license, json!({ "here": license.expiry.at(), "marketplace": to.at() }))?;
    }
    change::apply(tx, ctx, license, &Change::new("confirmed", Event::Extended { to })).map(drop)
}

fn differs(tx: &mut Tx, ctx: Context, license: &License, detail: Value) -> Done<()> {
    let about = About {
        channel: license.channel.as_ref(),
        license_id: Some(license.id),
        order_id: license.instance_id.as_deref(),
        detail,
    };
    alert::tell(tx, ctx, AlertKind::CodeDiffers, &about)
}
