//! Bundles: every text in them, and whether the revocation list that came along names one.

use std::{fs::File, io::Read, path::Path};

use anyhow::Context as _;
use signet_verify::{
    bundle::{BYTES, Bundle, Opened},
    claims::CodeClaims,
    keys::Root,
    kind::Kind,
    read::Read as Verified,
    revocations::RevocationSet,
};

use crate::license::verify::{VerifyOptions, check_time};

use super::{Objection, document::Document};

/// What a bundle's texts say, each with what speaks against it; one objection alone where the bundle is refused.
///
/// # Errors
/// When the file cannot be read.
pub fn verify(
    file: &Path,
    root: &Root,
    options: &VerifyOptions<'_>,
) -> anyhow::Result<Vec<Result<Document, Objection>>> {
    let cannot = || format!("{} cannot be read", file.display());
    let mut text = String::new();
    let most = u64::try_from(BYTES)? + 1;
    File::open(file).with_context(cannot)?.take(most).read_to_string(&mut text).with_context(cannot)?;
    let opened = Bundle::parse(&text).and_then(|bundle| {
        let product = options.product.map_or(bundle.product.as_str(), |product| product.as_str());
        bundle.open(root, product, None)
    });
    Ok(match opened {
        Ok(opened) => documents(&opened, options),
        Err(error) => vec![Err(Objection::new(error.as_str(), &error))],
    })
}

fn documents(opened: &Opened, options: &VerifyOptions<'_>) -> Vec<Result<Document, Objection>> {
    let mut revoked = RevocationSet::default();
    let merged = opened.revocations.as_ref().map(|list| revoked.merge(list));
    let against = |sub: &str, rev: u32, kid: &str| match revoked.refuses(sub, rev, kid) {
        Some(what) => Err(Objection::new("revoked", &what)),
        None => Ok(()),
    };
    let in_time = |document: Document| match check_time(document.from, document.until, options) {
        Ok(()) => Ok(document),
        Err(refusal) => Err(Objection::new(refusal.as_str(), &format!("{}: {refusal}", document.kind.name()))),
    };
    let code = opened.code.as_ref().map(|Verified { claims, kid, .. }| {
        against(&claims.sub, claims.rev, kid).and_then(|()| in_time(Document::code(code_kind(claims), claims, kid)))
    });
    let lease = opened.lease.as_ref().map(|read| {
        against(&read.claims.sub, read.claims.rev, &read.kid).and_then(|()| in_time(Document::lease(read)))
    });
    let license_file = opened.license_file.as_ref().map(|read| {
        against(&read.claims.sub, read.claims.rev, &read.kid).and_then(|()| in_time(Document::license_file(read)))
    });
    let list = opened.revocations.as_ref().map(|list| in_time(Document::revocations(list)));
    let refused = merged.and_then(Result::err).map(|error| Err(Objection::new(error.as_str(), &error)));
    [code, lease, license_file, list, refused].into_iter().flatten().collect()
}

fn code_kind(claims: &CodeClaims) -> Kind {
    if Kind::DeviceCode.product_of(&claims.aud).is_some() { Kind::DeviceCode } else { Kind::LicenseCode }
}
