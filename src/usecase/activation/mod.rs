//! Machines take seats, renew their leases and give seats back.
//!
//! Everything that counts seats holds the license's row until the commit, so that of any number of racers for the last
//! seat one gets it. The same machine again is the same activation, also when its seat was given back meanwhile.
//!
//! `types` is what goes in and out, `call` what every call has in common, `report` a machine's word of what it used.

mod call;
mod report;
mod types;

use serde_json::json;
use signet_verify::claims::Asked;

use crate::{
    base::{
        ids::{ActivationId, LicenseId},
        secret::SecretString,
    },
    license::activation::Reason,
    store::{ActivationFilter, ActivationRecord, Tx},
};

use super::{
    Actor, Context, Done, change,
    verdict::{self, Subject, Verdict},
};

use call::{ACTIVATED, Call, open};

pub use report::{Became, Report, Reported, report};
pub use types::{Granted, Holder, Machine, Outcome, Refused, Renewal, Warning};

/// Takes a seat for the machine, or finds the one it has.
///
/// # Errors
/// The database's; missing keys.
pub fn activate(tx: &mut Tx, ctx: Context, credential: &SecretString, machine: &Machine) -> Done<Outcome<Granted>> {
    let Machine { product, version, components, nonce, .. } = machine.clone();
    let asked = Asked { product, version, components, nonce, ..Asked::default() };
    let call = match open(tx, ctx, credential, asked, verdict::code_revoked)? {
        Ok(call) => call,
        Err(refused) => return Ok(Err(refused)),
    };
    let known = call.known(tx)?;
    let seated = known.as_ref().is_some_and(|it| it.has_seat(ctx.now));
    let reason = match &known {
        Some(known) if seated => call.keeps_seat(tx, known)?,
        known => call.gets_seat(tx, known.as_ref())?,
    };
    if let Some(reason) = reason {
        return call.refuse(tx, reason, known.filter(|it| it.ended_at.is_none()).map(|it| it.id)).map(Err);
    }
    let counts = call.counts_as_new(known.as_ref());
    let components = match &known {
        Some(known) if !counts => call.remembered(tx, known)?,
        _ => machine.components.clone(),
    };
    let (after, times) = call.activated(known.as_ref(), machine, components);
    match &known {
        Some(known) if *known == after => {}
        Some(known) => tx.activation_update(known, &after)?,
        None => tx.activation_insert(&after)?,
    }
    if counts {
        let detail =
            json!({ "activation": after.id, "name": after.name, "platform": after.platform, "again": known.is_some() });
        change::record(tx, ctx, &call.held.license, ACTIVATED, detail)?;
    }
    let mut granted = call.grant(tx, after, times, machine.stay)?;
    granted.new_seat = !seated;
    Ok(Ok(granted))
}

/// Gives the machine its next lease.
///
/// # Errors
/// The database's; missing keys.
pub fn renew(
    tx: &mut Tx,
    ctx: Context,
    credential: &SecretString,
    id: ActivationId,
    renewal: &Renewal,
) -> Done<Outcome<Granted>> {
    let Renewal { version, components, nonce, stay } = renewal.clone();
    let asked = Asked { version, components, nonce, ..Asked::default() };
    // A machine that is known learns the newest code by renewing, so an older one that says too much is no reason to refuse it:
    // what it gets follows the license as it is now. Only a code that anybody can have made is.
    let call = match open(tx, ctx, credential, asked, |_, held| held.key_revoked())? {
        Ok(call) => call,
        Err(refused) => return Ok(Err(refused)),
    };
    let found = tx.activation_find(id)?.filter(|it| it.license_id == call.held.license.id && it.ended_at.is_none());
    let Some(before) = found else { return call.refuse(tx, Reason::MachineUnknown, None).map(Err) };
    let presented = &call.asked.components;
    let reason = if !presented.is_empty() && !call.rules.machine.rule.matches(&before.components, presented) {
        Some(Reason::MachineMismatch)
    } else if call.is_other_device(&before) {
        Some(Reason::DeviceMismatch)
    } else if before.has_lapsed(ctx.now) {
        Some(Reason::LeaseEnded)
    } else {
        call.keeps_seat(tx, &before)?
    };
    if let Some(reason) = reason {
        return call.refuse(tx, reason, Some(before.id)).map(Err);
    }
    let components = call.remembered(tx, &before)?;
    let (after, times) = call.renewed(&before, components, stay);
    if after != before {
        tx.activation_update(&before, &after)?;
    }
    Ok(Ok(call.grant(tx, after, times, stay)?))
}

/// Gives the seat back, whatever state the license is in; also when it was given back before. The answer is signed, so that
/// nobody on the way can claim it: it says of this activation that it has no seat ([`Reason::MachineUnknown`]).
///
/// # Errors
/// The database's; missing keys.
pub fn deactivate(tx: &mut Tx, ctx: Context, credential: &SecretString, id: ActivationId) -> Done<Outcome<Verdict>> {
    let asked = verdict::asked(credential, Asked::default());
    let held = match verdict::find(tx, ctx, credential, &asked, |tx, nobody| tx.license_for_update(nobody).map(drop))? {
        Ok(held) => held,
        Err(verdict) => return Ok(Err(Box::new(Refused { verdict: *verdict, holders: Vec::new(), wait: None }))),
    };
    let rules = verdict::rules(ctx, &held.license);
    // Who stole a key shall not take seats away with it.
    let reason = if held.key_revoked() { Some(Reason::CodeRevoked) } else { None };
    let reason = match reason {
        Some(reason) => Some(reason),
        None => free(tx, ctx, held.license.id, id)?.is_none().then_some(Reason::MachineUnknown),
    };
    match reason {
        None => {
            let subject = Subject { license: Some((&held.license, rules)), activation: Some(id), ..Subject::default() };
            let detail = Some("The seat is free.".to_owned());
            Ok(Ok(verdict::answer(ctx, asked, subject, Reason::MachineUnknown, detail)?))
        }
        Some(reason) => Call { ctx, held, rules, asked }.refuse(tx, reason, None).map(Err),
    }
}

/// Frees the seat of a license's activation, and says what it is then; one that had ended stays as it is. `None`: the license
/// has no such activation.
///
/// # Errors
/// The database's.
pub fn free(tx: &mut Tx, ctx: Context, license: LicenseId, id: ActivationId) -> Done<Option<ActivationRecord>> {
    let Some(license) = tx.license_for_update(license)? else { return Ok(None) };
    let Some(before) = tx.activation_find(id)?.filter(|it| it.license_id == license.id) else { return Ok(None) };
    if before.ended_at.is_some() {
        return Ok(Some(before));
    }
    let ended_by = Some(ctx.actor.to_string());
    let after = ActivationRecord { ended_at: Some(ctx.now), ended_by, borrowed: false, ..before.clone() };
    tx.activation_update(&before, &after)?;
    // Floating seats come and go with every start of the software: nobody wants to read that.
    if !(before.floating && *ctx.actor == Actor::Software) {
        let detail = json!({ "activation": after.id, "name": after.name, "platform": after.platform });
        change::record(tx, ctx, &license, "deactivated", detail)?;
    }
    Ok(Some(after))
}

/// A page of a license's activations, oldest first: those that have a seat now, or all.
///
/// # Errors
/// The database's.
pub fn list(
    tx: &mut Tx,
    ctx: Context,
    license: LicenseId,
    with_seat: bool,
    after: Option<ActivationId>,
    limit: u32,
) -> Done<Vec<ActivationRecord>> {
    let filter = if with_seat { ActivationFilter::WithSeat(ctx.now) } else { ActivationFilter::All };
    Ok(tx.activation_page(license, filter, after, limit)?)
}

/// How many seats of a license are taken.
///
/// # Errors
/// The database's.
pub fn seats(tx: &mut Tx, ctx: Context, license: LicenseId) -> Done<u32> {
    Ok(tx.activation_seats(license, None, ctx.now)?)
}
