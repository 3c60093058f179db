use proptest::prelude::*;

use super::*;
use crate::{
    claims::LeaseClaims,
    testing::{lease, verified},
};

#[test]
fn only_signed_times_move_the_mark_and_only_forward() {
    let mut trusted = TrustedTime::default();
    assert_eq!(trusted.now(5), Now { micros: 5, turned_back_by: None });
    let lease_at = |time| verified(&LeaseClaims { time, ..lease() });
    trusted.observe(&lease_at(1_000));
    trusted.observe(&lease_at(400));
    assert_eq!(trusted.highest_seen_micros(), 1_000);
    // A clock far ahead counts while it is ahead, and leaves no mark.
    assert_eq!(trusted.now(i64::MAX).micros, i64::MAX);
    assert_eq!(trusted.now(1_001).micros, 1_001);
    assert_eq!(TrustedTime::kept(trusted.highest_seen_micros()), trusted);
}

#[test]
fn a_clock_behind_the_mark_counts_as_turned_back_beyond_five_minutes() {
    let trusted = TrustedTime::kept(10 * TOLERANCE_MICROS);
    let now = |behind: i64| trusted.now(10 * TOLERANCE_MICROS - behind);
    assert_eq!(now(TOLERANCE_MICROS), Now { micros: 10 * TOLERANCE_MICROS, turned_back_by: None });
    let late = Now { micros: 10 * TOLERANCE_MICROS, turned_back_by: Some(300_000_001) };
    assert_eq!(now(TOLERANCE_MICROS + 1), late);
}

#[test]
fn seconds_round_down_before_1970_too() {
    assert_eq!(Now { micros: -1, turned_back_by: None }.seconds(), -1);
    assert_eq!(Now { micros: 1_999_999, turned_back_by: None }.seconds(), 1);
}

proptest! {
    #[test]
    fn no_clock_overflows(seen: i64, clock: i64) {
        let now = TrustedTime::kept(seen).now(clock);
        prop_assert_eq!(now.micros, seen.max(clock));
        prop_assert_eq!(now.turned_back_by.is_some(), i128::from(seen) - i128::from(clock) > i128::from(TOLERANCE_MICROS));
    }
}
