//! Applies a catalog: one versioned document, and keys for the products that are new in it.

use crate::{
    catalog::{Catalog, Diff, diff},
    store::Tx,
};

use super::{Context, Done, Failure, installation, keys};

/// Makes `wanted` the catalog. Applying the same again changes nothing.
///
/// # Errors
/// The database's.
pub fn apply(tx: &mut Tx, ctx: Context, wanted: &Catalog) -> Done<Diff> {
    let unreadable = |error: serde_json::Error| Failure::Missing(error.to_string());
    let latest = tx.catalog_latest()?;
    let current: Option<Catalog> = match &latest {
        Some(record) => Some(serde_json::from_str(&record.body).map_err(unreadable)?),
        None => None,
    };
    let difference = diff(current.as_ref(), wanted);
    let mut keys_made = false;
    for product in &wanted.products {
        keys_made |= keys::ensure(tx, ctx, &product.slug)?;
    }
    if !difference.is_empty() {
        let body = serde_json::to_string(wanted).map_err(unreadable)?;
        tx.catalog_insert(latest.map_or(1, |record| record.revision + 1), &body, ctx.now)?;
    }
    if keys_made || !difference.is_empty() {
        installation::raise_revision(tx)?;
    }
    Ok(difference)
}
