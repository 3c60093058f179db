//! What customers see: the license behind the code or key they typed.

use crate::{
    base::{
        secret::{ExposeSecret, SecretString},
        text::Localized,
        time::Time,
    },
    license::{
        key::LicenseKey,
        keys::PublicKey,
        model::{License, State},
        plan::Support,
        seal::Purpose,
        verify,
    },
    store::Tx,
};

use super::{Context, Done, code, issue};

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
}

/// Without code and key.
impl std::fmt::Debug for Faces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faces(…)")
    }
}

/// What the holder of `license` may see of it.
///
/// # Errors
/// The database's and the seal's.
pub fn show(tx: &mut Tx, ctx: Context, license: License) -> Done<Shown> {
    let catalog = &ctx.installation.catalog;
    let named = |slug: &str| Localized { zh: slug.to_owned(), en: slug.to_owned() };
    let product = catalog.product(&license.product);
    let plan = catalog.plan(&license.product, &license.plan);
    let faces = match license.standing.state() {
        State::Released => None,
        State::Active | State::Frozen => Some(Faces {
            code: code::latest(tx, ctx, license.id)?,
            key: issue::reveal_key(tx, ctx, license.id)?.to_string(),
        }),
    };
    Ok(Shown {
        product: product.map_or_else(|| named(license.product.as_str()), |it| it.name.clone()),
        plan: plan.map_or_else(|| named(license.plan.as_str()), |it| it.name.clone()),
        holds_until: license.expiry.holds_until(ctx.installation.slack(&license.product, &license.plan)),
        code_carries_expiry: plan.is_some_and(|plan| plan.code_carries_expiry),
        faces,
        root_key: ctx.installation.keys.root(&license.product).map(PublicKey::x),
        support: product.map(|it| it.support.clone()).unwrap_or_default(),
        usage_guide: product.and_then(|it| it.usage_guide.clone()),
        license,
    })
}

/// The license behind `text`; `None` for anything that is not the code or key of a license here.
///
/// # Errors
/// The database's.
pub fn find(tx: &mut Tx, ctx: Context, text: &SecretString) -> Done<Option<License>> {
    let text = text.expose_secret().trim();
    if let Ok(key) = LicenseKey::parse(text) {
        let lookup = ctx.installation.master.lookup(Purpose::LicenseKey, key.as_bytes());
        return Ok(tx.license_by_key(&lookup)?);
    }
    match verify::verify_signature(text, &ctx.installation.keys.recognised()) {
        Ok(verified) => Ok(tx.license_find(verified.claims.sub)?),
        Err(_) => Ok(None),
    }
}
