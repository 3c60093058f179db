//! The state machine: what each event does to where a license stands and when it ends.
//!
//! | event | active | frozen | released |
//! |---|---|---|---|
//! | `Renewed` | expiry moves up, never down¹ ⁴ | the same, and lifts the marketplace's hold when the date named lies ahead and the hold is no violation² | refused, flagged: somebody paid |
//! | `RenewalRefunded` | expiry moves to the date named when that is lower, flagged | the same; holds stay | nothing |
//! | `Expired` | frozen by the marketplace, flagged when the stored expiry lies ahead | marketplace's hold is set³ | nothing |
//! | `Frozen` | frozen by the marketplace; a violation when more than 3 days before the expiry⁵ | marketplace's hold is set³ | nothing |
//! | `Unfrozen` | nothing | marketplace's hold is lifted³; stays frozen while the merchant's stands | nothing |
//! | `Released` | released | released | nothing |
//! | `Upgraded` | the grant changes | the same; holds stay | refused, flagged: somebody paid |
//! | `Suspended` | frozen by the merchant | merchant's hold is set | refused |
//! | `Resumed` | nothing | merchant's hold is lifted; stays frozen while the marketplace's stands | refused |
//! | `Extended` | expiry moves to the date named, either way | the same; holds stay | refused |
//!
//! ¹ Only License 1.0's `refreshLicense` (one call, no scene) may move it down: flagged.
//! ² A FREEZE long before the expiry cannot be about the term: only UNFREEZE lifts it. The merchant is told.
//! ³ Unless signed no later than the last such call that was applied: then it is an old call overtaken by a
//!   newer one, answered as success without effect. `Released` needs no such guard: it is terminal, so in
//!   whatever order the calls truly happened, a license that was ever released is released.
//! ⁴ An expiry that is only Signet's guess (the order named no term) gives way to any stated date, also to an
//!   earlier one: there is no stated date that a late call could undo. A lower one is flagged all the same.
//! ⁵ A guess proves no violation: the newer lines tell the term's end by a FREEZE, and it may well come long before an
//!   end that nobody stated. The hold is one about the term, flagged, and a paid renewal lifts it.
//!
//! The marketplace's answers follow from the [`Verdict`]: everything is `000000` but
//! [`Verdict::Gone`], which is `000003` for a paid event.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::base::time::Time;

use super::model::{Expiry, Standing};

/// A FREEZE more than this long before the stored expiry is for a violation, not for the term's end.
pub const VIOLATION_LEAD: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Where a license stands and when it ends: all that the state machine reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// State and holds.
    pub standing: Standing,
    /// When it ends.
    pub expiry: Expiry,
}

/// What can happen to a license that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A renewal, a change of plan with it, or a trial that became formal. `None`: the call named no date
    /// and none could be worked out.
    Renewed {
        /// The new expiry.
        to: Option<Expiry>,
        /// Whether it may lie before the stored one (License 1.0's refresh).
        may_lower: bool,
    },
    /// A renewal was refunded.
    RenewalRefunded {
        /// The expiry that remains.
        to: Option<Time>,
    },
    /// The marketplace says the term is over.
    Expired {
        /// When the call was signed.
        signed_at: Time,
    },
    /// The marketplace suspends.
    Frozen {
        /// When the call was signed.
        signed_at: Time,
    },
    /// The marketplace resumes.
    Unfrozen {
        /// When the call was signed.
        signed_at: Time,
    },
    /// The right ends for good, by the marketplace's or the merchant's word.
    Released,
    /// Another plan or quantity.
    Upgraded,
    /// The merchant suspends.
    Suspended,
    /// The merchant resumes.
    Resumed,
    /// The merchant sets the expiry.
    Extended {
        /// The new expiry.
        to: Expiry,
    },
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Something changed.
    Applied,
    /// The license already stood so.
    Unchanged,
    /// An older call, overtaken by a newer one: no effect.
    Stale,
    /// The license is released: refused.
    Gone,
}

/// What the merchant should know about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "remark", rename_all = "snake_case")]
pub enum Remark {
    /// The marketplace expired a license whose stored expiry lies ahead, or froze one long before an end that is a guess.
    ExpiredAhead {
        /// The stored expiry, `None` for a license without one.
        expiry: Option<Time>,
    },
    /// A freeze long before the stated expiry: a violation in the marketplace's eyes.
    FrozenForViolation,
    /// A renewal was paid but the violation's hold stays until the marketplace unfreezes.
    StillHeldForViolation,
    /// The expiry moved back.
    Lowered {
        /// From.
        from: Option<Time>,
        /// To.
        to: Time,
    },
    /// A renewal named an earlier date than the stored one, which stays: it came late.
    NotLowered {
        /// The stored expiry.
        kept: Option<Time>,
        /// The renewal's.
        named: Time,
    },
    /// A refund of a renewal named no earlier date: the renewal may still be on its way.
    RefundLoweredNothing,
    /// A renewal named no date, so the expiry stays.
    RenewalWithoutDate,
    /// A renewal or upgrade was paid for a license that is released.
    PaidAfterRelease,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the license stands now.
    pub position: Position,
    /// What came of the event.
    pub verdict: Verdict,
    /// What the merchant should know.
    pub remarks: Vec<Remark>,
}

impl Position {
    /// What `event` leads to at `now`. See the table in the module's documentation.
    pub fn next(self, event: Event, now: Time) -> Step {
        if self.standing.released {
            return self.after_release(event);
        }
        match event {
            Event::Renewed { to, may_lower } => self.renewed(to, may_lower, now),
            Event::RenewalRefunded { to } => self.refunded(to),
            Event::Expired { signed_at } => self.newer(signed_at, |it| it.expired(signed_at, now)),
            Event::Frozen { signed_at } => self.newer(signed_at, |it| it.frozen(signed_at)),
            Event::Unfrozen { signed_at } => self.newer(signed_at, Self::unfrozen),
            Event::Released => self.standing(|it| it.released = true),
            Event::Upgraded => self.step(Verdict::Applied),
            Event::Suspended => self.standing(|it| it.merchant_hold = true),
            Event::Resumed => self.standing(|it| it.merchant_hold = false),
            Event::Extended { to } => Self { expiry: to, ..self }.compared_with(self),
        }
    }

    fn after_release(self, event: Event) -> Step {
        match event {
            Event::Renewed { .. } | Event::Upgraded => {
                Step { remarks: vec![Remark::PaidAfterRelease], ..self.step(Verdict::Gone) }
            }
            Event::Suspended | Event::Resumed | Event::Extended { .. } => self.step(Verdict::Gone),
            Event::RenewalRefunded { .. }
            | Event::Expired { .. }
            | Event::Frozen { .. }
            | Event::Unfrozen { .. }
            | Event::Released => self.step(Verdict::Unchanged),
        }
    }

    fn renewed(self, to: Option<Expiry>, may_lower: bool, now: Time) -> Step {
        let mut after = self;
        let mut remarks = Vec::new();
        match to {
            None => remarks.push(Remark::RenewalWithoutDate),
            Some(to) if may_lower || !earlier(to, self.expiry) || outranks(to, self.expiry) => after.expiry = to,
            Some(to) => remarks.extend(to.at().map(|named| Remark::NotLowered { kept: self.expiry.at(), named })),
        }
        remarks.extend(lowered(self.expiry, after.expiry));
        // The renewal's own date decides: one that arrives late and names a day gone by resumes nothing.
        let ahead = to.is_some_and(|to| to.at().is_none_or(|at| at > now));
        if self.standing.marketplace_hold && ahead {
            if self.standing.violation {
                remarks.push(Remark::StillHeldForViolation);
            } else {
                after.standing.marketplace_hold = false;
            }
        }
        Step { remarks, ..after.compared_with(self) }
    }

    fn refunded(self, to: Option<Time>) -> Step {
        let Some(to) = to else {
            return Step { remarks: vec![Remark::RenewalWithoutDate], ..self.step(Verdict::Unchanged) };
        };
        let to = Expiry::Confirmed(to);
        let remark = lowered(self.expiry, to);
        let after = if remark.is_some() { Self { expiry: to, ..self } } else { self };
        Step { remarks: vec![remark.unwrap_or(Remark::RefundLoweredNothing)], ..after.compared_with(self) }
    }

    fn expired(self, signed_at: Time, now: Time) -> Step {
        let ahead = self.expiry.at().is_none_or(|at| at > now);
        let remarks = if ahead { vec![Remark::ExpiredAhead { expiry: self.expiry.at() }] } else { Vec::new() };
        let step = self.standing(|it| {
            it.marketplace_hold = true;
            it.status_signed_at = Some(signed_at);
        });
        Step { remarks, ..step }
    }

    fn frozen(self, signed_at: Time) -> Step {
        let early = self.expiry.at().is_none_or(|at| at.since(signed_at) > VIOLATION_LEAD);
        let guess = self.expiry.is_guess();
        let remarks = match early {
            true if guess && !self.standing.marketplace_hold => vec![Remark::ExpiredAhead { expiry: self.expiry.at() }],
            true if !guess && !self.standing.violation => vec![Remark::FrozenForViolation],
            _ => Vec::new(),
        };
        let step = self.standing(|it| {
            it.marketplace_hold = true;
            // A repeat of a violation's FREEZE close to the expiry does not make it one about the term.
            it.violation = it.violation || (early && !guess);
            it.status_signed_at = Some(signed_at);
        });
        Step { remarks, ..step }
    }

    fn unfrozen(self) -> Step {
        self.standing(|it| {
            it.marketplace_hold = false;
            it.violation = false;
        })
    }

    /// Runs `apply` when the call was signed after the last status call that was applied, and notes its time.
    fn newer(self, signed_at: Time, apply: impl FnOnce(Self) -> Step) -> Step {
        if self.standing.status_signed_at.is_some_and(|last| signed_at <= last) {
            return self.step(Verdict::Stale);
        }
        let mut step = apply(self);
        step.position.standing.status_signed_at = Some(signed_at);
        step
    }

    fn standing(self, change: impl FnOnce(&mut Standing)) -> Step {
        let mut after = self;
        change(&mut after.standing);
        after.compared_with(self)
    }

    fn compared_with(self, before: Self) -> Step {
        let visible = |it: Self| (Standing { status_signed_at: None, ..it.standing }, it.expiry);
        self.step(if visible(self) == visible(before) { Verdict::Unchanged } else { Verdict::Applied })
    }

    fn step(self, verdict: Verdict) -> Step {
        Step { position: self, verdict, remarks: Vec::new() }
    }
}

/// Whether `candidate` ends before `current`; an expiry that never comes is later than any.
fn earlier(candidate: Expiry, current: Expiry) -> bool {
    match (candidate.at(), current.at()) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(candidate), Some(current)) => candidate < current,
    }
}

/// Whether `candidate` was stated and `current` is only a guess.
fn outranks(candidate: Expiry, current: Expiry) -> bool {
    current.is_guess() && !candidate.is_guess()
}

fn lowered(from: Expiry, to: Expiry) -> Option<Remark> {
    let moved_to = to.at().filter(|_| earlier(to, from))?;
    Some(Remark::Lowered { from: from.at(), to: moved_to })
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
