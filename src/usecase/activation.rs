//! Machines take seats, renew their leases and give seats back.
//!
//! Everything that counts seats holds the license's row until the commit, so that of any number of racers for the last
//! seat one gets it. The same machine again is the same activation, also when its seat was given back meanwhile.

use serde_json::json;
use signet_verify::{
    claims::{Asked, BoundMachine, Components, LeaseClaims},
    kind::Kind,
    machine::OPERATOR,
};

use crate::{
    base::{
        ids::{ActivationId, LicenseId},
        limits,
        secret::SecretString,
        time::Time,
    },
    license::{
        activation::{self, LeaseTimes, Reason, Rules, Stay, best_match},
        sign,
    },
    store::{ActivationFilter, ActivationRecord, Tx},
};

use super::{
    Actor, Context, Done, Failure, change, code,
    credential::Held,
    verdict::{self, Subject, Verdict},
};

/// Name of the history's entry about a new machine: also what the limit of new machines a day counts.
const ACTIVATED: &str = "activated";
/// How far the clocks of servers on one database may be apart, in seconds.
const CLOCKS_APART: i64 = 300;

/// A machine that wants a seat. The caller has checked lengths and components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The software's product.
    pub product: Option<String>,
    /// The software's version.
    pub version: Option<String>,
    /// What the machine calls itself.
    pub name: Option<String>,
    /// Its system.
    pub platform: Option<String>,
    /// Whether it is a container.
    pub container: bool,
    /// What it is made of; never empty.
    pub components: Components,
    /// How long it wants to stay away.
    pub stay: Stay,
    /// Comes back in everything signed.
    pub nonce: Option<String>,
}

/// A machine that has a seat and wants its next lease. The caller has checked lengths and components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// The software's version.
    pub version: Option<String>,
    /// What the machine is made of; empty: not said.
    pub components: Components,
    /// How long it wants to stay away.
    pub stay: Stay,
    /// Comes back in everything signed.
    pub nonce: Option<String>,
}

/// A seat with its lease.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The activation.
    pub activation: ActivationRecord,
    /// Whether the machine had no seat before.
    pub new_seat: bool,
    /// The lease, a `lease+jwt`.
    pub lease: String,
    /// The newest license code.
    pub code: String,
    /// The product's newest key list, a `keys+jwt`.
    pub keys: String,
    /// The service's clock.
    pub server_time: Time,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

/// Something that works, but not as the caller may think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// A container without a component of its operator: the next one will be another machine.
    ContainerIdentity,
    /// The plan lends no seats: the lease is an ordinary one.
    BorrowRefused,
    /// The loan is shorter than was asked for.
    BorrowShortened {
        /// Days that the plan allows.
        days: u16,
    },
}

impl Warning {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContainerIdentity => "container_identity",
            Self::BorrowRefused => "borrow_refused",
            Self::BorrowShortened { .. } => "borrow_shortened",
        }
    }

    /// What it means and what to do, in English.
    pub fn detail(self) -> String {
        match self {
            Self::ContainerIdentity => "A container has nothing that lasts: give it an id that stays the same \
                                        (SIGNET_MACHINE_ID), or each start takes another seat."
                .to_owned(),
            Self::BorrowRefused => "The plan does not lend seats: the lease has its ordinary length.".to_owned(),
            Self::BorrowShortened { days } => format!("The plan lends seats for at most {days} days."),
        }
    }
}

/// No seat, or no lease.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Why; signed.
    pub verdict: Verdict,
    /// Who has the seats, oldest first and at most [`limits::HOLDERS`], when there is none left.
    pub holders: Vec<Holder>,
}

/// A machine that has a seat, as others of the same license may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its activation, by which the seat can be freed.
    pub id: ActivationId,
    /// What it calls itself.
    pub name: Option<String>,
    /// Its system.
    pub platform: Option<String>,
    /// Since when.
    pub since: Time,
    /// When it last asked for a lease.
    pub last_seen_at: Time,
}

/// What came of asking for a seat or a lease.
pub type Outcome<T> = Result<T, Box<Refused>>;

/// A call that was let in: the license, held until the commit, and what was asked.
struct Call<'a> {
    ctx: Context<'a>,
    held: Held,
    rules: Rules<'a>,
    asked: Asked,
}

/// Takes a seat for the machine, or finds the one it has.
///
/// # Errors
/// The database's; missing keys.
pub fn activate(tx: &mut Tx, ctx: Context, credential: &SecretString, machine: &Machine) -> Done<Outcome<Granted>> {
    let Machine { product, version, components, nonce, .. } = machine.clone();
    let asked = Asked { product, version, components, nonce, ..Asked::default() };
    let call = match open(tx, ctx, credential, asked)? {
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
    let (after, times) = call.activated(known.as_ref(), machine);
    match &known {
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
    let call = match open(tx, ctx, credential, asked)? {
        Ok(call) => call,
        Err(refused) => return Ok(Err(refused)),
    };
    let found = tx.activation_find(id)?.filter(|it| it.license_id == call.held.license.id && it.ended_at.is_none());
    let Some(before) = found else { return call.refuse(tx, Reason::MachineUnknown, None).map(Err) };
    let presented = &call.asked.components;
    let reason = if !presented.is_empty() && !call.rules.machine.rule.matches(&before.components, presented) {
        Some(Reason::MachineMismatch)
    } else if before.has_lapsed(ctx.now) {
        Some(Reason::LeaseEnded)
    } else {
        call.keeps_seat(tx, &before)?
    };
    if let Some(reason) = reason {
        return call.refuse(tx, reason, Some(before.id)).map(Err);
    }
    let (after, times) = call.renewed(&before, stay);
    tx.activation_update(&before, &after)?;
    Ok(Ok(call.grant(tx, after, times, stay)?))
}

/// Gives the seat back, whatever state the license is in; also when it was given back before.
///
/// # Errors
/// The database's; missing keys.
pub fn deactivate(tx: &mut Tx, ctx: Context, credential: &SecretString, id: ActivationId) -> Done<Outcome<()>> {
    let asked = verdict::asked(credential, Asked::default());
    let held = match verdict::find(tx, ctx, credential, &asked)? {
        Ok(held) => held,
        Err(verdict) => return Ok(Err(Box::new(Refused { verdict: *verdict, holders: Vec::new() }))),
    };
    let rules = verdict::rules(ctx, &held.license);
    // Who stole a key shall not take seats away with it.
    let reason = if held.code_revoked(&rules) { Some(Reason::CodeRevoked) } else { None };
    let reason = match reason {
        Some(reason) => Some(reason),
        None => free(tx, ctx, held.license.id, id)?.is_none().then_some(Reason::MachineUnknown),
    };
    match reason {
        None => Ok(Ok(())),
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

/// Finds the license, holds it, and looks for everything that speaks against it before any machine.
fn open<'a>(tx: &mut Tx, ctx: Context<'a>, credential: &SecretString, asked: Asked) -> Done<Outcome<Call<'a>>> {
    let asked = verdict::asked(credential, asked);
    let mut held = match verdict::find(tx, ctx, credential, &asked)? {
        Ok(held) => held,
        Err(verdict) => return Ok(Err(Box::new(Refused { verdict: *verdict, holders: Vec::new() }))),
    };
    let id = held.license.id;
    let gone = || Failure::Missing(format!("license {id} is gone"));
    held.license = tx.license_for_update(id)?.ok_or_else(gone)?;
    let rules = verdict::rules(ctx, &held.license);
    let objection = verdict::objection(ctx, &held, &rules, &asked);
    let call = Call { ctx, held, rules, asked };
    match objection {
        None => Ok(Ok(call)),
        Some(reason) => call.refuse(tx, reason, None).map(Err),
    }
}

impl Call<'_> {
    /// The activation that the machine has or had.
    fn known(&self, tx: &mut Tx) -> Done<Option<ActivationRecord>> {
        let (rule, presented) = (self.rules.machine.rule, &self.asked.components);
        let candidates = tx.activation_candidates(self.held.license.id, rule, presented)?;
        let ranked = candidates.iter().map(|it| (it, &it.components, it.has_seat(self.ctx.now)));
        Ok(best_match(ranked, rule, presented).cloned())
    }

    /// Whether a machine that has a seat keeps it. After a license was made smaller the oldest do.
    fn keeps_seat(&self, tx: &mut Tx, known: &ActivationRecord) -> Done<Option<Reason>> {
        let license = &self.held.license;
        // It had its place when it was last seen, and none is given away that is not free: only a change of the license
        // since then can have cost it. So the count is spared that a renewal would need.
        let unchanged = known.last_seen_at.since(license.updated_at).as_secs() > CLOCKS_APART;
        if unchanged || tx.activation_seats(license.id, Some(known.id), self.ctx.now)? < license.machines {
            Ok(None)
        } else {
            Ok(Some(Reason::MachineLimit))
        }
    }

    /// Whether there is a seat for a machine that has none.
    fn gets_seat(&self, tx: &mut Tx, known: Option<&ActivationRecord>) -> Done<Option<Reason>> {
        let license = &self.held.license;
        if tx.activation_seats(license.id, None, self.ctx.now)? >= license.machines {
            return Ok(Some(Reason::MachineLimit));
        }
        if !self.counts_as_new(known) {
            return Ok(None);
        }
        let most = self.rules.machine.new_per_day(license.machines);
        let seen = tx.history_count(license.id, ACTIVATED, self.ctx.now.plus_days(-1))?;
        Ok((seen >= most).then_some(Reason::ActivationCycling))
    }

    /// Whether taking a seat counts as a new machine: it was never here, or its seat was given back. Seats of floating
    /// plans are meant to wander, so there only machines count that were never here.
    fn counts_as_new(&self, known: Option<&ActivationRecord>) -> bool {
        known.is_none_or(|known| known.ended_at.is_some() && !self.rules.lease.floating)
    }

    fn times(&self, id: ActivationId, before: Option<&ActivationRecord>, stay: Stay) -> LeaseTimes {
        let now = self.ctx.now;
        let loan = before.filter(|it| it.borrowed && it.ended_at.is_none() && it.lease_ends_at > now);
        activation::lease_times(&self.held.license, &self.rules, stay, loan.map(|it| it.lease_ends_at), id, now)
    }

    /// The activation after the machine took its seat.
    fn activated(&self, known: Option<&ActivationRecord>, machine: &Machine) -> (ActivationRecord, LeaseTimes) {
        let (now, license) = (self.ctx.now, &self.held.license);
        let id = known.map_or_else(|| ActivationId::new(now, self.ctx.entropy), |known| known.id);
        let times = self.times(id, known, machine.stay);
        let kept = |new: &Option<String>, old: fn(&ActivationRecord) -> &Option<String>| {
            new.clone().or_else(|| known.and_then(|known| old(known).clone()))
        };
        let activation = ActivationRecord {
            id,
            license_id: license.id,
            product: license.product.clone(),
            name: kept(&machine.name, |it| &it.name),
            platform: kept(&machine.platform, |it| &it.platform),
            version: kept(&machine.version, |it| &it.version),
            container: machine.container,
            components: machine.components.clone(),
            floating: self.rules.lease.floating,
            lease_ends_at: times.ends_at,
            grace_until: times.grace_until,
            borrowed: times.borrowed,
            created_at: known.map_or(now, |known| known.created_at),
            last_seen_at: now,
            ended_at: None,
            ended_by: None,
        };
        (activation, times)
    }

    /// The activation after a renewal.
    fn renewed(&self, before: &ActivationRecord, stay: Stay) -> (ActivationRecord, LeaseTimes) {
        let times = self.times(before.id, Some(before), stay);
        let mut after = before.clone();
        if !self.asked.components.is_empty() {
            after.components = self.asked.components.clone();
        }
        after.version = self.asked.version.clone().or(after.version);
        after.floating = self.rules.lease.floating;
        after.lease_ends_at = times.ends_at;
        after.grace_until = times.grace_until;
        after.borrowed = times.borrowed;
        after.last_seen_at = self.ctx.now;
        (after, times)
    }

    /// Signs the lease of a seat, and gathers what comes with it.
    fn grant(&self, tx: &mut Tx, activation: ActivationRecord, times: LeaseTimes, stay: Stay) -> Done<Granted> {
        let license = &self.held.license;
        let answering = self.ctx.installation.keys.of_product(&license.product)?;
        let claims = self.lease(&activation, times);
        let too_long = |error: crate::license::jws::TooLong| Failure::Missing(error.to_string());
        let lease = sign::sign(Kind::Lease, &claims, answering.signer).map_err(too_long)?;
        Ok(Granted {
            warnings: self.warnings(&activation, stay),
            activation,
            new_seat: false,
            lease,
            code: code::latest(tx, self.ctx, license.id)?,
            keys: answering.list.to_owned(),
            server_time: self.ctx.now,
        })
    }

    fn lease(&self, activation: &ActivationRecord, times: LeaseTimes) -> LeaseClaims {
        let (license, now) = (&self.held.license, self.ctx.now);
        LeaseClaims {
            iss: self.ctx.installation.issuer.clone(),
            sub: license.id.to_string(),
            aud: Kind::Lease.audience(license.product.as_str()),
            activation: activation.id.to_string(),
            iat: now.as_seconds(),
            time: now.as_micros(),
            exp: times.ends_at.as_seconds(),
            renew_after: times.renew_after.as_seconds(),
            grace_until: times.grace_until.as_seconds(),
            plan: license.plan.to_string(),
            machines: license.machines,
            features: activation::signed_features(&license.features),
            rev: license.rev,
            license_exp: license.expiry.at().map(Time::as_seconds),
            floating: activation.floating,
            machine: BoundMachine { rule: self.rules.machine.rule, components: activation.components.clone() },
            nonce: self.asked.nonce.clone(),
        }
    }

    fn warnings(&self, activation: &ActivationRecord, stay: Stay) -> Vec<Warning> {
        let lease = self.rules.lease;
        let anonymous = activation.container && !activation.components.contains_key(OPERATOR);
        let borrow = match stay {
            Stay::Borrow(_) if !lease.floating || lease.borrow_days == 0 => Some(Warning::BorrowRefused),
            Stay::Borrow(days) if days > lease.borrow_days => {
                Some(Warning::BorrowShortened { days: lease.borrow_days })
            }
            _ => None,
        };
        anonymous.then_some(Warning::ContainerIdentity).into_iter().chain(borrow).collect()
    }

    /// The refusal, signed; with who has the seats when there is none left.
    fn refuse(self, tx: &mut Tx, reason: Reason, activation: Option<ActivationId>) -> Done<Box<Refused>> {
        let Self { ctx, held, rules, asked } = self;
        let holders = match reason {
            Reason::MachineLimit => holders(tx, ctx, held.license.id)?,
            _ => Vec::new(),
        };
        let subject = Subject { license: Some((&held.license, rules)), activation };
        let verdict = verdict::answer(ctx, asked, subject, reason, None)?;
        Ok(Box::new(Refused { verdict, holders }))
    }
}

fn holders(tx: &mut Tx, ctx: Context, license: LicenseId) -> Done<Vec<Holder>> {
    let page = tx.activation_page(license, ActivationFilter::WithSeat(ctx.now), None, limits::HOLDERS)?;
    let holder = |it: ActivationRecord| Holder {
        id: it.id,
        name: it.name,
        platform: it.platform,
        since: it.created_at,
        last_seen_at: it.last_seen_at,
    };
    Ok(page.into_iter().map(holder).collect())
}
