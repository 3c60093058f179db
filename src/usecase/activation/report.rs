//! A machine reports what it used: each report is counted whole and once, or not at all.

use std::collections::BTreeMap;

use signet_verify::claims::{Asked, ReportFacts};

use crate::{
    base::{decimal::Decimal, ids::ActivationId, limits, secret::SecretString},
    license::activation::Reason,
    store::{ReportRecord, Tx},
    usecase::{
        Context, Done,
        usage::{self, ledger::Ledger},
        verdict::{self, Subject, Verdict},
    },
};

use super::{
    call::{Call, enter},
    types::Outcome,
};

/// What a machine used. The caller has checked the id's form and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// By which it is known when it is sent again.
    pub id: String,
    /// What was used.
    pub meter: String,
    /// How much.
    pub amount: Decimal,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was counted.
    Counted,
    /// It was counted before.
    Repeated,
    /// Nothing of it was counted.
    Refused(Reason),
}

/// What became of a call's reports.
#[derive(Debug, Clone)]
pub struct Reported {
    /// Each report's id and what became of it, in order.
    pub reports: Vec<(String, Became)>,
    /// The signed answer. Where none of the reports counts, its reason is that of the first; where the license does not hold,
    /// or the machine has no seat, the reason is that, whatever was counted before.
    pub verdict: Verdict,
}

impl Became {
    /// Why it does not count.
    pub fn refused(self) -> Option<Reason> {
        match self {
            Self::Counted | Self::Repeated => None,
            Self::Refused(reason) => Some(reason),
        }
    }
}

/// Counts `reports` of the machine of activation `id`, one after the other. Who may renew the activation may report; a
/// machine that is one too many since the license was made smaller as well, until its next renewal: it used what it used.
///
/// # Errors
/// The database's; missing keys.
pub fn report(
    tx: &mut Tx,
    ctx: Context,
    credential: &SecretString,
    id: ActivationId,
    nonce: Option<&str>,
    reports: &[Report],
) -> Done<Outcome<Reported>> {
    let asked = Asked { nonce: nonce.map(str::to_owned), activation: Some(id.to_string()), ..Asked::default() };
    let ids: Vec<&str> = reports.iter().map(|it| it.id.as_str()).collect();
    let more = |tx: &mut Tx, nobody| {
        tx.activation_find(id)?;
        tx.reports_find(nobody, &ids).map(drop)
    };
    let (call, objection) = match enter(tx, ctx, credential, asked, |_, held| held.key_revoked(), more)? {
        Ok(entered) => entered,
        Err(refused) => return Ok(Err(refused)),
    };
    let found = tx.activation_find(id)?.filter(|it| it.license_id == call.held.license.id && it.ended_at.is_none());
    let seat = found.as_ref().map(|_| id);
    let reason = match (objection, found) {
        (Some(reason), _) => Some((reason, None)),
        (None, None) => Some((Reason::MachineUnknown, None)),
        (None, Some(machine)) if call.is_other_device(&machine) => Some((Reason::DeviceMismatch, seat)),
        (None, Some(machine)) => machine.has_lapsed(ctx.now).then_some((Reason::LeaseEnded, seat)),
    };
    match reason {
        Some((reason, activation)) => turned_away(tx, call, activation, reports, reason),
        None => count(tx, call, id, reports).map(Ok),
    }
}

/// Nothing new is counted. What was counted before is said to be: its answer may have been lost, and whoever believed that
/// it does not count would report it once more under another id.
fn turned_away(
    tx: &mut Tx,
    call: Call,
    activation: Option<ActivationId>,
    reports: &[Report],
    reason: Reason,
) -> Done<Outcome<Reported>> {
    let ids: Vec<&str> = reports.iter().map(|it| it.id.as_str()).collect();
    let known = tx.reports_find(call.held.license.id, &ids)?;
    let is_known = |report: &Report| {
        known
            .iter()
            .any(|it| (it.report_id == report.id) && (it.meter == report.meter) && (it.amount == report.amount.0))
    };
    if !reports.iter().any(is_known) {
        return call.refuse(tx, reason, activation).map(Err);
    }
    let outcome = |report| if is_known(report) { Became::Repeated } else { Became::Refused(reason) };
    let became: Vec<(String, Became)> = reports.iter().map(|it| (it.id.clone(), outcome(it))).collect();
    let facts: Vec<ReportFacts> = became.iter().map(|(id, became)| facts(id, *became)).collect();
    let Call { ctx, held, rules, asked } = call;
    let subject = Subject { license: Some((&held.license, rules)), activation, reports: &facts, ..Subject::default() };
    let verdict = verdict::answer(ctx, asked, subject, reason, None)?;
    Ok(Ok(Reported { reports: became, verdict }))
}

fn count(tx: &mut Tx, call: Call, id: ActivationId, reports: &[Report]) -> Done<Reported> {
    let Call { ctx, held, rules, asked } = call;
    let license_id = held.license.id;
    let mut ledger = Ledger::open(tx, ctx, license_id)?;
    let ids: Vec<&str> = reports.iter().map(|it| it.id.as_str()).collect();
    let known = tx.reports_find(license_id, &ids)?;
    let mut known = known
        .into_iter()
        .map(|it| {
            let content = (it.meter, it.amount);
            // Another machine that has its seat counted something of its own: what this one used would be lost as a repeat.
            let is_others = it.activation_id != id && is_seated(tx, it.activation_id, ctx)?;
            Ok((it.report_id, (!is_others).then_some(content)))
        })
        .collect::<Done<BTreeMap<String, Option<(String, i64)>>>>()?;
    let day = ctx.now.as_seconds().div_euclid(86_400);
    let sent = tx.report_day(license_id)?.filter(|(last, _)| *last == day).map_or(0, |(_, reports)| reports);
    let room = usize::try_from(limits::REPORTS_PER_DAY.saturating_sub(sent)).unwrap_or(0);
    let mut new = Vec::new();
    let mut became = Vec::with_capacity(reports.len());
    for Report { id: report_id, meter, amount } in reports {
        let content = (meter.clone(), amount.0);
        let planned = rules.plan.and_then(|plan| plan.meter(meter));
        let outcome = match (known.get(report_id), planned) {
            (Some(Some(before)), _) if *before == content => Became::Repeated,
            (Some(_), _) => Became::Refused(Reason::ReportConflict),
            (None, None) => Became::Refused(Reason::MeterUnknown),
            // To count nothing twice does no harm, so nothing is kept of it.
            (None, Some(_)) if amount.0 == 0 => Became::Counted,
            (None, Some(_)) if new.len() >= room => Became::Refused(Reason::ReportLimit),
            (None, Some(planned)) => {
                let fits = planned.takes(ledger.reading(planned).used, *amount);
                // What is more than any marketplace can show is beyond every limit.
                if fits && ledger.count(meter, Some(planned), amount.0) {
                    Became::Counted
                } else {
                    Became::Refused(Reason::UsageLimit)
                }
            }
        };
        if outcome == Became::Counted && amount.0 != 0 {
            known.insert(report_id.clone(), Some(content));
            new.push(ReportRecord {
                license_id,
                report_id: report_id.clone(),
                meter: meter.clone(),
                amount: amount.0,
                counted_at: ctx.now,
                activation_id: id,
            });
        }
        became.push((report_id.clone(), outcome));
    }
    if !new.is_empty() {
        tx.reports_insert(&new)?;
        tx.report_day_save(license_id, day, sent.saturating_add(i64::try_from(new.len()).unwrap_or(i64::MAX)))?;
    }
    ledger.save(tx)?;
    if !new.is_empty() {
        usage::push::wake(tx, ctx, &held.license)?;
    }
    let meters = rules.plan.map(|plan| ledger.readings(plan)).unwrap_or_default();
    let facts: Vec<ReportFacts> = became.iter().map(|(id, became)| facts(id, *became)).collect();
    let subject =
        Subject { license: Some((&held.license, rules)), activation: Some(id), meters: &meters, reports: &facts };
    let verdict = verdict::answer(ctx, asked, subject, reason(&became), None)?;
    Ok(Reported { reports: became, verdict })
}

fn is_seated(tx: &mut Tx, id: ActivationId, ctx: Context) -> Done<bool> {
    Ok(tx.activation_find(id)?.is_some_and(|it| it.has_seat(ctx.now)))
}

/// The first report's, where none counts.
fn reason(became: &[(String, Became)]) -> Reason {
    let counts = became.iter().any(|(_, became)| became.refused().is_none());
    let first = became.first().and_then(|(_, became)| became.refused());
    first.filter(|_| !counts).unwrap_or(Reason::Valid)
}

fn facts(id: &str, became: Became) -> ReportFacts {
    let reason = became.refused().map(|reason| reason.as_str().to_owned());
    ReportFacts { id: id.to_owned(), counted: reason.is_none(), reason }
}
