//! The table of `state`, line by line, then random histories against a second, naive reading of the rules.

use proptest::prelude::*;

use super::{
    super::model::{Expiry, Standing, State},
    Event, Position, Remark, Step, VIOLATION_LEAD, Verdict,
};
use crate::base::time::Time;

fn day(number: i64) -> Time {
    Time::from_micros(1_700_000_000_000_000).unwrap().plus_days(number)
}

const NOW: i64 = 100;

fn position(marketplace_hold: bool, merchant_hold: bool, released: bool) -> Position {
    Position {
        standing: Standing { released, marketplace_hold, merchant_hold, ..Standing::default() },
        expiry: Expiry::Estimated(day(NOW + 20)),
    }
}

fn active() -> Position {
    position(false, false, false)
}

fn run(position: Position, event: Event) -> Step {
    position.next(event, day(NOW))
}

fn renewed(to: i64) -> Event {
    Event::Renewed { to: Some(Expiry::Confirmed(day(to))), may_lower: false }
}

/// Every cell of the table: state × event → state and verdict.
#[test]
fn every_state_meets_every_event() {
    use State::{Active, Frozen, Released};
    use Verdict::{Applied, Gone, Unchanged};
    let signed_at = day(NOW);
    let soon = |it: Position| Position { expiry: Expiry::Confirmed(day(NOW + 1)), ..it };
    let held = soon(position(true, false, false));
    let suspended = soon(position(false, true, false));
    let both = soon(position(true, true, false));
    let ended = soon(position(false, false, true));
    let active = soon(active());
    let events: [(Event, [(State, Verdict); 5]); 10] = [
        //                                          active             held               suspended          both               released
        (
            renewed(NOW + 400),
            [(Active, Applied), (Active, Applied), (Frozen, Applied), (Frozen, Applied), (Released, Gone)],
        ),
        (
            Event::RenewalRefunded { to: Some(day(NOW - 1)) },
            [(Active, Applied), (Frozen, Applied), (Frozen, Applied), (Frozen, Applied), (Released, Unchanged)],
        ),
        (
            Event::Expired { signed_at },
            [(Frozen, Applied), (Frozen, Unchanged), (Frozen, Applied), (Frozen, Unchanged), (Released, Unchanged)],
        ),
        (
            Event::Frozen { signed_at },
            [(Frozen, Applied), (Frozen, Unchanged), (Frozen, Applied), (Frozen, Unchanged), (Released, Unchanged)],
        ),
        (
            Event::Unfrozen { signed_at },
            [(Active, Unchanged), (Active, Applied), (Frozen, Unchanged), (Frozen, Applied), (Released, Unchanged)],
        ),
        (
            Event::Released,
            [(Released, Applied), (Released, Applied), (Released, Applied), (Released, Applied), (Released, Unchanged)],
        ),
        (
            Event::Upgraded,
            [(Active, Applied), (Frozen, Applied), (Frozen, Applied), (Frozen, Applied), (Released, Gone)],
        ),
        (
            Event::Suspended,
            [(Frozen, Applied), (Frozen, Applied), (Frozen, Unchanged), (Frozen, Unchanged), (Released, Gone)],
        ),
        (
            Event::Resumed,
            [(Active, Unchanged), (Frozen, Unchanged), (Active, Applied), (Frozen, Applied), (Released, Gone)],
        ),
        (
            Event::Extended { to: Expiry::Confirmed(day(NOW + 5)) },
            [(Active, Applied), (Frozen, Applied), (Frozen, Applied), (Frozen, Applied), (Released, Gone)],
        ),
    ];
    for (event, expected) in events {
        for (before, (state, verdict)) in [active, held, suspended, both, ended].into_iter().zip(expected) {
            let step = run(before, event);
            assert_eq!((step.position.standing.state(), step.verdict), (state, verdict), "{before:?} × {event:?}");
            if verdict != Applied {
                assert_eq!(step.position.expiry, before.expiry, "{before:?} × {event:?}");
            }
        }
    }
}

#[test]
fn a_late_renewal_never_lowers_the_expiry() {
    let step = run(active(), renewed(NOW + 10));
    assert_eq!(step.position.expiry, active().expiry);
    let told = Remark::NotLowered { kept: Some(day(NOW + 20)), named: day(NOW + 10) };
    assert_eq!((step.verdict, step.remarks), (Verdict::Unchanged, vec![told]));
}

/// Regression: a license issued from the plan's term kept that guess against the earlier date that was paid for.
#[test]
fn a_stated_date_outranks_a_guess_also_when_it_is_earlier() {
    let guessed = Position { expiry: Expiry::Guessed(day(NOW + 300)), ..active() };
    for stated in [Expiry::Estimated(day(NOW + 30)), Expiry::Confirmed(day(NOW + 30))] {
        let step = run(guessed, Event::Renewed { to: Some(stated), may_lower: false });
        assert_eq!(step.position.expiry, stated);
        assert_eq!(step.remarks, [Remark::Lowered { from: Some(day(NOW + 300)), to: day(NOW + 30) }]);
        // Once a date was stated, a late renewal lowers nothing again.
        assert_eq!(run(step.position, renewed(NOW + 10)).position.expiry, stated);
    }
    let worse = Event::Renewed { to: Some(Expiry::Guessed(day(NOW + 30))), may_lower: false };
    assert_eq!(run(guessed, worse).position.expiry, guessed.expiry, "a guess outranks nothing");
    let step = run(active(), Event::Renewed { to: Some(Expiry::Guessed(day(NOW + 10))), may_lower: false });
    assert_eq!(step.position.expiry, active().expiry);
}

/// Regression: the stored expiry lay ahead, so a renewal named for years ago thawed an expired license.
#[test]
fn a_late_renewal_of_a_day_gone_by_resumes_nothing() {
    let expired = run(active(), Event::Expired { signed_at: day(NOW) }).position;
    assert_eq!(run(expired, renewed(NOW - 300)).position.standing.state(), State::Frozen);
}

/// Regression: an expiry ahead of its date was not told when a freeze had come before.
#[test]
fn an_early_expire_is_told_under_a_hold_as_well() {
    let frozen = run(active(), Event::Frozen { signed_at: day(NOW) }).position;
    let step = run(frozen, Event::Expired { signed_at: day(NOW + 1) });
    assert_eq!(step.remarks, [Remark::ExpiredAhead { expiry: Some(day(NOW + 20)) }]);
}

#[test]
fn a_license_1_0_refresh_may_lower_and_says_so() {
    let to = Expiry::Confirmed(day(NOW + 10));
    let step = run(active(), Event::Renewed { to: Some(to), may_lower: true });
    assert_eq!(step.position.expiry, to);
    assert_eq!(step.remarks, [Remark::Lowered { from: Some(day(NOW + 20)), to: day(NOW + 10) }]);
}

#[test]
fn a_refund_lowers_and_a_refund_that_lowers_nothing_is_flagged() {
    let lower = run(active(), Event::RenewalRefunded { to: Some(day(NOW + 1)) });
    assert_eq!(lower.remarks, [Remark::Lowered { from: Some(day(NOW + 20)), to: day(NOW + 1) }]);
    let early = run(active(), Event::RenewalRefunded { to: Some(day(NOW + 30)) });
    assert_eq!(early.remarks, [Remark::RefundLoweredNothing]);
    assert_eq!(early.position, active());
}

#[test]
fn a_perpetual_license_is_lowered_only_by_what_may_lower() {
    let perpetual = Position { expiry: Expiry::Never, ..active() };
    assert_eq!(run(perpetual, renewed(NOW + 400)).position.expiry, Expiry::Never);
    let step = run(perpetual, Event::RenewalRefunded { to: Some(day(NOW)) });
    assert_eq!(step.remarks, [Remark::Lowered { from: None, to: day(NOW) }]);
}

#[test]
fn expire_is_authoritative_and_flagged_when_the_stored_expiry_lies_ahead() {
    let step = run(active(), Event::Expired { signed_at: day(NOW) });
    assert_eq!(step.position.standing.state(), State::Frozen);
    assert_eq!(step.remarks, [Remark::ExpiredAhead { expiry: Some(day(NOW + 20)) }]);
    let due = Position { expiry: Expiry::Estimated(day(NOW - 1)), ..active() };
    assert_eq!(run(due, Event::Expired { signed_at: day(NOW) }).remarks, []);
}

#[test]
fn a_renewal_lifts_an_expiry_but_not_a_violation() {
    let expired = run(active(), Event::Expired { signed_at: day(NOW) }).position;
    assert_eq!(run(expired, renewed(NOW + 400)).position.standing.state(), State::Active);

    let violation = run(active(), Event::Frozen { signed_at: day(NOW) });
    assert_eq!(violation.remarks, [Remark::FrozenForViolation]);
    let paid = run(violation.position, renewed(NOW + 400));
    assert_eq!(paid.position.standing.state(), State::Frozen);
    assert_eq!(paid.remarks, [Remark::StillHeldForViolation]);
    let unfrozen = run(paid.position, Event::Unfrozen { signed_at: day(NOW + 1) });
    assert_eq!(unfrozen.position.standing.state(), State::Active);
}

/// Regression: a month's license whose call told no term was guessed to last a year. The FREEZE at its true end counted as
/// a violation, and the customer who then paid the renewal stayed frozen.
#[test]
fn a_freeze_long_before_a_guess_is_no_violation_and_a_paid_renewal_lifts_it() {
    let guessed = Position { expiry: Expiry::Guessed(day(NOW + 300)), ..active() };
    let frozen = run(guessed, Event::Frozen { signed_at: day(NOW) });
    assert_eq!(frozen.position.standing.state(), State::Frozen);
    assert_eq!(frozen.remarks, [Remark::ExpiredAhead { expiry: Some(day(NOW + 300)) }]);
    assert_eq!(
        run(frozen.position, Event::Frozen { signed_at: day(NOW + 1) }).remarks,
        [],
        "a retry tells nothing new"
    );
    assert_eq!(run(frozen.position, renewed(NOW + 30)).position.standing.state(), State::Active);

    // A violation that was one stays one.
    let violation = run(active(), Event::Frozen { signed_at: day(NOW) }).position;
    let guessed = Position { expiry: Expiry::Guessed(day(NOW + 300)), ..violation };
    assert!(run(guessed, Event::Frozen { signed_at: day(NOW + 1) }).position.standing.violation);
}

#[test]
fn exactly_three_days_before_the_expiry_is_no_violation() {
    let at = day(NOW + 20).saturating_add(-VIOLATION_LEAD);
    assert!(!active().next(Event::Frozen { signed_at: at }, at).position.standing.violation);
    let before = Time::from_micros(at.as_micros() - 1).unwrap();
    assert!(active().next(Event::Frozen { signed_at: before }, before).position.standing.violation);
}

#[test]
fn a_renewal_into_the_past_lifts_nothing() {
    let held = Position { expiry: Expiry::Confirmed(day(NOW - 30)), ..position(true, false, false) };
    let step = run(held, renewed(NOW - 10));
    assert_eq!(step.position.standing.state(), State::Frozen);
    assert_eq!(step.position.expiry, Expiry::Confirmed(day(NOW - 10)));
}

#[test]
fn a_renewal_without_a_date_changes_nothing_and_is_flagged() {
    let held = position(true, false, false);
    let step = run(held, Event::Renewed { to: None, may_lower: true });
    assert_eq!((step.position, step.remarks), (held, vec![Remark::RenewalWithoutDate]));
}

#[test]
fn freeze_unfreeze_freeze_ends_frozen_and_a_second_expiry_freezes_again() {
    let mut position = active();
    for (hour, event) in [0, 1, 2].map(i64::from).into_iter().zip(["freeze", "unfreeze", "freeze"]) {
        let signed_at = Time::from_micros(day(NOW).as_micros() + hour).unwrap();
        let event = if event == "freeze" { Event::Frozen { signed_at } } else { Event::Unfrozen { signed_at } };
        position = run(position, event).position;
    }
    assert_eq!(position.standing.state(), State::Frozen);

    let expired = run(active(), Event::Expired { signed_at: day(NOW) }).position;
    let renewed = run(expired, renewed(NOW + 30)).position;
    let again = renewed.next(Event::Expired { signed_at: day(NOW + 31) }, day(NOW + 31));
    assert_eq!((again.position.standing.state(), again.verdict), (State::Frozen, Verdict::Applied));
}

#[test]
fn a_status_call_signed_no_later_than_the_last_one_has_no_effect() {
    let frozen = run(active(), Event::Frozen { signed_at: day(NOW) }).position;
    for signed_at in [day(NOW), day(NOW - 1)] {
        let step = run(frozen, Event::Unfrozen { signed_at });
        assert_eq!((step.verdict, step.position), (Verdict::Stale, frozen));
    }
}

#[test]
fn release_is_terminal_in_whatever_order_it_arrives() {
    let unfrozen_later = run(active(), Event::Unfrozen { signed_at: day(NOW + 5) }).position;
    let released = run(unfrozen_later, Event::Released);
    assert_eq!(released.position.standing.state(), State::Released);
    assert_eq!(run(released.position, renewed(NOW + 900)).remarks, [Remark::PaidAfterRelease]);
}

fn any_event() -> impl Strategy<Value = Event> {
    let time = || (0_i64..200).prop_map(day);
    let expiry = || {
        prop_oneof![
            Just(Expiry::Never),
            time().prop_map(Expiry::Estimated),
            time().prop_map(Expiry::Guessed),
            time().prop_map(Expiry::Confirmed),
        ]
    };
    prop_oneof![
        (proptest::option::of(expiry()), any::<bool>()).prop_map(|(to, may_lower)| Event::Renewed { to, may_lower }),
        proptest::option::of(time()).prop_map(|to| Event::RenewalRefunded { to }),
        time().prop_map(|signed_at| Event::Expired { signed_at }),
        time().prop_map(|signed_at| Event::Frozen { signed_at }),
        time().prop_map(|signed_at| Event::Unfrozen { signed_at }),
        Just(Event::Released),
        Just(Event::Upgraded),
        Just(Event::Suspended),
        Just(Event::Resumed),
        expiry().prop_map(|to| Event::Extended { to }),
    ]
}

proptest! {
    /// Over any history: releases last, status calls obey the newest signature, expiry falls only where it may and is then told.
    #[test]
    fn histories_keep_the_rules(events in proptest::collection::vec((any_event(), 0_i64..200), 1..40)) {
        let mut position = active();
        let mut newest: Option<Time> = None;
        let mut merchant = false;
        let mut ever_released = false;
        for (event, now) in events {
            let step = position.next(event, day(now));
            let after = step.position;
            match event {
                Event::Suspended if !ever_released => merchant = true,
                Event::Resumed if !ever_released => merchant = false,
                Event::Released => ever_released = true,
                _ => {}
            }
            prop_assert_eq!(after.standing.released, ever_released);
            prop_assert_eq!(after.standing.merchant_hold, merchant);

            if let Event::Expired { signed_at } | Event::Frozen { signed_at } | Event::Unfrozen { signed_at } = event
                && !position.standing.released
            {
                let fresh = newest.is_none_or(|newest| signed_at > newest);
                prop_assert_eq!(step.verdict == Verdict::Stale, !fresh);
                if fresh {
                    newest = Some(signed_at);
                    prop_assert_eq!(after.standing.marketplace_hold, !matches!(event, Event::Unfrozen { .. }));
                }
            }
            prop_assert_eq!(after.standing.status_signed_at, newest);
            prop_assert!(!after.standing.violation || after.standing.marketplace_hold);

            let fell = super::earlier(after.expiry, position.expiry);
            let told = step.remarks.iter().any(|remark| matches!(remark, Remark::Lowered { .. }));
            let merchants_word = matches!(event, Event::Extended { .. });
            prop_assert!(!fell || told || merchants_word);
            let may_fall = matches!(
                event,
                Event::Renewed { may_lower: true, .. } | Event::RenewalRefunded { .. } | Event::Extended { .. }
            );
            let stated = matches!(event, Event::Renewed { to: Some(to), .. } if !to.is_guess());
            prop_assert!(!fell || may_fall || (stated && position.expiry.is_guess()));
            // No guess ever stands against a date that somebody stated.
            if stated && !position.standing.released {
                prop_assert!(!after.expiry.is_guess());
            }
            prop_assert_eq!(matches!(step.verdict, Verdict::Unchanged | Verdict::Stale | Verdict::Gone), {
                let visible = |it: Position| (Standing { status_signed_at: None, ..it.standing }, it.expiry);
                visible(after) == visible(position) && !matches!((event, position.standing.released), (Event::Upgraded, false))
            });
            position = after;
        }
    }
}
