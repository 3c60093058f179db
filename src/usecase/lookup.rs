//! What customers see: the license behind the code or key they typed.

use crate::{
    base::{
        ids::ActivationId,
        limits,
        secret::{ExposeSecret, SecretString},
        text::Localized,
        time::Time,
    },
    license::{
        keys::PublicKey,
        meter::Reading,
        model::{License, State},
        plan::Support,
    },
    store::{ActivationRecord, Tx},
};

use super::{
    Context, Done, activation, code,
    credential::{self, Credential, Held},
    issue, usage,
};

/// A license as its holder may see it.
#[derive(Debug)]
pub struct Shown {
    /// The license, as it is now and never as an old code claims.
    pub license: License,
    /// The product's name.
    pub product: Localized,
    /// The plan's name.
    pub plan: Localized,
    /// When it ends at the latest, the plan's slack included; `None`: never.
    pub holds_until: Option<Time>,
    /// Whether its codes carry the end, so that a renewal makes a new one.
    pub code_carries_expiry: bool,
    /// What opens the software; `None` when it is released: then neither opens anything.
    pub faces: Option<Faces>,
    /// How many seats are taken.
    pub seats: u32,
    /// A page of the machines that have a seat, oldest first.
    pub machines: Vec<ActivationRecord>,
    /// What was used of the plan's meters.
    pub meters: Vec<Reading>,
    /// Whether a seat goes back by itself when a lease ends.
    pub floating: bool,
    /// The product's root key, which software pins: 43 characters.
    pub root_key: Option<String>,
    /// Whom to ask.
    pub support: Support,
    /// Where to read on.
    pub usage_guide: Option<String>,
}

/// The two faces of a license.
pub struct Faces {
    /// Its newest code.
    pub code: String,
    /// Its key.
    pub key: String,
    /// Its signed key, where its product has such.
    pub signed_key: Option<String>,
}

/// Without code and key.
impl std::fmt::Debug for Faces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faces(…)")
    }
}

/// What the holder of `license` may see of it, with the machines that come after `after`.
///
/// # Errors
/// The database's and the seal's.
pub fn show(tx: &mut Tx, ctx: Context, license: License, after: Option<ActivationId>) -> Done<Shown> {
    let catalog = &ctx.installation.catalog;
    let named = |slug: &str| Localized { zh: slug.to_owned(), en: slug.to_owned() };
    let product = catalog.product(&license.product);
    let plan = catalog.plan(&license.product, &license.plan);
    let faces = match license.standing.state() {
        State::Released => None,
        State::Active | State::Frozen => Some(Faces {
            code: code::latest(tx, ctx, license.id)?,
            key: issue::reveal_key(tx, ctx, license.id)?.to_string(),
            signed_key: credential::signed_key(tx, ctx, &license)?.map(|it| it.expose_secret().to_owned()),
        }),
    };
    Ok(Shown {
        product: product.map_or_else(|| named(license.product.as_str()), |it| it.name.clone()),
        plan: plan.map_or_else(|| named(license.plan.as_str()), |it| it.name.clone()),
        holds_until: license.expiry.holds_until(ctx.installation.slack(&license.product, &license.plan)),
        code_carries_expiry: plan.is_some_and(|plan| plan.code_carries_expiry),
        faces,
        seats: activation::seats(tx, ctx, license.id)?,
        machines: activation::list(tx, ctx, license.id, true, after, limits::PAGE_ROWS)?,
        meters: usage::readings(tx, ctx, &license)?,
        floating: plan.is_some_and(|plan| plan.lease.floating),
        root_key: ctx.installation.keys.root(&license.product).map(PublicKey::x),
        support: product.map(|it| it.support.clone()).unwrap_or_default(),
        usage_guide: product.and_then(|it| it.usage_guide.clone()),
        license,
    })
}

/// The license behind `text`; `None` for anything that is not the key or an issued code of a license here.
///
/// # Errors
/// The database's.
pub fn find(tx: &mut Tx, ctx: Context, text: &SecretString) -> Done<Option<License>> {
    let Credential::Found(held) = credential::resolve(tx, ctx, text)? else { return Ok(None) };
    let Held { license, code } = *held;
    let Some(code) = code else { return Ok(Some(license)) };
    // Behind the door lies the license key, so a good signature is not enough: whoever stole a signing key could make
    // one. What counts is that the code was issued, also when its key was revoked since.
    let issued = tx.code_find(license.id, code.claims.rev)?;
    let signed = text.expose_secret().trim().rsplit_once('.').map(|(signed, _)| signed);
    let was_issued = issued.is_some_and(|issued| signed == Some(issued.payload.as_str()));
    Ok(was_issued.then_some(license))
}
