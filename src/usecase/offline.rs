//! A machine without network takes its seat: its request text goes to the service by whatever way there is, a bundle
//! comes back the same way.
//!
//! The machine gets the same activation as if it had asked itself, only with a longer lease. Renewing is the same
//! exchange again.

use signet_verify::request::Request;

use crate::{
    base::{ids::LicenseId, secret::SecretString},
    license::activation::Stay,
    store::Tx,
};

use super::{
    Context, Done, Failure,
    activation::{self, Granted, Machine, Outcome},
    bundle::{self, Permission},
    issue,
};

/// What goes back to the machine.
#[derive(Debug, Clone)]
pub struct Exchanged {
    /// The seat.
    pub granted: Granted,
    /// The bundle: lease, license code, key list, and the revocation list where it is short.
    pub bundle: String,
}

/// Activates the machine for as long as its plan allows one that never asks. The license is not in the request: it is
/// the credential of the exchange.
///
/// # Errors
/// The database's; missing keys.
pub fn activate(tx: &mut Tx, ctx: Context, credential: &SecretString, request: &Request) -> Done<Outcome<Exchanged>> {
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let machine = Machine {
        product: said(&request.product),
        name: said(&request.name),
        platform: said(&request.platform),
        components: request.components.clone(),
        stay: Stay::Offline,
        ..Machine::default()
    };
    let granted = match activation::activate(tx, ctx, credential, &machine)? {
        Ok(granted) => granted,
        Err(refused) => return Ok(Err(refused)),
    };
    let id = granted.activation.license_id;
    let gone = || Failure::Missing(format!("license {id} is gone"));
    let license = tx.license_find(id)?.ok_or_else(gone)?;
    let bundle = bundle::write(tx, ctx, &license, Permission::Lease(&granted.lease))?;
    Ok(Ok(Exchanged { granted, bundle }))
}

/// The same for a license that whoever asks is known to hold.
///
/// # Errors
/// As [`activate`]; the seal's.
pub fn activate_for(tx: &mut Tx, ctx: Context, license: LicenseId, request: &Request) -> Done<Outcome<Exchanged>> {
    let key = issue::reveal_key(tx, ctx, license)?;
    activate(tx, ctx, &key.to_string().into(), request)
}
