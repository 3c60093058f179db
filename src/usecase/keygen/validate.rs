//! May this license run? Reads only.

use signet_verify::claims::Components;

use crate::{
    base::{
        ids::{ActivationId, LicenseId},
        secret::SecretString,
        slug::Slug,
        time::Time,
    },
    license::{
        activation::{Rules, best_match},
        machine::LeaseRule,
        model::{License, State},
    },
    store::{ActivationRecord, KeygenMachineRecord, Tx},
    usecase::{Context, Done, verdict},
};

use super::{
    door::{self, Denied, SeenLicense},
    machine::components_of,
    scope::{Code, Facts, Heart, Named, Scope},
};

/// What a validation says.
#[derive(Debug, Clone)]
pub struct Validation {
    /// Valid, or the first objection.
    pub code: Code,
    /// The same in a sentence.
    pub detail: String,
    /// The license; `None`: there is none that may be shown.
    pub license: Option<SeenLicense>,
    /// When.
    pub at: Time,
}

/// Validates the license behind `key`, which needs no other proof.
///
/// # Errors
/// The database's.
pub fn by_key(tx: &mut Tx, ctx: Context, product: &Slug, key: &SecretString, scope: &Scope) -> Done<Validation> {
    let held = match door::held(tx, ctx, product, key)? {
        Ok(held) => held,
        Err(denied) => {
            // The same reads for nobody's license, so that the answer comes neither sooner nor later.
            let nobody = LicenseId::new(ctx.now, ctx.entropy);
            named_by_fingerprints(tx, ctx, nobody, Rules::of(None), scope)?;
            tx.activation_seats(nobody, None, ctx.now)?;
            let detail = match denied {
                Denied::CodeRevoked => "is no longer good: use the newest code of the license, or its key",
                _ => Code::NotFound.detail(),
            };
            return Ok(Validation { code: Code::NotFound, detail: detail.to_owned(), license: None, at: ctx.now });
        }
    };
    if held.license.standing.state() == State::Released {
        let detail = "was ended for good: buy a new one".to_owned();
        return Ok(Validation { code: Code::NotFound, detail, license: None, at: ctx.now });
    }
    of(tx, ctx, SeenLicense::of(ctx, held.license, key.clone()), scope)
}

/// Validates a license that its guest may see.
///
/// # Errors
/// The database's.
pub fn of(tx: &mut Tx, ctx: Context, seen: SeenLicense, scope: &Scope) -> Done<Validation> {
    let license = &seen.license;
    let rules = verdict::rules(ctx, license);
    let facts = Facts {
        license,
        rules,
        fingerprints: named_by_fingerprints(tx, ctx, license.id, rules, scope)?,
        seats: tx.activation_seats(license.id, None, ctx.now)?,
        machine: named_by_id(tx, ctx, license, rules, scope)?,
        checksum_known: is_published(tx, ctx, &license.product, scope)?,
        now: ctx.now,
    };
    let code = facts.code(scope);
    Ok(Validation { code, detail: code.detail().to_owned(), license: Some(seen), at: ctx.now })
}

fn named_by_id(tx: &mut Tx, ctx: Context, license: &License, rules: Rules, scope: &Scope) -> Done<Option<Named>> {
    let Some(id) = scope.machine.as_ref().and_then(|id| id.parse::<ActivationId>().ok()) else { return Ok(None) };
    let found = tx.activation_find(id)?.filter(|it| it.license_id == license.id && it.ended_at.is_none());
    found.map(|it| named(tx, ctx, &it, rules)).transpose()
}

fn named_by_fingerprints(
    tx: &mut Tx,
    ctx: Context,
    license: LicenseId,
    rules: Rules,
    scope: &Scope,
) -> Done<Vec<Named>> {
    let mut found = Vec::new();
    for fingerprint in scope.fingerprints.iter().flatten() {
        if let Some(activation) = find(tx, ctx, license, rules, fingerprint)? {
            found.push(named(tx, ctx, &activation, rules)?);
        }
    }
    Ok(found)
}

/// The machine of a license that has this fingerprint and was not given back. One that came through Signet's own door is shown
/// with its id for a fingerprint, and is known by that as well.
pub(super) fn find(
    tx: &mut Tx,
    ctx: Context,
    license: LicenseId,
    rules: Rules,
    fingerprint: &str,
) -> Done<Option<ActivationRecord>> {
    if let Ok(id) = fingerprint.parse::<ActivationId>()
        && let Some(found) = tx.activation_find(id)?.filter(|it| it.license_id == license && it.ended_at.is_none())
        && tx.keygen_machine_find(id)?.is_none_or(|it| it.fingerprint == fingerprint)
    {
        return Ok(Some(found));
    }
    let components: Components = components_of(fingerprint);
    let rule = rules.machine.rule;
    let mut candidates = tx.activation_candidates(license, rule, &components)?;
    candidates.retain(|it| it.ended_at.is_none());
    let ranked = candidates.iter().map(|it| (it, &it.components, it.has_seat(ctx.now)));
    Ok(best_match(ranked, rule, &components).cloned())
}

fn named(tx: &mut Tx, ctx: Context, activation: &ActivationRecord, rules: Rules) -> Done<Named> {
    let details = tx.keygen_machine_find(activation.id)?;
    let heart = heart(activation, details.as_ref(), rules.lease, ctx.now);
    let components = details.into_iter().flat_map(|it| it.components).map(|it| it.fingerprint).collect();
    Ok(Named { heart, components })
}

/// How the heart of a machine beats. A floating seat's beats from when it is taken.
pub(super) fn heart(
    activation: &ActivationRecord,
    details: Option<&KeygenMachineRecord>,
    lease: LeaseRule,
    now: Time,
) -> Heart {
    let pinged = details.is_some_and(|it| it.last_heartbeat_at.is_some());
    let reset = details.is_some_and(|it| it.heartbeat_reset);
    if activation.has_lapsed(now) {
        Heart::Dead
    } else if reset || (!lease.floating && !pinged) {
        Heart::NotStarted
    } else {
        Heart::Alive
    }
}

fn is_published(tx: &mut Tx, ctx: Context, product: &Slug, scope: &Scope) -> Done<bool> {
    let Some(checksum) = &scope.checksum else { return Ok(false) };
    let checksum = checksum.to_ascii_lowercase();
    let gone = |at: Option<Time>| at.is_some_and(|at| at <= ctx.now);
    let packages = tx.package_list(Some(product))?;
    Ok(packages.iter().any(|it| it.sha256 == checksum && it.withdrawn_at.is_none() && !gone(it.expires_at)))
}
