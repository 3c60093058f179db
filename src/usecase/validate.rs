//! May this license run? Reads only, takes no seat.

use signet_verify::claims::{Asked, Components};

use crate::{
    base::secret::SecretString,
    license::{
        activation::{Reason, Rules, best_match},
        plan::MachineRule,
    },
    store::{ActivationRecord, Tx},
};

use super::{
    Context, Done,
    credential::Held,
    usage,
    verdict::{self, Subject, Verdict},
};

/// What the software asks. Everything may be left out; the caller has checked lengths and components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// Its product.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// A feature that it wants to use.
    pub feature: Option<String>,
    /// The machine; empty: not said.
    pub components: Components,
    /// Comes back in the signed answer.
    pub nonce: Option<String>,
}

/// Answers the question about the license behind `credential`.
///
/// # Errors
/// The database's; missing keys.
pub fn validate(tx: &mut Tx, ctx: Context, credential: &SecretString, question: &Question) -> Done<Verdict> {
    let Question { product, version, feature, components, nonce } = question.clone();
    let asked = Asked { license: String::new(), nonce, product, version, feature, components, activation: None };
    let asked = verdict::asked(credential, asked);
    let rule = MachineRule::default().rule;
    let first = |tx: &mut Tx, nobody| tx.activation_candidates(nobody, rule, &asked.components).map(drop);
    let held = match verdict::find(tx, ctx, credential, &asked, first)? {
        Ok(held) => held,
        Err(verdict) => return Ok(*verdict),
    };
    let rules = verdict::rules(ctx, &held.license);
    let machine = seat_of(tx, ctx, &held, &rules, &asked.components)?;
    let objection = verdict::objection(ctx, &held, &rules, &asked, verdict::code_revoked(ctx, &held));
    let reason = objection.or_else(|| machine_objection(ctx, &asked.components, machine.as_ref()));
    let activation = machine.filter(|it| it.ended_at.is_none()).map(|it| it.id);
    // Only of a license that holds: one that is refused is answered after the same look-ups as one that nobody has.
    let meters = if reason.is_none() { usage::readings(tx, ctx, &held.license)? } else { Vec::new() };
    let license = Some((&held.license, rules));
    let subject = Subject { license, activation, meters: &meters, ..Subject::default() };
    verdict::answer(ctx, asked, subject, reason.unwrap_or(Reason::Valid), None)
}

/// The activation of the machine with these components.
fn seat_of(
    tx: &mut Tx,
    ctx: Context,
    held: &Held,
    rules: &Rules,
    components: &Components,
) -> Done<Option<ActivationRecord>> {
    let candidates = tx.activation_candidates(held.license.id, rules.machine.rule, components)?;
    let ranked = candidates.iter().map(|it| (it, &it.components, it.has_seat(ctx.now)));
    Ok(best_match(ranked, rules.machine.rule, components).cloned())
}

fn machine_objection(ctx: Context, components: &Components, machine: Option<&ActivationRecord>) -> Option<Reason> {
    match machine {
        _ if components.is_empty() => None,
        Some(machine) if machine.has_seat(ctx.now) => None,
        Some(machine) if machine.ended_at.is_none() => Some(Reason::LeaseEnded),
        _ => Some(Reason::MachineUnknown),
    }
}
