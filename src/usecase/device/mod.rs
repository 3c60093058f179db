//! A license for one device of an instance (`getLicenseAsync`), within what the order covers.
//!
//! It is a signed text of its own kind (`typ` and `aud`), which no verifier takes for the code of the whole license. It is
//! signed and stored at once; the marketplace wants it uploaded ([`upload`]), so the call is answered as in progress. The same
//! application (event id and fingerprint) always has the same code.

pub mod upload;

use uuid::Uuid;

use crate::{
    base::{ids::uuid_v7, time::Time},
    license::{
        audience::Audience,
        code::{Claims, device_digest},
        model::{License, State},
        plan::Plan,
        seal::Purpose,
    },
    marketplace::event::DeviceLicense,
    store::{DeviceCodeRecord, Tx},
};

use super::{
    Context, Done, Failure, change,
    outcome::{Outcome, Refusal},
};

/// Issues the code of one device, or finds the one it already has.
///
/// # Errors
/// The database's; a missing signing key.
pub fn license_device(tx: &mut Tx, ctx: Context, wanted: &DeviceLicense, license: &License) -> Done<Outcome> {
    let Some(fingerprint) = wanted.fingerprint.as_deref() else {
        return Ok(Outcome::Refused(Refusal::FingerprintNeeded));
    };
    let digest = device_digest(fingerprint);
    if let Some(known) = tx.device_code_find(license.id, &wanted.event_id, &digest)? {
        upload::again(tx, ctx, &known.id)?;
        return Ok(Outcome::InProgress(None));
    }
    if let Some(refusal) = refusal(tx, ctx, wanted, license, &digest)? {
        return Ok(Outcome::Refused(refusal));
    }
    let Some(plan) = ctx.installation.catalog.plan(&license.product, &license.plan) else {
        return Ok(Outcome::Refused(Refusal::UnknownPlan(license.plan.to_string())));
    };
    let record = sign(ctx, wanted, license, plan, fingerprint, digest)?;
    tx.device_code_insert(&record)?;
    upload::begin(tx, ctx, &record.id)?;
    let detail = serde_json::json!({ "event_id": wanted.event_id, "expires_at": wanted.expires_at });
    change::record(tx, ctx, license, "device_licensed", detail)?;
    Ok(Outcome::InProgress(None))
}

/// The order's rules: its term, its end, and one seat per fingerprint.
fn refusal(
    tx: &mut Tx,
    ctx: Context,
    wanted: &DeviceLicense,
    license: &License,
    digest: &str,
) -> Done<Option<Refusal>> {
    let slack = ctx.installation.slack(&license.product, &license.plan);
    let holds_until = license.expiry.holds_until(slack);
    if license.standing.state() != State::Active || holds_until.is_some_and(|end| end <= ctx.now) {
        return Ok(Some(Refusal::OutsideTerm));
    }
    if let Some(end) = holds_until {
        let Some(device_end) = wanted.expires_at else {
            return Ok(Some(Refusal::EndNeeded));
        };
        if device_end > end || wanted.effective_at > device_end {
            return Ok(Some(Refusal::OutsideTerm));
        }
    }
    let seats = tx.device_code_fingerprints(license.id)?;
    let new_device = !seats.iter().any(|seat| seat == digest);
    if new_device && seats.len() >= usize::try_from(license.machines).unwrap_or(usize::MAX) {
        return Ok(Some(Refusal::QuotaExhausted { limit: license.machines }));
    }
    Ok(None)
}

fn sign(
    ctx: Context,
    wanted: &DeviceLicense,
    license: &License,
    plan: &Plan,
    fingerprint: &str,
    digest: String,
) -> Done<DeviceCodeRecord> {
    let claims = Claims {
        aud: Audience::Device(license.product.clone()),
        machines: 1,
        device: Some(device_digest(fingerprint)),
        nbf: wanted.effective_at.as_seconds(),
        // A device's code is used offline for as long as was asked: it carries its own end.
        exp: wanted.expires_at.map(Time::as_seconds),
        ..Claims::for_license(license, plan, &ctx.installation.issuer, ctx.now)
    };
    let signer = ctx.installation.keys.signer(&license.product)?;
    let signed = claims.sign(signer).map_err(|error| Failure::Missing(error.to_string()))?;
    let id = new_id(ctx);
    let aad = sealed_as(&id);
    Ok(DeviceCodeRecord {
        id,
        license_id: license.id,
        event_id: wanted.event_id.clone(),
        fingerprint_digest: digest,
        kid: signed.kid,
        payload: signed.signing_input,
        sealed_signature: ctx.installation.master.seal(Purpose::CodeSignature, &aad, &signed.signature, ctx.entropy),
        effective_at: wanted.effective_at,
        expires_at: wanted.expires_at,
        issued_at: ctx.now,
    })
}

/// What a device code's signature is sealed for.
fn sealed_as(id: &str) -> String {
    format!("device-code/{id}")
}

fn new_id(ctx: Context) -> String {
    let id: Uuid = uuid_v7(ctx.now, ctx.entropy.bytes());
    id.to_string()
}
