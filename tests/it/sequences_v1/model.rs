//! The rules, written a second time.

use std::collections::{BTreeMap, BTreeSet};

use koogallery_simulator::Line;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

const DAY: i64 = 86_400;

/// When something ends: in days after the start of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term(i64);

impl Term {
    /// In seconds after the start of the test.
    pub fn end(self) -> i64 {
        self.0 * DAY
    }
}

/// What can happen. Orders are few, so that many come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Renew(u8, Term),
    Refund(u8, Term),
    Expire,
    Freeze,
    Unfreeze,
    Release,
    Suspend,
    Resume,
    Extend(Term),
}

/// One step of a sequence.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Seconds that pass before it.
    pub pause: i64,
    /// Seconds between its signature and its arrival: a call can be overtaken by newer ones.
    pub delay: i64,
    pub what: What,
}

/// How people would call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Active,
    Frozen,
    Released,
}

/// A license as the rules see it. All times in seconds after the start of the test.
#[derive(Debug, Clone)]
pub struct License {
    pub line: Line,
    pub now: i64,
    pub expiry: i64,
    /// Kinds of everything the merchant must have been shown.
    pub alerts: BTreeSet<String>,
    /// Whether the last happening was refused.
    pub refused: bool,
    released: bool,
    held: bool,
    violation: bool,
    suspended: bool,
    last_status: Option<i64>,
    /// Orders applied before, with how they were answered.
    renewals: BTreeMap<u8, bool>,
    refunds: BTreeSet<u8>,
}

impl ReferenceStateMachine for License {
    type State = Self;
    type Transition = Happening;

    fn init_state() -> BoxedStrategy<Self> {
        (prop_oneof![Just(Line::License1), Just(Line::Saas1)], 2..400_i64)
            .prop_map(|(line, days)| Self {
                line,
                now: 0,
                expiry: days * DAY,
                alerts: BTreeSet::new(),
                refused: false,
                released: false,
                held: false,
                violation: false,
                suspended: false,
                last_status: None,
                renewals: BTreeMap::new(),
                refunds: BTreeSet::new(),
            })
            .boxed()
    }

    fn transitions(license: &Self) -> BoxedStrategy<Happening> {
        // Mostly seconds, so that delays matter; now and then to a day near the expiry, before or after it.
        let left = license.expiry - license.now;
        let near = (-1..6_i64).prop_map(move |days| (left - days * DAY).max(0) + 7);
        let pause = prop_oneof![3 => 3..20_i64, 1 => near];
        let delay = prop_oneof![2 => Just(0_i64), 1 => 1..45_i64];
        (pause, delay, what(license.line)).prop_map(|(pause, delay, what)| Happening { pause, delay, what }).boxed()
    }

    fn preconditions(license: &Self, happening: &Happening) -> bool {
        // Shrinking may mix lines and calls.
        license.line == Line::Saas1 || !matches!(happening.what, What::Freeze | What::Unfreeze | What::Refund(..))
    }

    fn apply(mut license: Self, happening: &Happening) -> Self {
        license.now += happening.pause;
        license.refused = false;
        license.happen(happening.what, license.now - happening.delay);
        license
    }
}

fn what(line: Line) -> BoxedStrategy<What> {
    let term = || (-3..800_i64).prop_map(Term);
    let order = 0..5_u8;
    let both = prop_oneof![
        6 => (order.clone(), term()).prop_map(|(order, term)| What::Renew(order, term)),
        4 => Just(What::Expire),
        1 => Just(What::Release),
        2 => Just(What::Suspend),
        2 => Just(What::Resume),
        1 => term().prop_map(What::Extend),
    ];
    if line != Line::Saas1 {
        return both.boxed();
    }
    prop_oneof![
        4 => both,
        2 => (order, term()).prop_map(|(order, term)| What::Refund(order, term)),
        2 => Just(What::Freeze),
        2 => Just(What::Unfreeze),
    ]
    .boxed()
}

impl License {
    pub fn standing(&self) -> Standing {
        match (self.released, self.held || self.suspended) {
            (true, _) => Standing::Released,
            (false, true) => Standing::Frozen,
            (false, false) => Standing::Active,
        }
    }

    /// How many orders beside the purchase the service must know.
    pub fn orders(&self) -> usize {
        self.renewals.len() + self.refunds.len()
    }

    fn happen(&mut self, what: What, signed_at: i64) {
        match what {
            What::Renew(order, term) => self.renew(order, term.end()),
            What::Refund(order, term) => self.refund(order, term.end()),
            What::Expire | What::Freeze | What::Unfreeze => self.status(what, signed_at),
            What::Release => self.released = true,
            What::Suspend | What::Resume | What::Extend(_) if self.released => self.refused = true,
            What::Suspend => self.suspended = true,
            What::Resume => self.suspended = false,
            What::Extend(term) => self.expiry = term.end(),
        }
    }

    fn renew(&mut self, order: u8, to: i64) {
        if let Some(refused) = self.renewals.get(&order) {
            self.refused = *refused;
            return;
        }
        let refunded = self.refunds.contains(&order);
        self.refused = self.released && !refunded;
        self.renewals.insert(order, self.refused);
        if refunded {
            return;
        }
        if self.released {
            self.tell("paid_after_release");
            return;
        }
        if self.line == Line::License1 {
            self.lower(to);
        } else if to < self.expiry {
            self.tell("expiry_not_lowered");
        }
        self.expiry = self.expiry.max(to);
        if self.held && to > self.now {
            if self.violation {
                self.tell("still_held_for_violation");
            } else {
                self.held = false;
            }
        }
    }

    fn refund(&mut self, order: u8, to: i64) {
        let first = self.refunds.insert(order);
        if !first || self.released {
            return;
        }
        if !self.lower(to) {
            self.tell("refund_lowered_nothing");
        }
    }

    fn lower(&mut self, to: i64) -> bool {
        let lower = to < self.expiry;
        if lower {
            self.expiry = to;
            self.tell("expiry_lowered");
        }
        lower
    }

    fn status(&mut self, what: What, signed_at: i64) {
        if self.released || self.last_status.is_some_and(|last| signed_at <= last) {
            return;
        }
        self.last_status = Some(signed_at);
        match what {
            What::Unfreeze => (self.held, self.violation) = (false, false),
            What::Expire => {
                if self.expiry > self.now {
                    self.tell("expired_ahead");
                }
                self.held = true;
            }
            _ => {
                if self.expiry - signed_at > 3 * DAY {
                    if !self.violation {
                        self.tell("frozen_for_violation");
                    }
                    self.violation = true;
                }
                self.held = true;
            }
        }
    }

    fn tell(&mut self, kind: &str) {
        self.alerts.insert(kind.to_owned());
    }
}
