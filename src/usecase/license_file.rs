//! License files: a license for machines that never ask, bound to them, with an end of its own.

use signet_verify::{claims::LicenseFileClaims, kind::Kind};

use crate::{
    base::{ids::ActivationId, limits, secret::SecretString, time::Time},
    license::{
        activation::{self, Claim, Reason, Rules},
        model::License,
        sign::sign,
    },
    store::{ActivationFilter, ActivationRecord, Tx},
};

use super::{
    Context, Done, Failure,
    bundle::{self, Permission},
    verdict::{self, Subject, Verdict},
};

/// For which machines a file is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Machines {
    /// All that have a seat.
    #[default]
    All,
    /// Those of these activations.
    Of(Vec<ActivationId>),
}

/// A license file.
#[derive(Debug, Clone)]
pub struct LicenseFile {
    /// What is saved as `.lic`: a bundle of the signed file, the license code, the key list, and the revocation list
    /// where it is short.
    pub bundle: String,
    /// When it ends. Another one must be fetched before.
    pub ends_at: Time,
    /// The machines it is for, oldest first; never empty.
    pub machines: Vec<ActivationRecord>,
}

/// Why there is no license file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// The license does not hold.
    #[error("the license does not hold: {}", .0.as_str())]
    Standing(Reason),
    /// No machine has a seat: a file must be bound to one.
    #[error("no machine has a seat of the license yet: activate one first, then fetch the file")]
    NoMachine,
    /// One that was chosen has no seat.
    #[error("the machine {0} has no seat of the license: activate it, or leave it out")]
    NoSeat(ActivationId),
    /// More machines than a file can name.
    #[error("a license file names at most {most} machines: choose some of them", most = limits::FILE_MACHINES)]
    TooMany,
}

impl Declined {
    /// The reason that stands in a signed answer; `None` where the question was wrong, not the license.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Standing(reason) => Some(reason),
            Self::NoMachine | Self::NoSeat(_) => Some(Reason::MachineUnknown),
            Self::TooMany => None,
        }
    }
}

/// Why the holder of a license gets no file.
#[derive(Debug, Clone)]
pub enum Refused {
    /// The license does not hold, or no machine has a seat; signed.
    Verdict(Box<Verdict>),
    /// More machines than a file can name.
    TooMany,
}

/// The file for whoever shows `credential`.
///
/// # Errors
/// The database's; missing keys.
pub fn for_holder(
    tx: &mut Tx,
    ctx: Context,
    credential: &SecretString,
    machines: &Machines,
) -> Done<Result<LicenseFile, Refused>> {
    let asked = verdict::asked(credential, signet_verify::claims::Asked::default());
    let held = match verdict::find(tx, ctx, credential, &asked, |_, _| Ok(()))? {
        Ok(held) => held,
        Err(verdict) => return Ok(Err(Refused::Verdict(verdict))),
    };
    let rules = verdict::rules(ctx, &held.license);
    let declined = match verdict::objection(ctx, &held, &rules, &asked, verdict::code_revoked(ctx, &held)) {
        Some(reason) => Declined::Standing(reason),
        None => match make(tx, ctx, &held.license, machines)? {
            Ok(file) => return Ok(Ok(file)),
            Err(declined) => declined,
        },
    };
    let Some(reason) = declined.reason() else { return Ok(Err(Refused::TooMany)) };
    let detail = (!matches!(declined, Declined::Standing(_))).then(|| sentence(declined));
    let subject = Subject { license: Some((&held.license, rules)), ..Subject::default() };
    Ok(Err(Refused::Verdict(Box::new(verdict::answer(ctx, asked, subject, reason, detail)?))))
}

/// The file of a license that whoever asks is known to hold.
///
/// # Errors
/// The database's; missing keys.
pub fn make(tx: &mut Tx, ctx: Context, license: &License, machines: &Machines) -> Done<Result<LicenseFile, Declined>> {
    let rules = verdict::rules(ctx, license);
    let claim = Claim {
        product: None,
        version: None,
        feature: None,
        components: &signet_verify::claims::Components::new(),
        code_revoked: false,
    };
    if let Some(reason) = activation::objection(license, &rules, &claim, ctx.now) {
        return Ok(Err(Declined::Standing(reason)));
    }
    let machines = match machines {
        Machines::All => all(tx, ctx, license)?,
        Machines::Of(ids) => chosen(tx, ctx, license, ids)?,
    };
    let machines = match machines {
        Ok(machines) => machines,
        Err(declined) => return Ok(Err(declined)),
    };
    let ends_at = ends_at(license, &rules, &machines, ctx.now);
    let text = signed(ctx, license, &rules, &machines, ends_at)?;
    let bundle = bundle::write(tx, ctx, license, Permission::LicenseFile(&text))?;
    Ok(Ok(LicenseFile { bundle, ends_at, machines }))
}

/// Those that have a seat. After a license was made smaller the oldest keep theirs.
fn all(tx: &mut Tx, ctx: Context, license: &License) -> Done<Result<Vec<ActivationRecord>, Declined>> {
    let limit = license.machines.min(limits::FILE_MACHINES + 1);
    let machines = tx.activation_page(license.id, ActivationFilter::WithSeat(ctx.now), None, limit)?;
    Ok(match machines.len() {
        0 => Err(Declined::NoMachine),
        count if count > limits::FILE_MACHINES as usize => Err(Declined::TooMany),
        _ => Ok(machines),
    })
}

fn chosen(
    tx: &mut Tx,
    ctx: Context,
    license: &License,
    ids: &[ActivationId],
) -> Done<Result<Vec<ActivationRecord>, Declined>> {
    let ids: std::collections::BTreeSet<ActivationId> = ids.iter().copied().collect();
    if ids.is_empty() {
        return Ok(Err(Declined::NoMachine));
    }
    if ids.len() > limits::FILE_MACHINES as usize {
        return Ok(Err(Declined::TooMany));
    }
    let mut machines = Vec::with_capacity(ids.len());
    for id in ids {
        let found = tx.activation_find(id)?.filter(|it| it.license_id == license.id && it.has_seat(ctx.now));
        let Some(machine) = found else { return Ok(Err(Declined::NoSeat(id))) };
        if tx.activation_seats(license.id, Some(id), ctx.now)? >= license.machines {
            return Ok(Err(Declined::NoSeat(id)));
        }
        machines.push(machine);
    }
    Ok(Ok(machines))
}

/// As long as the plan says, never longer than the license holds. A floating seat is somebody else's when its lease is
/// over, so its file ends there.
fn ends_at(license: &License, rules: &Rules, machines: &[ActivationRecord], now: Time) -> Time {
    let wanted = now.plus_days(rules.lease.file_days.into());
    let leases = machines.iter().filter(|it| it.floating).map(|it| it.lease_ends_at);
    leases.chain(license.expiry.holds_until(rules.slack)).fold(wanted, Time::min)
}

fn signed(
    ctx: Context,
    license: &License,
    rules: &Rules,
    machines: &[ActivationRecord],
    ends_at: Time,
) -> Done<String> {
    let claims = LicenseFileClaims {
        iss: ctx.installation.issuer.clone(),
        sub: license.id.to_string(),
        aud: Kind::LicenseFile.audience(license.product.as_str()),
        iat: ctx.now.as_seconds(),
        time: ctx.now.as_micros(),
        exp: ends_at.as_seconds(),
        plan: license.plan.to_string(),
        machines: license.machines,
        features: license.features.clone(),
        rev: license.rev,
        license_exp: license.expiry.at().map(Time::as_seconds),
        rule: rules.machine.rule,
        bound_to: machines.iter().map(|it| it.components.clone()).collect(),
    };
    let signer = ctx.installation.keys.signer(&license.product)?;
    sign(Kind::LicenseFile, &claims, signer).map_err(|error| Failure::Missing(error.to_string()))
}

/// The error's text as a sentence.
fn sentence(declined: Declined) -> String {
    let text = declined.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
