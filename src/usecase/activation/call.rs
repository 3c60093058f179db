//! One call about a license that is there and held until the commit: who has a seat, who gets one, what is signed.

use signet_verify::{
    claims::{Asked, BoundMachine, LeaseClaims},
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
        sign::{self, TooLong},
    },
    store::{ActivationFilter, ActivationRecord, Tx},
    usecase::{
        Context, Done, Failure, code,
        credential::Held,
        verdict::{self, Subject},
    },
};

use super::types::{Granted, Holder, Machine, Outcome, Refused, Warning};

/// Name of the history's entry about a new machine: also what the limit of new machines a day counts.
pub(super) const ACTIVATED: &str = "activated";
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

/// Finds the license, holds it, and looks for everything that speaks against it before any machine.
pub(super) fn open<'a>(
    tx: &mut Tx,
    ctx: Context<'a>,
    credential: &SecretString,
    asked: Asked,
) -> Done<Outcome<Call<'a>>> {
    let asked = verdict::asked(credential, asked);
    let mut held =
        match verdict::find(tx, ctx, credential, &asked, |tx, nobody| tx.license_for_update(nobody).map(drop))? {
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
    pub(super) fn known(&self, tx: &mut Tx) -> Done<Option<ActivationRecord>> {
        let (rule, presented) = (self.rules.machine.rule, &self.asked.components);
        let candidates = tx.activation_candidates(self.held.license.id, rule, presented)?;
        let ranked = candidates.iter().map(|it| (it, &it.components, it.has_seat(self.ctx.now)));
        Ok(best_match(ranked, rule, presented).cloned())
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
        let most = self.rules.machine.new_per_day(license.machines);
        let seen = tx.history_count(license.id, ACTIVATED, self.ctx.now.plus_days(-1))?;
        Ok((seen >= most).then_some(Reason::ActivationCycling))
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
            components: machine.components.clone(),
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
    pub(super) fn renewed(&self, before: &ActivationRecord, stay: Stay) -> (ActivationRecord, LeaseTimes) {
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
