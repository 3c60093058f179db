//! What travels to a machine without network: one JSON object with everything it needs to verify and to run.

use serde::Serialize;

use crate::{base::limits, license::model::License, store::Tx};

use super::{Context, Done, Failure, code, revocations};

/// The form that is written; a reader refuses any other.
const VERSION: u32 = 1;

/// The texts by their names. What there is not is left out.
#[derive(Debug, Serialize)]
struct Bundle<'a> {
    signet: u32,
    product: &'a str,
    keys: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocations: Option<&'a str>,
}

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
    let (lease, license_file) = match permission {
        Permission::Lease(text) => (Some(text), None),
        Permission::LicenseFile(text) => (None, Some(text)),
    };
    let bundle = Bundle {
        signet: VERSION,
        product: license.product.as_str(),
        keys,
        code: &code,
        lease,
        license_file,
        revocations: short.then_some(&*list.text),
    };
    serde_json::to_string(&bundle).map_err(|error| Failure::Missing(format!("the bundle cannot be written: {error}")))
}
