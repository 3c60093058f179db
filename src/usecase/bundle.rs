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
    let list = revocations::list(tx, ctx, &license.product, 0, None)?;
    let short = list.complete && list.text.len() <= limits::BUNDLE_REVOCATIONS_CHARS;
    let (lease, license_file) = match permission {
        Permission::Lease(text) => (Some(text.to_owned()), None),
        Permission::LicenseFile(text) => (None, Some(text.to_owned())),
    };
    let bundle = Bundle {
        keys: Some(ctx.installation.keys.of_product(&license.product)?.list.to_owned()),
        code: Some(code::latest(tx, ctx, license.id)?),
        lease,
        license_file,
        revocations: short.then(|| list.text.to_string()),
        ..Bundle::new(license.product.as_str())
    };
    Ok(bundle.to_json())
}
