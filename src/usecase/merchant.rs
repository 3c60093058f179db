//! What the merchant does to a license by hand: issue, suspend, resume, extend, release.

use crate::{
    base::{ids::LicenseId, secret::ExposeSecret, time::Time},
    catalog::PlanName,
    license::{
        model::{Customer, Expiry, License},
        plan::Term,
        state::{Event, Verdict},
    },
    store::Tx,
};

use super::{
    Context, Done,
    change::{self, Change, Changed},
    credential,
    issue::{self, Issued, NewLicense},
};

/// A license to be issued by hand.
#[derive(Debug, Clone)]
pub struct ByHand {
    /// What of.
    pub plan: PlanName,
    /// When it ends; `None`: the plan's own term from now.
    pub expires_at: Option<Time>,
    /// Quantity.
    pub quantity: Option<u32>,
    /// A trial.
    pub trial: bool,
    /// The device it is bound to.
    pub device: Option<String>,
    /// For whom.
    pub customer: Customer,
}

/// Issues a license; `None` when the catalog has no such plan.
///
/// # Errors
/// The database's; a missing signing key.
pub fn issue(tx: &mut Tx, ctx: Context, wanted: &ByHand) -> Done<Option<Issued>> {
    let catalog = &ctx.installation.catalog;
    let product = catalog.product(&wanted.plan.product);
    let plan = catalog.plan(&wanted.plan.product, &wanted.plan.plan);
    let (Some(product), Some(plan)) = (product, plan) else { return Ok(None) };
    let term_end = |term: Term| term.end(ctx.now).map_or(Expiry::Never, Expiry::Confirmed);
    let new = NewLicense {
        product,
        plan,
        channel: None,
        instance_id: None,
        expiry: wanted.expires_at.map_or_else(|| term_end(plan.term), Expiry::Confirmed),
        quantity: wanted.quantity,
        trial: wanted.trial,
        device: wanted.device.clone(),
        customer: wanted.customer.clone(),
        order_id: None,
    };
    issue::issue(tx, ctx, new).map(Some)
}

/// What the merchant can do to a license that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Hold it.
    Suspend,
    /// Lift the merchant's hold.
    Resume,
    /// End it for good.
    Release,
    /// Set its expiry; `None`: it never ends.
    Extend(Option<Time>),
}

/// Does `act`; `None` when there is no such license.
///
/// # Errors
/// The database's and those of signing a code.
pub fn act(tx: &mut Tx, ctx: Context, id: LicenseId, act: Act) -> Done<Option<Changed>> {
    let Some(license) = tx.license_for_update(id)? else { return Ok(None) };
    let change = match act {
        Act::Suspend => Change::new("suspended", Event::Suspended),
        Act::Resume => Change::new("resumed", Event::Resumed),
        Act::Release => Change::new("released", Event::Released),
        Act::Extend(to) => {
            let to = to.map_or(Expiry::Never, Expiry::Confirmed);
            Change::new("extended", Event::Extended { to })
        }
    };
    change::apply(tx, ctx, license, &change).map(Some)
}

/// Whether an act on `license` came to nothing because the license is released.
pub fn refused(changed: &Changed) -> bool {
    changed.verdict == Verdict::Gone
}

/// The license, its newest code and its key, for whoever may see them.
#[derive(Debug)]
pub struct Revealed {
    /// The license.
    pub license: License,
    /// Its newest code.
    pub code: String,
    /// Its key.
    pub key: String,
    /// Its signed key, where its product has such.
    pub signed_key: Option<String>,
}

/// The two faces of a license; `None` when there is no such license.
///
/// # Errors
/// The database's and the seal's.
pub fn reveal(tx: &mut Tx, ctx: Context, id: LicenseId) -> Done<Option<Revealed>> {
    let Some(license) = tx.license_find(id)? else { return Ok(None) };
    let code = super::code::latest(tx, ctx, id)?;
    let key = issue::reveal_key(tx, ctx, id)?.to_string();
    let signed_key = credential::signed_key(tx, ctx, &license)?.map(|it| it.expose_secret().to_owned());
    Ok(Some(Revealed { license, code, key, signed_key }))
}
