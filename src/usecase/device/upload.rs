//! Hands the licenses of devices over to the marketplace: each until it was taken, from whichever server, also after one died.
//!
//! The same application always gets the same license, so handing it over twice does no harm, and a lost answer is no question.

use jiff::SignedDuration;
use serde_json::json;
use signet_verify::jws;

use crate::{
    base::{limits, slug::Slug, time::Time},
    license::{
        model::{License, State},
        seal::Purpose,
    },
    store::{DeviceCodeRecord, Tx, UploadRecord},
    usecase::{
        Context, Done, Failure,
        alert::{self, AlertKind},
        change,
    },
};

use super::sealed_as;

/// Who tries has so long until somebody else may.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);
/// The longest pause between two tries.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// A license of a frozen order is looked at again so much later.
const FROZEN_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// How long it is tried.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);
/// Tries that may fail before the merchant is told: a trouble that passes is none of theirs.
const QUIET_TRIES: u32 = 3;

/// A license that is to be handed over now.
#[derive(Clone)]
pub struct Upload {
    /// The device code.
    pub id: String,
    /// The channel through which the marketplace asked.
    pub channel: Slug,
    /// The marketplace's id of the application.
    pub event_id: String,
    /// The license.
    pub code: String,
    /// Random bytes that part the body of the call.
    pub boundary: [u8; 16],
}

/// Without the license.
impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("channel", &self.channel)
            .field("event_id", &self.event_id)
            .finish_non_exhaustive()
    }
}

/// A license that was just signed is to be handed over.
pub(super) fn begin(tx: &mut Tx, ctx: Context, id: &str) -> Done<()> {
    let device_code_id = id.to_owned();
    Ok(tx.upload_save(&UploadRecord { device_code_id, tries: 0, next_at: Some(ctx.now), delivered_at: None })?)
}

/// The marketplace asks again: it may have lost what it was given, or nobody tried any more.
pub(super) fn again(tx: &mut Tx, ctx: Context, id: &str) -> Done<()> {
    match tx.upload_find(id)? {
        Some((upload, _)) if upload.next_at.is_none() => begin(tx, ctx, &upload.device_code_id),
        _ => Ok(()),
    }
}

/// Takes what is due, so that nobody else takes it for a while.
///
/// # Errors
/// The database's; a sealed signature that does not open.
pub fn claim(tx: &mut Tx, ctx: Context) -> Done<Vec<Upload>> {
    let mut claimed = Vec::new();
    for (upload, code) in tx.uploads_due(ctx.now, limits::UPLOADS)? {
        let license = tx.license_find(code.license_id)?;
        let (license, channel) = match license.map(|it| (it.channel.clone(), it)) {
            Some((Some(channel), license)) => (license, channel),
            // Nobody asked for it through a channel that is known.
            _ => {
                tx.upload_save(&UploadRecord { next_at: None, ..upload })?;
                continue;
            }
        };
        let next_at = match license.standing.state() {
            State::Active => ctx.now.saturating_add(CLAIM),
            State::Frozen => {
                let next_at = Some(ctx.now.saturating_add(FROZEN_PAUSE));
                tx.upload_save(&UploadRecord { next_at, ..upload })?;
                continue;
            }
            // What ended is handed over to nobody.
            State::Released => {
                tx.upload_save(&UploadRecord { next_at: None, ..upload })?;
                continue;
            }
        };
        let tries = upload.tries.saturating_add(1);
        tx.upload_save(&UploadRecord { tries, next_at: Some(next_at), ..upload })?;
        let (event_id, boundary) = (code.event_id.clone(), ctx.entropy.bytes());
        claimed.push(Upload { id: code.id.clone(), channel, event_id, code: text(ctx, &code)?, boundary });
    }
    Ok(claimed)
}

/// The marketplace took it.
///
/// # Errors
/// The database's.
pub fn delivered(tx: &mut Tx, ctx: Context, id: &str) -> Done<()> {
    let Some((upload, code)) = tx.upload_find(id)? else { return Ok(()) };
    let first = upload.delivered_at.is_none();
    tx.upload_save(&UploadRecord { next_at: None, delivered_at: Some(ctx.now), ..upload })?;
    let Some(license) = tx.license_for_update(code.license_id)? else { return Ok(()) };
    if first {
        change::record(tx, ctx, &license, "device_license_delivered", json!({ "event_id": code.event_id }))?;
    }
    alert::end(tx, ctx, AlertKind::DeviceLicenseUndelivered, &license)
}

/// It was not tried after all: its turn comes again.
///
/// # Errors
/// The database's.
pub fn put_off(tx: &mut Tx, ctx: Context, id: &str) -> Done<()> {
    let Some((upload, _)) = tx.upload_find(id)? else { return Ok(()) };
    let next_at = Some(ctx.now.saturating_add(SignedDuration::from_mins(1)));
    Ok(tx.upload_save(&UploadRecord { tries: upload.tries.saturating_sub(1), next_at, ..upload })?)
}

/// It was not taken: `why`, in one sentence. `lasting`: trying again is useless until somebody changes something.
///
/// # Errors
/// The database's.
pub fn not_delivered(tx: &mut Tx, ctx: Context, id: &str, why: &str, lasting: bool) -> Done<()> {
    let Some((upload, code)) = tx.upload_find(id)? else { return Ok(()) };
    let given_up = lasting || ctx.now.since(code.issued_at) > PATIENCE;
    let next_at = (!given_up).then(|| ctx.now.saturating_add(pause(upload.tries)));
    let tries = upload.tries;
    tx.upload_save(&UploadRecord { next_at, ..upload })?;
    if !given_up && tries < QUIET_TRIES {
        return Ok(());
    }
    match tx.license_for_update(code.license_id)? {
        Some(license) => tell(tx, ctx, &license, &code, why, next_at),
        None => Ok(()),
    }
}

fn tell(
    tx: &mut Tx,
    ctx: Context,
    license: &License,
    code: &DeviceCodeRecord,
    why: &str,
    next_at: Option<Time>,
) -> Done<()> {
    let detail = json!({ "event_id": code.event_id, "why": why, "tried_again_at": next_at });
    alert::count(tx, ctx, AlertKind::DeviceLicenseUndelivered, license, detail)
}

/// 1, 2, 4 … minutes.
fn pause(tries: u32) -> SignedDuration {
    let minutes = 1_i64.checked_shl(tries.saturating_sub(1)).unwrap_or(i64::MAX);
    SignedDuration::from_mins(minutes.clamp(1, 60)).min(LONGEST_PAUSE)
}

fn text(ctx: Context, code: &DeviceCodeRecord) -> Done<String> {
    let master = &ctx.installation.master;
    let signature = master.open(Purpose::CodeSignature, &sealed_as(&code.id), &code.sealed_signature)?;
    let broken = || Failure::Missing(format!("the signature of device code {} cannot be read", code.id));
    let signature: [u8; 64] = signature.as_slice().try_into().map_err(|_| broken())?;
    Ok(jws::assemble(&code.payload, &signature))
}
