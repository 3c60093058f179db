//! License codes in the database: signed when a grant changes, put together again when somebody may read them.
//!
//! The signature is sealed, so a dump of the database holds no code that verifies.

use zeroize::Zeroizing;

use crate::{
    base::ids::LicenseId,
    license::{code::Claims, model::License, plan::Plan, seal::Purpose},
    store::{CodeRecord, Tx},
};

use super::{Context, Done, Failure};

/// Signs revision `license.rev` of the license's code and stores it.
///
/// # Errors
/// The database's; [`Failure::Missing`] when the product has no signing key.
pub fn sign(tx: &mut Tx, ctx: Context, license: &License, plan: &Plan) -> Done<String> {
    let claims = Claims::for_license(license, plan, &ctx.installation.issuer, ctx.now);
    let signer = ctx.installation.keys.signer(&license.product)?;
    let signed = claims.sign(signer).map_err(|error| Failure::Missing(error.to_string()))?;
    let aad = associated(license.id, license.rev);
    let sealed_signature = ctx.installation.master.seal(Purpose::CodeSignature, &aad, &signed.signature, ctx.entropy);
    let text = signed.text();
    tx.code_insert(&CodeRecord {
        license_id: license.id,
        rev: license.rev,
        kid: signed.kid,
        payload: signed.signing_input,
        sealed_signature,
        issued_at: ctx.now,
    })?;
    Ok(text)
}

/// Signs the next revision when a claim of the code no longer fits the license, or its key was revoked; says whether it
/// did.
///
/// # Errors
/// As [`sign`].
pub fn sign_if_changed(tx: &mut Tx, ctx: Context, license: &mut License, plan: &Plan) -> Done<bool> {
    let wanted = Claims::for_license(license, plan, &ctx.installation.issuer, ctx.now);
    let latest = tx.code_latest(license.id)?.ok_or_else(|| no_code(license.id))?;
    let current = Claims::from_signing_input(&latest.payload)
        .map_err(|_| Failure::Missing(format!("the stored code of license {} cannot be read", license.id)))?;
    // A code whose key was revoked verifies no more, whatever it grants.
    let verifies = ctx.installation.keys.verifies(&license.product, &latest.kid);
    if verifies && current.same_grant(&wanted) {
        return Ok(false);
    }
    license.rev = latest.rev + 1;
    sign(tx, ctx, license, plan)?;
    Ok(true)
}

/// The first code: what the marketplace shows its buyer for ever.
///
/// # Errors
/// The database's and the seal's.
pub fn first(tx: &mut Tx, ctx: Context, id: LicenseId) -> Done<String> {
    let record = tx.code_first(id)?.ok_or_else(|| no_code(id))?;
    text(ctx, &record)
}

/// The newest code.
///
/// # Errors
/// The database's and the seal's.
pub fn latest(tx: &mut Tx, ctx: Context, id: LicenseId) -> Done<String> {
    let record = tx.code_latest(id)?.ok_or_else(|| no_code(id))?;
    text(ctx, &record)
}

fn text(ctx: Context, record: &CodeRecord) -> Done<String> {
    let aad = associated(record.license_id, record.rev);
    let signature: Zeroizing<Vec<u8>> =
        ctx.installation.master.open(Purpose::CodeSignature, &aad, &record.sealed_signature)?;
    let signature = <[u8; 64]>::try_from(signature.as_slice())
        .map_err(|_| Failure::Missing(format!("the signature of license {} is not 64 bytes", record.license_id)))?;
    Ok(signet_verify::jws::assemble(&record.payload, &signature))
}

fn associated(id: LicenseId, rev: u32) -> String {
    format!("license-code/{id}/{rev}")
}

fn no_code(id: LicenseId) -> Failure {
    Failure::Missing(format!("license {id} has no code"))
}
