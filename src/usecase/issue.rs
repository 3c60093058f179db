//! Issues a license: the row, its key, the first revision of its code, the first line of its history.

use serde_json::json;

use crate::{
    base::{ids::LicenseId, slug::Slug},
    license::{
        key::LicenseKey,
        model::{Customer, Expiry, License, Standing},
        plan::{Plan, Product},
        seal::Purpose,
    },
    store::{SealedKey, Tx},
};

use super::{Context, Done, change, code};

/// What a license shall be.
#[derive(Debug, Clone)]
pub struct NewLicense<'a> {
    /// The product.
    pub product: &'a Product,
    /// One of its plans.
    pub plan: &'a Plan,
    /// The channel it is sold through.
    pub channel: Option<&'a Slug>,
    /// The id the marketplace will use.
    pub instance_id: Option<String>,
    /// When it ends.
    pub expiry: Expiry,
    /// Purchased quantity.
    pub quantity: Option<u32>,
    /// A trial.
    pub trial: bool,
    /// The device it is bound to.
    pub device: Option<String>,
    /// Who bought it.
    pub customer: Customer,
    /// The order behind it.
    pub order_id: Option<&'a str>,
}

/// An issued license with its two faces.
#[derive(Debug)]
pub struct Issued {
    /// The license.
    pub license: License,
    /// Its key, shown in clear only here and where a reader may see it again.
    pub key: LicenseKey,
    /// The first revision of its code.
    pub code: String,
}

/// Issues a license.
///
/// # Errors
/// The database's; a missing signing key.
pub fn issue(tx: &mut Tx, ctx: Context, new: NewLicense) -> Done<Issued> {
    let grant = new.plan.grant(new.quantity);
    let license = License {
        id: LicenseId::new(ctx.now, ctx.entropy),
        product: new.product.slug.clone(),
        plan: new.plan.slug.clone(),
        channel: new.channel.cloned(),
        instance_id: new.instance_id,
        standing: Standing::default(),
        expiry: new.expiry,
        machines: grant.machines,
        features: grant.features,
        quantity: new.quantity,
        trial: new.trial,
        device: new.device,
        customer: new.customer,
        rev: 1,
        created_at: ctx.now,
        updated_at: ctx.now,
    };
    let key = LicenseKey::generate(ctx.entropy);
    tx.license_insert(&license, &sealed(ctx, license.id, &key))?;
    let code = code::sign(tx, ctx, &license, new.plan)?;
    let detail = json!({
        "plan": license.plan, "expires_at": license.expiry.at(), "machines": license.machines,
        "quantity": license.quantity, "trial": license.trial, "order_id": new.order_id,
    });
    change::record(tx, ctx, &license, "issued", detail)?;
    Ok(Issued { license, key, code })
}

/// The license's key in clear.
///
/// # Errors
/// The database's and the seal's.
pub fn reveal_key(tx: &mut Tx, ctx: Context, id: LicenseId) -> Done<LicenseKey> {
    let missing = || super::Failure::Missing(format!("the key of license {id} cannot be read"));
    let sealed = tx.license_sealed_key(id)?.ok_or_else(missing)?;
    let clear = ctx.installation.master.open(Purpose::LicenseKey, &associated(id), &sealed)?;
    let text = std::str::from_utf8(&clear).map_err(|_| missing())?;
    LicenseKey::parse(text).map_err(|_| missing())
}

fn sealed(ctx: Context, id: LicenseId, key: &LicenseKey) -> SealedKey {
    let master = &ctx.installation.master;
    let canonical = *key.as_bytes();
    SealedKey {
        lookup: master.lookup(Purpose::LicenseKey, &canonical),
        sealed: master.seal(Purpose::LicenseKey, &associated(id), &canonical, ctx.entropy),
    }
}

fn associated(id: LicenseId) -> String {
    format!("license-key/{id}")
}
