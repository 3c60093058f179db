//! One call about a license that is there and held until the commit: who has a seat, who gets one, what is signed.

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
        model::License,
        sign::{self, TooLong},
    },
    store::{ActivationFilter, ActivationRecord, StoreError, Tx},
    usecase::{
        Context, Done, Failure,
        alert::{self, AlertKind},
        change, code,
        credential::Held,
        usage,
        verdict::{self, Subject},
    },
};

use super::types::{Granted, Holder, Machine, Outcome, Refused, Warning};

/// Name of the history's entry about a new machine: also what the limit of new machines a day counts.
pub(super) const ACTIVATED: &str = "activated";
/// Name of the history's entry about a known machine that is made of something else now; the limit counts it as well.
const CHANGED: &str = "machine_changed";
/// What the limit of new machines a day counts.
const COUNTED: &[&str] = &[ACTIVATED, CHANGED];
/// Name of the history's entry about a day on which machines were turned away.
const SEAT_REFUSED: &str = "seat_refused";
/// How far the clocks of servers on one database may be apart, in seconds.
const CLOCKS_APART: i64 = 300;
/// Seconds within which asking again gets the same lease again and writes nothing: software that starts over and over,
/// or fifty times at once, costs no more than one that starts once.
const SAME_LEASE: i64 = 60;

/// A call that was let in: the license, held until the commit, and what was asked.
pub(super) struct Call<'a> {
    pub(super) ctx: Context<'a>,
    pub(super) held: Held,
    pub(super) rules: Rules<'a>,
    pub(super) asked: Asked,
}

/// Finds the license, holds it, and looks for everything that speaks against it before any machine. `revoked` says whether
/// the code that was shown does.
pub(super) fn open<'a>(
    tx: &mut Tx,
    ctx: Context<'a>,
    credential: &SecretString,
    asked: Asked,
    revoked: fn(Context, &Held) -> bool,
) -> Done<Outcome<Call<'a>>> {
    match enter(tx, ctx, credential, asked, revoked, |_, _| Ok(()))? {
        Ok((call, None)) => Ok(Ok(call)),
        Ok((call, Some(reason))) => call.refuse(tx, reason, None).map(Err),
        Err(refused) => Ok(Err(refused)),
    }
}

/// The same, where what speaks against the license is not the last word. `more` is what the caller reads then, done for
/// nobody's license too, so that the answer comes neither sooner nor later.
pub(super) fn enter<'a>(
    tx: &mut Tx,
    ctx: Context<'a>,
    credential: &SecretString,
    asked: Asked,
    revoked: fn(Context, &Held) -> bool,
    more: impl FnOnce(&mut Tx, LicenseId) -> Result<(), StoreError>,
) -> Done<Outcome<(Call<'a>, Option<Reason>)>> {
    let asked = verdict::asked(credential, asked);
    let first = |tx: &mut Tx, nobody| {
        tx.license_for_update(nobody)?;
        more(tx, nobody)
    };
    let mut held = match verdict::find(tx, ctx, credential, &asked, first)? {
        Ok(held) => held,
        Err(verdict) => return Ok(Err(Box::new(Refused { verdict: *verdict, holders: Vec::new(), wait: None }))),
    };
    let id = held.license.id;
    let gone = || Failure::Missing(format!("license {id} is gone"));
    held.license = tx.license_for_update(id)?.ok_or_else(gone)?;
    let rules = verdict::rules(ctx, &held.license);
    let objection = verdict::objection(ctx, &held, &rules, &asked, revoked(ctx, &held));
    Ok(Ok((Call { ctx, held, rules, asked }, objection)))
}

impl Call<'_> {
    /// The activation that the machine has or had.
    pub(super) fn known(&self, tx: &mut Tx) -> Done<Option<ActivationRecord>> {
        let (rule, presented) = (self.rules.machine.rule, &self.asked.components);
        let candidates = tx.activation_candidates(self.held.license.id, rule, presented)?;
        let ranked = candidates.iter().map(|it| (it, &it.components, it.has_seat(self.ctx.now)));
        Ok(best_match(ranked, rule, presented).cloned())
    }

    /// Whether the license is bound to another device than the machine as it is known. One that says what it is made of was
    /// asked before; one that says nothing must not get around that.
    pub(super) fn is_other_device(&self, known: &ActivationRecord) -> bool {
        self.asked.components.is_empty()
            && activation::is_other_device(&self.held.license, &self.rules, &known.components)
    }

    /// Whether a machine that has a seat keeps it. After a license was made smaller the oldest do.
    pub(super) fn keeps_seat(&self, tx: &mut Tx, known: &ActivationRecord) -> Done<Option<Reason>> {
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
    pub(super) fn gets_seat(&self, tx: &mut Tx, known: Option<&ActivationRecord>) -> Done<Option<Reason>> {
        let license = &self.held.license;
        if tx.activation_seats(license.id, None, self.ctx.now)? >= license.machines {
            return Ok(Some(Reason::MachineLimit));
        }
        if !self.counts_as_new(known) {
            return Ok(None);
        }
        Ok(self.has_wandered(tx)?.then_some(Reason::ActivationCycling))
    }

    /// Whether the license saw all the new machines that it may see within a day. One that was known and is made of
    /// something else now counts as well: else a seat would walk from one machine to another part by part.
    fn has_wandered(&self, tx: &mut Tx) -> Done<bool> {
        let license = &self.held.license;
        let most = self.rules.machine.new_per_day(license.machines);
        Ok(tx.history_count(license.id, COUNTED, self.ctx.now.plus_days(-1))? >= most)
    }

    /// What a machine that was known as `known` is known by from now on. Beyond the day's number of new machines it stays
    /// what it was. That refuses nobody: a disk that was replaced, or a part that comes and goes, is no reason to stop a
    /// machine of which enough is the same. But no seat walks farther in a day than it could by being given back.
    pub(super) fn remembered(&self, tx: &mut Tx, known: &ActivationRecord) -> Done<Components> {
        let presented = &self.asked.components;
        let new = presented.iter().filter(|(name, digest)| known.components.get(*name) != Some(digest));
        let parts: Vec<&String> = new.map(|(name, _)| name).collect();
        // Of a machine with an operator's component the others say nothing. A component left out adds no other machine's.
        let operator = known.components.get(OPERATOR);
        if parts.is_empty() || (operator.is_some() && presented.get(OPERATOR) == operator) {
            let silent = presented.is_empty();
            return Ok(if silent { known.components.clone() } else { presented.clone() });
        }
        if self.has_wandered(tx)? {
            return Ok(known.components.clone());
        }
        let detail = json!({ "activation": known.id, "name": known.name, "components": parts });
        change::record(tx, self.ctx, &self.held.license, CHANGED, detail)?;
        Ok(presented.clone())
    }

    /// Whether taking a seat counts as a new machine: it was never here, or its seat was given back. Seats of floating
    /// plans are meant to wander, so there only machines count that were never here, and those that gave a loan back
    /// early: what was signed for a loan goes on running without a network, so one seat could serve any number of machines.
    pub(super) fn counts_as_new(&self, known: Option<&ActivationRecord>) -> bool {
        let Some(known) = known else { return true };
        let lease = self.rules.lease;
        known.ended_at.is_some_and(|ended| !lease.floating || known.lease_ends_at.since(ended) > lease.length())
    }

    /// When a machine that asks now counts as seen: a moment ago, when it had a lease given then.
    fn seen_at(&self, before: Option<&ActivationRecord>) -> Time {
        let now = self.ctx.now;
        let again =
            before.filter(|it| it.has_seat(now) && (0..SAME_LEASE).contains(&now.since(it.last_seen_at).as_secs()));
        again.map_or(now, |it| it.last_seen_at)
    }

    fn times(&self, id: ActivationId, before: Option<&ActivationRecord>, stay: Stay) -> LeaseTimes {
        let seen = self.seen_at(before);
        let loan = before.filter(|it| it.borrowed && it.ended_at.is_none() && it.lease_ends_at > seen);
        activation::lease_times(&self.held.license, &self.rules, stay, loan.map(|it| it.lease_ends_at), id, seen)
    }

    /// The activation after the machine took its seat.
    pub(super) fn activated(
        &self,
        known: Option<&ActivationRecord>,
        machine: &Machine,
        components: Components,
    ) -> (ActivationRecord, LeaseTimes) {
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
            components,
            floating: self.rules.lease.floating,
            lease_ends_at: times.ends_at,
            grace_until: times.grace_until,
            borrowed: times.borrowed,
            created_at: known.map_or(now, |known| known.created_at),
            last_seen_at: self.seen_at(known),
            ended_at: None,
            ended_by: None,
        };
        (activation, times)
    }

    /// The activation after a renewal.
    pub(super) fn renewed(
        &self,
        before: &ActivationRecord,
        components: Components,
        stay: Stay,
    ) -> (ActivationRecord, LeaseTimes) {
        let times = self.times(before.id, Some(before), stay);
        let mut after = before.clone();
        after.components = components;
        after.version = self.asked.version.clone().or(after.version);
        after.floating = self.rules.lease.floating;
        after.lease_ends_at = times.ends_at;
        after.grace_until = times.grace_until;
        after.borrowed = times.borrowed;
        after.last_seen_at = self.seen_at(Some(before));
        (after, times)
    }

    /// Signs the lease of a seat, and gathers what comes with it.
    pub(super) fn grant(
        &self,
        tx: &mut Tx,
        activation: ActivationRecord,
        times: LeaseTimes,
        stay: Stay,
    ) -> Done<Granted> {
        let license = &self.held.license;
        let answering = self.ctx.installation.keys.of_product(&license.product)?;
        let claims = self.lease(&activation, times);
        let too_long = |error: TooLong| Failure::Missing(error.to_string());
        let lease = sign::sign(Kind::Lease, &claims, answering.signer).map_err(too_long)?;
        Ok(Granted {
            warnings: self.warnings(&activation, stay),
            activation,
            new_seat: false,
            lease,
            code: code::latest(tx, self.ctx, license.id)?,
            keys: answering.list.to_owned(),
            server_time: self.ctx.now,
            meters: usage::readings(tx, self.ctx, license)?,
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
            features: license.features.clone(),
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
    pub(super) fn refuse(self, tx: &mut Tx, reason: Reason, activation: Option<ActivationId>) -> Done<Box<Refused>> {
        let Self { ctx, held, rules, asked } = self;
        if matches!(reason, Reason::MachineLimit | Reason::ActivationCycling) {
            tell_merchant(tx, ctx, &held.license, reason)?;
        }
        let holders = match reason {
            Reason::MachineLimit => holders(tx, ctx, held.license.id)?,
            _ => Vec::new(),
        };
        let wait = match reason {
            Reason::ActivationCycling => Some(wait(tx, ctx, &held.license, &rules)?),
            _ => None,
        };
        let subject = Subject { license: Some((&held.license, rules)), activation, ..Subject::default() };
        let verdict = verdict::answer(ctx, asked, subject, reason, None)?;
        Ok(Box::new(Refused { verdict, holders, wait }))
    }
}

/// Shows the merchant that a license turns machines away: an alert, which counts, and the first time within a day a line of
/// the history. So however often software asks, a license has one row of the one and one a day of the other.
fn tell_merchant(tx: &mut Tx, ctx: Context, license: &License, reason: Reason) -> Done<()> {
    let detail = json!({ "reason": reason.as_str(), "machines": license.machines });
    if tx.history_count(license.id, &[SEAT_REFUSED], ctx.now.plus_days(-1))? == 0 {
        change::record(tx, ctx, license, SEAT_REFUSED, detail.clone())?;
    }
    alert::count(tx, ctx, AlertKind::SeatRefused, license, detail)
}

/// Seconds until the license may see another new machine: when so many of those that count are a day old that fewer than
/// the limit are left.
fn wait(tx: &mut Tx, ctx: Context, license: &License, rules: &Rules) -> Done<u32> {
    let (most, from) = (rules.machine.new_per_day(license.machines), ctx.now.plus_days(-1));
    let beyond = tx.history_count(license.id, COUNTED, from)?.saturating_sub(most);
    let leaves = tx.history_time(license.id, COUNTED, from, beyond)?.map_or(ctx.now, |at| at.plus_days(1));
    // One more: it counts until it is older than a day, and what is below a second is cut off.
    Ok(u32::try_from(leaves.since(ctx.now).as_secs()).unwrap_or(0).saturating_add(1))
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
