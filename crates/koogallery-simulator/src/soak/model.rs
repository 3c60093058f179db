//! What the marketplace knows of one purchase: what was acknowledged, and what may have happened although no answer
//! came. It is written from the protocol's point of view, in sets and ranges, so that a lost answer widens what is
//! possible instead of being guessed.

use jiff::Timestamp;
use serde::Serialize;

use crate::{clock::shift_days, line::Line};

/// A license's state as a merchant's records show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Usable.
    Active,
    /// Held by the marketplace: expired or frozen.
    Frozen,
    /// Ended for ever.
    Released,
}

/// Why a license is held. It decides whether a renewal lifts the hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It expired: a renewal lifts it.
    Expired,
    /// Frozen more than 3 days before its expiry, so not for expiry: a renewal does not lift it.
    Violation,
    /// Frozen, and why cannot be told: a renewal may lift it.
    Unclear,
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An expire call.
    Expire,
    /// A freeze.
    Freeze,
    /// An unfreeze, or back to normal.
    Thaw,
    /// A release.
    Release,
}

/// Everything known of one purchase, or of one 2.0 code.
#[derive(Debug, Clone)]
pub struct Purchase {
    line: Line,
    states: Vec<State>,
    hold: Option<Hold>,
    /// The lowest and the highest expiry the service may hold; absent while only the merchant's catalog knows it.
    at_least: Option<Timestamp>,
    at_most: Option<Timestamp>,
    /// The expiry before the last acknowledged renewal, while it can be refunded.
    before_renewal: Option<Timestamp>,
}

impl Purchase {
    /// A purchase that was acknowledged; `expires` is what its call named.
    pub fn new(line: Line, expires: Option<Timestamp>) -> Self {
        Self {
            line,
            states: vec![State::Active],
            hold: None,
            at_least: expires,
            at_most: expires,
            before_renewal: None,
        }
    }

    /// The states the service may hold.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// The state, when only one is possible.
    pub fn state(&self) -> Option<State> {
        match self.states[..] {
            [state] => Some(state),
            _ => None,
        }
    }

    /// The expiry, when only one is possible.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.at_least.filter(|least| self.at_most == Some(*least))
    }

    /// Lowest and highest expiry.
    pub fn expiry_range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.at_least, self.at_most)
    }

    /// What a refund of the last renewal goes back to, when that is sure.
    pub fn refundable_to(&self) -> Option<Timestamp> {
        self.before_renewal.filter(|_| self.expiry().is_some())
    }

    /// A change of state was sent at `at`. Unacknowledged, it may or may not have happened.
    pub fn change(&mut self, change: Change, acknowledged: bool, at: Timestamp) {
        let before = std::mem::take(&mut self.states);
        if before == [State::Released] {
            self.states = before;
            return;
        }
        let after = match change {
            Change::Expire | Change::Freeze => State::Frozen,
            Change::Thaw => State::Active,
            Change::Release => State::Released,
        };
        let hold = self.hold_after(change, at);
        if acknowledged {
            self.hold = hold;
            self.states.push(after);
            // A release that may have happened outlives what came after it.
            self.states.extend(before.into_iter().filter(|state| *state == State::Released && after != *state));
        } else {
            if self.hold != hold {
                self.hold = Some(Hold::Unclear);
            }
            self.states = before;
            self.states.push(after);
        }
        self.tidy();
    }

    /// A violation stays one when the same license also expires: the stronger hold is kept. Which of two freezes
    /// counts is not agreed, so a hold on a held license is unclear unless both are alike.
    fn hold_after(&self, change: Change, at: Timestamp) -> Option<Hold> {
        let new = match change {
            Change::Thaw | Change::Release => return None,
            Change::Expire => Hold::Expired,
            Change::Freeze => match self.at_least {
                // A day of margin on either side of the 3 days, because a clock may be off.
                Some(expires) if expires > shift_days(at, 4) => Hold::Violation,
                Some(_) | None => Hold::Unclear,
            },
        };
        match self.hold {
            Some(old) if old != new && self.states_held() => Some(Hold::Unclear),
            _ => Some(new),
        }
    }

    fn states_held(&self) -> bool {
        self.hold.is_some()
    }

    /// A renewal until `expires` was sent. It never lowers the expiry, except in License 1.0, whose refresh sets it.
    pub fn renew(&mut self, expires: Timestamp, acknowledged: bool) {
        let sets = self.line == Line::License1;
        if acknowledged {
            self.before_renewal = self.expiry().filter(|known| *known < expires);
            let raised = |known: Option<Timestamp>| known.filter(|known| !sets && *known > expires).unwrap_or(expires);
            self.at_least = Some(raised(self.at_least));
            self.at_most = Some(raised(self.at_most));
        } else {
            self.before_renewal = None;
            self.at_most = self.at_most.map(|known| known.max(expires));
            if sets {
                self.at_least = self.at_least.map(|known| known.min(expires));
            }
        }
        self.renewal_lifts(acknowledged);
    }

    fn renewal_lifts(&mut self, acknowledged: bool) {
        if !self.states.contains(&State::Frozen) {
            return;
        }
        match self.hold {
            Some(Hold::Violation) => {}
            Some(Hold::Expired) if acknowledged && !self.states.contains(&State::Released) => {
                self.states = vec![State::Active];
                self.hold = None;
            }
            Some(Hold::Expired | Hold::Unclear) | None => self.states.push(State::Active),
        }
        self.tidy();
    }

    /// The last renewal was refunded: the expiry moves back to `expires`.
    pub fn refund(&mut self, expires: Timestamp, acknowledged: bool) {
        self.before_renewal = None;
        self.at_least = Some(self.at_least.map_or(expires, |known| known.min(expires)));
        if acknowledged {
            self.at_least = Some(expires);
            self.at_most = Some(expires);
        }
    }

    fn tidy(&mut self) {
        self.states.sort_unstable();
        self.states.dedup();
    }
}

/// What the service's own records must show of one purchase at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The product line.
    pub line: Line,
    /// The product's URL, which tells the channel.
    pub url: String,
    /// The purchase's order, under which exactly one license may exist. For code 2.0 it is empty: nothing was bought
    /// here, and `instance_id` is the code.
    pub order_id: String,
    /// The line of the order, where the call names one.
    pub order_line_id: Option<String>,
    /// The purchase was answered with success, so the license must exist. Otherwise it may.
    pub acknowledged: bool,
    /// The purchase was answered "in progress": the license may still be in the making.
    pub in_progress: bool,
    /// The instance that was answered. For code 2.0 the code itself.
    pub instance_id: Option<String>,
    /// The license of the first answer (License 1.0): the service must still answer exactly this.
    pub license: Option<String>,
    /// The states that are possible; one unless an answer was lost for good.
    pub states: Vec<State>,
    /// The expiry on record is not before this. Absent: the marketplace never named one.
    pub expires_at_least: Option<Timestamp>,
    /// The expiry on record is not after this.
    pub expires_at_most: Option<Timestamp>,
    /// Orders of acknowledged renewals, each applied exactly once.
    pub renewals: Vec<String>,
    /// Orders of acknowledged refunds of renewals.
    pub refunds: Vec<String>,
    /// Orders of acknowledged upgrades.
    pub upgrades: Vec<String>,
}

impl Expected {
    /// The expiry on record, when it must be exactly this.
    pub fn expires_exactly(&self) -> Option<Timestamp> {
        self.expires_at_least.filter(|least| self.expires_at_most == Some(*least))
    }

    /// Whether a record with this state and expiry is as expected.
    pub fn allows(&self, state: State, expires: Option<Timestamp>) -> bool {
        let not_before = self.expires_at_least.is_none_or(|least| expires.is_some_and(|at| at >= least));
        let not_after = self.expires_at_most.is_none_or(|most| expires.is_some_and(|at| at <= most));
        self.states.contains(&state) && not_before && not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Timestamp {
        shift_days("2026-01-01T00:00:00Z".parse().unwrap(), days)
    }

    fn bought(line: Line) -> Purchase {
        Purchase::new(line, Some(day(365)))
    }

    #[test]
    fn an_acknowledged_change_is_sure_and_a_lost_one_is_not() {
        let mut purchase = bought(Line::Saas1);
        purchase.change(Change::Freeze, true, day(0));
        assert_eq!(purchase.state(), Some(State::Frozen));
        purchase.change(Change::Thaw, false, day(1));
        assert_eq!(purchase.states(), [State::Active, State::Frozen]);
        purchase.change(Change::Release, false, day(2));
        purchase.change(Change::Freeze, true, day(3));
        assert_eq!(purchase.states(), [State::Frozen, State::Released], "a release outlives what came after it");
        purchase.change(Change::Release, true, day(4));
        purchase.change(Change::Thaw, true, day(5));
        purchase.renew(day(900), true);
        assert_eq!(purchase.states(), [State::Released]);
    }

    #[test]
    fn a_renewal_lifts_expiry_but_no_violation() {
        let after = |change: Change, at: i64| {
            let mut purchase = bought(Line::Saas1);
            purchase.change(change, true, day(at));
            purchase.renew(day(700), true);
            purchase.states().to_vec()
        };
        assert_eq!(after(Change::Expire, 0), [State::Active]);
        assert_eq!(after(Change::Freeze, 0), [State::Frozen]);
        assert_eq!(after(Change::Freeze, 364), [State::Active, State::Frozen]);
    }

    #[test]
    fn a_late_renewal_lowers_nothing_except_in_license_1() {
        let after = |line| {
            let mut purchase = bought(line);
            purchase.renew(day(900), true);
            purchase.renew(day(700), true);
            purchase.expiry()
        };
        assert_eq!(after(Line::Client), Some(day(900)));
        assert_eq!(after(Line::License1), Some(day(700)));
    }

    #[test]
    fn lost_renewals_and_refunds_widen_the_range() {
        let mut purchase = bought(Line::Saas2);
        purchase.renew(day(700), true);
        assert_eq!(purchase.refundable_to(), Some(day(365)));
        purchase.renew(day(900), false);
        assert_eq!(purchase.expiry_range(), (Some(day(700)), Some(day(900))));
        assert_eq!(purchase.refundable_to(), None);
        purchase.refund(day(365), false);
        assert_eq!(purchase.expiry_range(), (Some(day(365)), Some(day(900))));
        purchase.refund(day(365), true);
        assert_eq!(purchase.expiry(), Some(day(365)));
    }
}
