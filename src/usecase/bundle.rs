//! What travels to a machine without network: one JSON object with everything it needs to verify and to run.

use signet_verify::bundle::Bundle;

use crate::{base::limits, license::model::License, store::Tx};

use super::{Context, Done, code, revocations};

/// What a bundle is made for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Permission<'a> {
    /// One machine's lease.
    Lease(&'a str),
    /// A license file.
    LicenseFile(&'a str),
}

/// The permission with the newest license code, the newest key list, and the revocation list where it is short.
///
/// # Errors
/// The database's; missing keys.
pub(super) fn write(tx: &mut Tx, ctx: Context, license: &License, permission: Permission) -> Done<String> {
    let keys = ctx.installation.keys.of_product(&license.product)?.list;
    let code = code::latest(tx, ctx, license.id)?;
    let list = revocations::list(tx, ctx, &license.product, 0)?;
    let short = list.complete && list.text.len() <= limits::BUNDLE_REVOCATIONS_CHARS;
    let mut bundle = Bundle::new(license.product.as_str());
    match permission {
        Permission::Lease(text) => bundle.lease = Some(text.to_owned()),
        Permission::LicenseFile(text) => bundle.license_file = Some(text.to_owned()),
    }
    bundle.keys = Some(keys.to_owned());
    bundle.code = Some(code);
    bundle.revocations = short.then(|| list.text.to_string());
    Ok(bundle.to_json())
}
