//! Machines come, go, beat and are described. Every seat is taken and given back by [`crate::usecase::activation`].

use serde_json::{Map, Value};
use signet_verify::{
    claims::Components,
    machine::{OPERATOR, digest},
};

use crate::{
    base::{ids::ActivationId, slug::Slug},
    license::{
        activation::{Reason, Stay},
        model::State,
    },
    store::{ActivationRecord, KeygenComponent, KeygenMachineRecord, Tx},
    usecase::{
        Context, Done,
        activation::{self, Machine, Refused, Renewal},
        verdict,
    },
};

use super::{
    door::{Guest, SeenLicense},
    scope::Heart,
    validate::{find, heart},
};

/// A machine as a guest may see it.
#[derive(Debug, Clone)]
pub struct SeenMachine {
    /// Its seat.
    pub activation: ActivationRecord,
    /// What was said at this door; `None` for one that came through Signet's own.
    pub details: Option<KeygenMachineRecord>,
    /// The fingerprint by which it was asked for.
    pub named: Option<String>,
    /// How its heart beats.
    pub heart: Heart,
    /// Its license.
    pub license: SeenLicense,
}

impl SeenMachine {
    /// Its fingerprint, as it was said; for a machine that came through Signet's own door its id stands in, until it is asked
    /// for by a fingerprint.
    pub fn fingerprint(&self) -> String {
        let id = self.activation.id.to_string();
        let said = self.details.as_ref().map(|it| &it.fingerprint).filter(|said| **said != id);
        said.or(self.named.as_ref()).cloned().unwrap_or(id)
    }

    /// Whether software knows it by a fingerprint that was never said here: only its digest came, through Signet's own door.
    pub fn has_unsaid_fingerprint(&self) -> bool {
        let stands_in = self.fingerprint() == self.activation.id.to_string();
        stands_in && self.activation.components.contains_key(OPERATOR)
    }
}

/// What a machine says of itself. The caller has checked lengths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// What people call it.
    pub name: Option<String>,
    /// Its name in its network.
    pub hostname: Option<String>,
    /// Its system.
    pub platform: Option<String>,
    /// Its address.
    pub ip: Option<String>,
    /// Processor cores.
    pub cores: Option<i64>,
    /// Bytes of memory.
    pub memory: Option<i64>,
    /// Bytes of disk.
    pub disk: Option<i64>,
    /// Anything else.
    pub metadata: Map<String, Value>,
}

/// A machine that wants a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is known by.
    pub fingerprint: String,
    /// Its parts.
    pub components: Vec<KeygenComponent>,
    /// What it says of itself.
    pub described: Described,
}

/// A change of what a machine says of itself; `None` leaves it, `Some(None)` takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// What people call it.
    pub name: Option<Option<String>>,
    /// Its name in its network.
    pub hostname: Option<Option<String>>,
    /// Its system.
    pub platform: Option<Option<String>>,
    /// Its address.
    pub ip: Option<Option<String>>,
    /// Processor cores.
    pub cores: Option<Option<i64>>,
    /// Bytes of memory.
    pub memory: Option<Option<i64>>,
    /// Bytes of disk.
    pub disk: Option<Option<i64>>,
    /// Anything else, as a whole.
    pub metadata: Option<Map<String, Value>>,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such license or machine that the guest may see.
    NotFound,
    /// The machine has a seat already.
    FingerprintTaken,
    /// The rules of activation, with how many seconds to wait where that helps.
    Rule(Reason, Option<u32>),
}

impl From<Box<Refused>> for Refusal {
    fn from(refused: Box<Refused>) -> Self {
        Self::Rule(refused.verdict.reason, refused.wait)
    }
}

/// What a fingerprint says: the operator's component, which decides alone. So a machine is the same at both doors.
pub(super) fn components_of(fingerprint: &str) -> Components {
    [(OPERATOR.to_owned(), digest(OPERATOR, fingerprint))].into()
}

/// Takes a seat.
///
/// # Errors
/// The database's; missing keys.
pub fn create(tx: &mut Tx, ctx: Context, seen: SeenLicense, wanted: &Wanted) -> Done<Result<SeenMachine, Refusal>> {
    let id = seen.license.id;
    // Held from here on: of any number of racers with one fingerprint one takes the seat, and the others find it taken.
    let Some(license) = tx.license_for_update(id)? else { return Ok(Err(Refusal::NotFound)) };
    let rules = verdict::rules(ctx, &license);
    let seated = find(tx, ctx, id, rules, &wanted.fingerprint)?.is_some_and(|it| it.has_seat(ctx.now));
    if seated && license.standing.state() == State::Active {
        return Ok(Err(Refusal::FingerprintTaken));
    }
    let mut components = components_of(&wanted.fingerprint);
    // A license that is bound to a device takes the fingerprint for the device's name.
    if license.device.is_some() {
        components.insert("device".to_owned(), digest("device", &wanted.fingerprint));
    }
    let described = &wanted.described;
    let machine = Machine {
        name: described.name.clone().or_else(|| described.hostname.clone()),
        platform: described.platform.clone(),
        components,
        ..Machine::default()
    };
    let granted = match activation::activate(tx, ctx, &seen.key, &machine)? {
        Ok(granted) => granted,
        Err(refused) => return Ok(Err(refused.into())),
    };
    let details = written(ctx, &granted.activation, wanted);
    tx.keygen_machine_save(&details)?;
    Ok(Ok(seen_machine(ctx, seen, granted.activation, Some(details))))
}

fn written(ctx: Context, activation: &ActivationRecord, wanted: &Wanted) -> KeygenMachineRecord {
    let Described { name, hostname, platform, ip, cores, memory, disk, metadata } = wanted.described.clone();
    KeygenMachineRecord {
        activation_id: activation.id,
        license_id: activation.license_id,
        fingerprint: wanted.fingerprint.clone(),
        name,
        hostname,
        platform,
        ip,
        cores,
        memory,
        disk,
        metadata: Value::Object(metadata),
        components: wanted.components.clone(),
        last_heartbeat_at: None,
        heartbeat_reset: false,
        last_check_out_at: None,
        created_at: ctx.now,
        updated_at: ctx.now,
    }
}

fn seen_machine(
    ctx: Context,
    license: SeenLicense,
    activation: ActivationRecord,
    details: Option<KeygenMachineRecord>,
) -> SeenMachine {
    let heart = heart(&activation, details.as_ref(), license.lease, ctx.now);
    SeenMachine { activation, details, named: None, heart, license }
}

/// The machine with this id or fingerprint, where the guest may see it and it was not given back.
///
/// # Errors
/// The database's and the seal's.
pub fn get(tx: &mut Tx, ctx: Context, guest: &Guest, product: &Slug, name: &str) -> Done<Option<SeenMachine>> {
    let by_id = match name.parse::<ActivationId>() {
        Ok(id) => {
            let found = tx.activation_find(id)?;
            visible(tx, ctx, guest, product, found)?
        }
        Err(_) => None,
    };
    // A machine may be called like another's id, which the guest does not see.
    if by_id.is_some() {
        return Ok(by_id);
    }
    let found = by_fingerprint(tx, ctx, guest, product, name)?;
    let seen = visible(tx, ctx, guest, product, found)?;
    Ok(seen.map(|seen| SeenMachine { named: Some(name.to_owned()), ..seen }))
}

/// `found`, where the guest may see it and it was not given back.
fn visible(
    tx: &mut Tx,
    ctx: Context,
    guest: &Guest,
    product: &Slug,
    found: Option<ActivationRecord>,
) -> Done<Option<SeenMachine>> {
    let Some(activation) = found.filter(|it| it.ended_at.is_none()) else { return Ok(None) };
    let Some(license) = guest.license_by_id(tx, ctx, product, activation.license_id)? else { return Ok(None) };
    let details = tx.keygen_machine_find(activation.id)?;
    Ok(Some(seen_machine(ctx, license, activation, details)))
}

fn by_fingerprint(
    tx: &mut Tx,
    ctx: Context,
    guest: &Guest,
    product: &Slug,
    fingerprint: &str,
) -> Done<Option<ActivationRecord>> {
    match guest {
        Guest::License(own) => find(tx, ctx, own.license.id, verdict::rules(ctx, &own.license), fingerprint),
        // A fingerprint is a license's; where several licenses of the product have it, it names none.
        Guest::Token(_) => match tx.keygen_machines_by_fingerprint(product, fingerprint)?.as_slice() {
            [only] => Ok(tx.activation_find(*only)?),
            _ => Ok(None),
        },
    }
}

/// What `machine` is now, with the license's row held until the commit.
fn held(tx: &mut Tx, seen: &SeenMachine) -> Done<()> {
    tx.license_for_update(seen.license.license.id)?;
    Ok(())
}

/// Gives the seat back.
///
/// # Errors
/// The database's; missing keys.
pub fn delete(tx: &mut Tx, ctx: Context, seen: &SeenMachine) -> Done<Result<(), Refusal>> {
    let done = activation::deactivate(tx, ctx, &seen.license.key, seen.activation.id)?;
    Ok(done.map(|_| ()).map_err(Refusal::from))
}

/// Renews the lease of a machine that lives.
///
/// # Errors
/// The database's; missing keys.
pub fn ping(tx: &mut Tx, ctx: Context, seen: SeenMachine) -> Done<Result<SeenMachine, Refusal>> {
    let renewed = match renewed(tx, ctx, &seen, Stay::Usual)? {
        Ok(renewed) => renewed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let details = described(tx, ctx, &seen)?;
    let details = KeygenMachineRecord { last_heartbeat_at: Some(ctx.now), heartbeat_reset: false, ..details };
    tx.keygen_machine_save(&details)?;
    Ok(Ok(seen_machine(ctx, seen.license, renewed, Some(details))))
}

/// The seat after its lease was renewed.
pub(super) fn renewed(
    tx: &mut Tx,
    ctx: Context,
    seen: &SeenMachine,
    stay: Stay,
) -> Done<Result<ActivationRecord, Refusal>> {
    let renewal = Renewal { stay, ..Renewal::default() };
    let renewed = activation::renew(tx, ctx, &seen.license.key, seen.activation.id, &renewal)?;
    Ok(renewed.map(|granted| granted.activation).map_err(Refusal::from))
}

/// Says that the heart has not begun to beat. The lease goes on as it was: who never pings loses a floating seat with it.
///
/// # Errors
/// The database's.
pub fn reset(tx: &mut Tx, ctx: Context, seen: SeenMachine) -> Done<SeenMachine> {
    held(tx, &seen)?;
    let details = described(tx, ctx, &seen)?;
    let details =
        KeygenMachineRecord { last_heartbeat_at: None, heartbeat_reset: true, updated_at: ctx.now, ..details };
    tx.keygen_machine_save(&details)?;
    Ok(seen_machine(ctx, seen.license, seen.activation, Some(details)))
}

/// Changes what the machine says of itself.
///
/// # Errors
/// The database's.
pub fn change(tx: &mut Tx, ctx: Context, seen: SeenMachine, changed: &Changed) -> Done<SeenMachine> {
    held(tx, &seen)?;
    let mut details = described(tx, ctx, &seen)?;
    let Changed { name, hostname, platform, ip, cores, memory, disk, metadata } = changed.clone();
    details.name = name.unwrap_or(details.name);
    details.hostname = hostname.unwrap_or(details.hostname);
    details.platform = platform.unwrap_or(details.platform);
    details.ip = ip.unwrap_or(details.ip);
    details.cores = cores.unwrap_or(details.cores);
    details.memory = memory.unwrap_or(details.memory);
    details.disk = disk.unwrap_or(details.disk);
    details.metadata = metadata.map_or(details.metadata, Value::Object);
    details.updated_at = ctx.now;
    tx.keygen_machine_save(&details)?;
    Ok(seen_machine(ctx, seen.license, seen.activation, Some(details)))
}

/// What is written down of a machine; of one that came through Signet's own door something is from now on.
pub(super) fn described(tx: &mut Tx, ctx: Context, seen: &SeenMachine) -> Done<KeygenMachineRecord> {
    // Read again: what was read before the row was held may be older.
    if let Some(details) = tx.keygen_machine_find(seen.activation.id)? {
        return Ok(KeygenMachineRecord { fingerprint: seen.fingerprint(), ..details });
    }
    let described = Described {
        name: seen.activation.name.clone(),
        platform: seen.activation.platform.clone(),
        ..Described::default()
    };
    let wanted = Wanted { fingerprint: seen.fingerprint(), components: Vec::new(), described };
    Ok(written(ctx, &seen.activation, &wanted))
}

/// The details of each of `activations`, which are of `license`.
pub(super) fn seen_machines(
    tx: &mut Tx,
    ctx: Context,
    license: &SeenLicense,
    activations: Vec<ActivationRecord>,
) -> Done<Vec<SeenMachine>> {
    let mut machines = Vec::with_capacity(activations.len());
    for activation in activations {
        let details = tx.keygen_machine_find(activation.id)?;
        machines.push(seen_machine(ctx, license.clone(), activation, details));
    }
    Ok(machines)
}
