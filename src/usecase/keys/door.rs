//! The keys of the products' doors for existing software: one for each, made with the product, pinned by that software.

use std::collections::BTreeSet;

use crate::{
    base::{secret::Key32, slug::Slug},
    license::{
        keys::Signer,
        seal::{MasterKey, Purpose},
    },
    store::{DoorKeyRecord, Tx},
    usecase::{Context, Done, Failure, installation},
};

/// Makes the door keys of products that have none, as after an update: says whether it made any.
///
/// # Errors
/// The database's.
pub fn ensure_doors(tx: &mut Tx, ctx: Context) -> Done<bool> {
    let known: BTreeSet<Slug> = tx.door_key_list()?.into_iter().map(|it| it.product).collect();
    let mut made = false;
    for product in &ctx.installation.catalog.catalog().products {
        if !known.contains(&product.slug) {
            insert(tx, ctx, &product.slug)?;
            made = true;
        }
    }
    if made {
        installation::raise_revision(tx)?;
    }
    Ok(made)
}

pub(super) fn insert(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<()> {
    Ok(tx.door_key_insert(&made(ctx, product))?)
}

/// Gives the product's door another key. Whatever pins the one before refuses the door from now on, and so do the files and
/// signed keys that it signed.
///
/// # Errors
/// The database's; [`Failure::Missing`] when the product has no door.
pub fn rotate_door(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<Vec<u8>> {
    let key = made(ctx, product);
    if !tx.door_key_replace(&key)? {
        return Err(Failure::Missing(format!("product {product} has no door key")));
    }
    installation::raise_revision(tx)?;
    Ok(key.public_key)
}

fn made(ctx: Context, product: &Slug) -> DoorKeyRecord {
    let signer = Signer::generate(ctx.entropy);
    let master = &ctx.installation.master;
    let sealed_seed = master.seal(Purpose::DoorSeed, product.as_str(), signer.seed().expose(), ctx.entropy);
    DoorKeyRecord {
        product: product.clone(),
        public_key: signer.public().as_bytes().to_vec(),
        sealed_seed,
        created_at: ctx.now,
    }
}

pub(super) fn open(master: &MasterKey, record: &DoorKeyRecord) -> Done<Signer> {
    let broken = || Failure::Missing(format!("the door key of {} cannot be read", record.product));
    let seed = master.open(Purpose::DoorSeed, record.product.as_str(), &record.sealed_seed)?;
    let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| broken())?;
    let signer = Signer::from_seed(&Key32::new(seed));
    if signer.public().as_bytes().as_slice() == record.public_key { Ok(signer) } else { Err(broken()) }
}
