//! Signing keys: made with the product, rotated with overlap, revoked when they leak; and the numbered key
//! lists that the product's root signs at every change. `ring` holds them opened while the service runs.

mod door;
mod ring;

use serde_json::json;

use crate::{
    base::{ids::LicenseId, limits, secret::Key32, slug::Slug},
    license::{
        key_list,
        keys::{INSTALLATION, KeyInfo, KeyRole, KeyState, PublicKey, Signer},
        seal::{MasterKey, Purpose},
    },
    store::{KeyListRecord, LicenseFilter, SigningKeyRecord, Tx},
};

use super::{Context, Done, Failure, change, code, installation, revocations};

pub use door::{ensure_doors, rotate_door};
pub use ring::{Answering, KeyRing};

/// Makes the keys of a product that has none: root, signing and debug, and the first key list.
///
/// # Errors
/// The database's.
pub fn ensure(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<bool> {
    if !tx.key_list(Some(product))?.is_empty() {
        return Ok(false);
    }
    let root = Signer::generate(ctx.entropy);
    insert(tx, ctx, product, KeyRole::Root, &root)?;
    insert(tx, ctx, product, KeyRole::Signing, &Signer::generate(ctx.entropy))?;
    insert(tx, ctx, product, KeyRole::Debug, &Signer::generate(ctx.entropy))?;
    publish(tx, ctx, product, &root)?;
    door::insert(tx, ctx, product)?;
    Ok(true)
}

/// Makes the installation's own keys where they are missing: says whether it did.
///
/// # Errors
/// The database's.
pub fn ensure_installation(tx: &mut Tx, ctx: Context) -> Done<bool> {
    let name = || Failure::Missing(format!("`{INSTALLATION}` is no slug"));
    let own: Slug = INSTALLATION.parse().map_err(|_| name())?;
    if !tx.key_list(Some(&own))?.is_empty() {
        return Ok(false);
    }
    let root = Signer::generate(ctx.entropy);
    insert(tx, ctx, &own, KeyRole::Root, &root)?;
    insert(tx, ctx, &own, KeyRole::Signing, &Signer::generate(ctx.entropy))?;
    publish(tx, ctx, &own, &root)?;
    installation::raise_revision(tx)?;
    Ok(true)
}

/// Makes a new signing key; the one before verifies from now on and signs no more. `root` is the root's seed when
/// it is kept offline.
///
/// # Errors
/// The database's; [`Failure::Missing`] when the root is neither here nor given, or is another product's.
pub fn rotate(tx: &mut Tx, ctx: Context, product: &Slug, root: Option<&Key32>) -> Done<String> {
    let root = root_signer(tx, ctx, product, root)?;
    for record in tx.key_list(Some(product))? {
        if (record.role, record.state) == (KeyRole::Signing, KeyState::Active) {
            tx.key_update_state(&record.kid, KeyState::VerifyOnly, ctx.now)?;
        }
    }
    let signer = Signer::generate(ctx.entropy);
    insert(tx, ctx, product, KeyRole::Signing, &signer)?;
    publish(tx, ctx, product, &root)?;
    installation::raise_revision(tx)?;
    Ok(signer.kid().to_owned())
}

/// Revokes a signing key: codes it signed no longer verify. An active key must be rotated first, so that the
/// product is never without one.
///
/// # Errors
/// The database's; [`Failure::Missing`] says what stands against it.
pub fn revoke(tx: &mut Tx, ctx: Context, kid: &str, root: Option<&Key32>) -> Done<Slug> {
    let record = tx.key_find(kid)?.ok_or_else(|| Failure::Missing(format!("there is no key {kid}")))?;
    if record.role != KeyRole::Signing || record.state != KeyState::VerifyOnly {
        let (role, state) = (record.role.as_str(), record.state.as_str());
        return Err(Failure::Missing(format!(
            "key {kid} is a {role} key in state {state}: only a signing key that was rotated out can be revoked"
        )));
    }
    let root = root_signer(tx, ctx, &record.product, root)?;
    tx.key_update_state(kid, KeyState::Revoked, ctx.now)?;
    publish(tx, ctx, &record.product, &root)?;
    revocations::revoke_key(tx, ctx, &record.product, kid)?;
    installation::raise_revision(tx)?;
    Ok(record.product)
}

/// Signs anew the codes of one page of a product's licenses whose key was revoked, after the license `after`; answers
/// how many it signed and where to go on.
///
/// # Errors
/// The database's; a missing signing key.
pub fn sign_anew(
    tx: &mut Tx,
    ctx: Context,
    product: &Slug,
    after: Option<LicenseId>,
) -> Done<(usize, Option<LicenseId>)> {
    let filter = LicenseFilter { product: Some(product.clone()), ..LicenseFilter::default() };
    let page = tx.license_page(&filter, after, limits::PAGE_ROWS)?;
    let last = page.last().map(|license| license.id);
    let mut signed = 0;
    for mut license in page {
        let Some(plan) = ctx.installation.catalog.plan(&license.product, &license.plan) else { continue };
        let before = license.clone();
        if code::sign_if_changed(tx, ctx, &mut license, plan)? {
            license.updated_at = ctx.now;
            tx.license_update(&license)?;
            let revoked = revocations::follow(tx, ctx, &before, &license)?;
            let mut detail = json!({ "rev": { "from": before.rev, "to": license.rev }, "why": "its key was revoked" });
            if !revoked.is_empty() {
                detail["revoked_revs"] = json!(revoked);
            }
            change::record(tx, ctx, &license, "code_signed_anew", detail)?;
            signed += 1;
        }
    }
    Ok((signed, last))
}

/// The public half of the product's root: what the merchant's software pins.
///
/// # Errors
/// The database's; [`Failure::Missing`] when the product has no keys.
pub fn root_public(tx: &mut Tx, product: &Slug) -> Done<PublicKey> {
    public(&root_record(tx, product)?)
}

/// The product's root seed, to be written down and kept elsewhere.
///
/// # Errors
/// The database's; [`Failure::Missing`] when it was taken out before.
pub fn root_seed(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<Key32> {
    root_signer(tx, ctx, product, None).map(|root| root.seed())
}

/// Forgets the product's root seed: from now on only who holds it can rotate and revoke.
///
/// # Errors
/// The database's; [`Failure::Missing`] when it is not here.
pub fn forget_root(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<()> {
    let root = root_signer(tx, ctx, product, None)?;
    Ok(tx.key_forget_seed(root.kid(), ctx.now)?)
}

fn root_signer(tx: &mut Tx, ctx: Context, product: &Slug, given: Option<&Key32>) -> Done<Signer> {
    let record = root_record(tx, product)?;
    let Some(seed) = given else {
        if record.sealed_seed.is_none() {
            return Err(Failure::Missing(format!("the root of {product} is kept offline: name its file")));
        }
        return open(&ctx.installation.master, &record);
    };
    let signer = Signer::from_seed(seed);
    if signer.kid() == record.kid {
        Ok(signer)
    } else {
        Err(Failure::Missing(format!("the given root is not that of product {product}")))
    }
}

fn root_record(tx: &mut Tx, product: &Slug) -> Done<SigningKeyRecord> {
    let mut keys = tx.key_list(Some(product))?.into_iter();
    keys.find(|key| key.role == KeyRole::Root)
        .ok_or_else(|| Failure::Missing(format!("product {product} has no keys: apply a catalog with it first")))
}

fn insert(tx: &mut Tx, ctx: Context, product: &Slug, role: KeyRole, signer: &Signer) -> Done<()> {
    let seed = signer.seed();
    let sealed = ctx.installation.master.seal(Purpose::SigningSeed, signer.kid(), seed.expose(), ctx.entropy);
    Ok(tx.key_insert(&SigningKeyRecord {
        kid: signer.kid().to_owned(),
        product: product.clone(),
        role,
        state: KeyState::Active,
        public_key: signer.public().as_bytes().to_vec(),
        sealed_seed: Some(sealed),
        created_at: ctx.now,
        changed_at: ctx.now,
    })?)
}

/// Signs and stores the product's next key list.
fn publish(tx: &mut Tx, ctx: Context, product: &Slug, root: &Signer) -> Done<()> {
    let number = tx.key_list_latest(product)?.map_or(1, |latest| latest.number + 1);
    let known = tx
        .key_list(Some(product))?
        .iter()
        .map(|record| Ok(KeyInfo { role: record.role, state: record.state, public: public(record)? }))
        .collect::<Done<Vec<_>>>()?;
    let issuer = &ctx.installation.issuer;
    let claims = key_list::claims(issuer, product, root.public(), number.unsigned_abs(), ctx.now, &known);
    let signed = key_list::sign(&claims, root).map_err(|error| Failure::Missing(error.to_string()))?;
    let list = KeyListRecord { product: product.clone(), number, jws: signed.text(), created_at: ctx.now };
    Ok(tx.key_list_insert(&list)?)
}

fn open(master: &MasterKey, record: &SigningKeyRecord) -> Done<Signer> {
    let missing = || Failure::Missing(format!("the seed of key {} is not here", record.kid));
    let sealed = record.sealed_seed.as_deref().ok_or_else(missing)?;
    let seed = master.open(Purpose::SigningSeed, &record.kid, sealed)?;
    let seed = <[u8; 32]>::try_from(seed.as_slice()).map_err(|_| missing())?;
    Ok(Signer::from_seed(&Key32::new(seed)))
}

fn public(record: &SigningKeyRecord) -> Done<PublicKey> {
    let wrong = |()| Failure::Missing(format!("the public half of key {} is no point", record.kid));
    let bytes = <&[u8; 32]>::try_from(record.public_key.as_slice()).map_err(|_| wrong(()))?;
    PublicKey::from_bytes(bytes).map_err(|_| wrong(()))
}
