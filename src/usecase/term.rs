//! When a license ends whose order names no date, and what had to be made up for it.
//!
//! A date that the call brings is the end, whatever else it says. Without one:
//!
//! | goods | a period is told | the plan's term ends | the plan is perpetual |
//! |---|---|---|---|
//! | sold once | never | never | never |
//! | sold by the period | that period | the plan's term, a guess² | a month, a guess² |
//! | by use, a package of use | that period | the plan's term, a guess | a year, a guess² |
//! | the call does not say | that period | the plan's term, a guess² | a year, a guess² |
//! | only ids: the channel's default plan | — | the plan's term, a guess | a year, a guess² |
//! | the merchant completed the order | — | the plan's term, a guess | never¹ |
//!
//! Periods run by the calendar in UTC. Only goods sold once may last for good (the marketplace's `chargingMode` 3),
//! and only the merchant (¹) may say so in the marketplace's place: a plan alone cannot know how it was sold.
//!
//! Where nothing is told, the guess must cut off nobody who paid and give away nothing for good. Goods sold by the
//! period run for a month at least. All others get a year: the longest unit by which the marketplace sells. When
//! the right ends sooner, the marketplace's expire or FREEZE call ends it; when it lasts longer, the merchant, who is told at
//! once (²), has that year and the plan's slack to set the true end. A plan whose term ends is the merchant's own word
//! for goods without a period; for goods that are sold by the period the call should have named one of several,
//! so there the merchant is told as well, unless nobody paid (a trial).
//!
//! A guess never stands against a date that the marketplace states later: see [`crate::license::state`].

use serde_json::{Value, json};

use crate::{
    base::time::Time,
    license::{
        model::Expiry,
        plan::{Plan, Term},
    },
    marketplace::event::{Charging, PurchaseDetails},
};

/// The least that goods sold by the period last.
const SHORTEST: Term = Term::Months(1);
/// The longest unit by which the marketplace sells.
const LONGEST: Term = Term::Years(1);

/// Who described an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// The marketplace, in the purchase's call or in the order's details.
    Marketplace,
    /// Nobody: the call brought only ids, and the channel's default plan stands in.
    Catalog,
    /// The merchant, who completed the order.
    Merchant,
}

/// An end, and what had to be made up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// When the license ends.
    pub expiry: Expiry,
    /// The term that was taken where one should have been told: the merchant must see it.
    pub made_up: Option<Term>,
}

impl End {
    fn told(expiry: Expiry) -> Self {
        Self { expiry, made_up: None }
    }
}

/// When the license of a purchase ends that is carried out at `now`. See the table in the module's documentation.
pub fn first_end(plan: &Plan, details: &PurchaseDetails, teller: Teller, now: Time) -> End {
    if let Some(at) = details.expires_at {
        return End::told(Expiry::Estimated(at));
    }
    if details.charging == Some(Charging::OneTime) {
        return End::told(Expiry::Never);
    }
    if let Some(end) = details.period.and_then(|period| period.end(now)) {
        return End::told(Expiry::Estimated(end));
    }
    let by_period = match details.charging {
        Some(charging) => charging == Charging::Period,
        None => teller == Teller::Marketplace,
    };
    match plan.term.end(now) {
        Some(end) => {
            let made_up = (by_period && !details.trial).then_some(plan.term);
            End { expiry: Expiry::Guessed(end), made_up }
        }
        None if teller == Teller::Merchant && details.charging.is_none() => End::told(Expiry::Never),
        None => guess(if details.charging == Some(Charging::Period) { SHORTEST } else { LONGEST }, now),
    }
}

/// When a trial ends that became formal at `now` by a call that names neither date nor period: as a purchase whose call
/// does not say how it was sold.
pub fn formal_end(plan: &Plan, now: Time) -> End {
    first_end(plan, &PurchaseDetails::default(), Teller::Marketplace, now)
}

/// What the alert says of a term that was made up.
pub fn made_up(term: Term) -> Value {
    json!({ "taken": term, "do": "look the order up in the marketplace and set the end of the license" })
}

/// The end of a term that was made up. At the end of all time, where no calendar goes on, it is now: nothing may last
/// for good by accident.
fn guess(term: Term, now: Time) -> End {
    End { expiry: Expiry::Guessed(term.end(now).unwrap_or(now)), made_up: Some(term) }
}

#[cfg(test)]
#[path = "term_tests.rs"]
mod tests;
