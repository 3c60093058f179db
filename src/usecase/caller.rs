//! Who calls, before anything is done: whose limits a call counts for.

use crate::{
    base::{
        ids::{ActivationId, LicenseId},
        secret::SecretString,
        slug::Slug,
    },
    store::Tx,
};

use super::{
    Context, Done,
    credential::{self, Credential},
};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The license that was shown, and its product; `None`: no license of this service.
    pub license: Option<(LicenseId, Slug)>,
    /// Whether the activation that was named is one of this license and has not ended.
    pub is_known_machine: bool,
}

/// Looks who shows `credential`, and whether `activation` is one of theirs.
///
/// # Errors
/// The database's.
pub fn look_up(tx: &mut Tx, ctx: Context, credential: &SecretString, activation: Option<ActivationId>) -> Done<Caller> {
    let license = match credential::resolve(tx, ctx, credential)? {
        Credential::Found(held) => Some((held.license.id, held.license.product)),
        Credential::Malformed(_) | Credential::NotRedeemed | Credential::Unknown => None,
    };
    // Also for licenses that nobody has, so that the answer comes no sooner.
    let activation = activation.map(|id| tx.activation_find(id)).transpose()?.flatten();
    let is_known_machine = match (&license, activation) {
        (Some((license, _)), Some(activation)) => activation.license_id == *license && activation.ended_at.is_none(),
        _ => false,
    };
    Ok(Caller { license, is_known_machine })
}
