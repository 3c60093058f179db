use alloc::{format, string::String};

use super::*;
use crate::testing::components;

#[test]
fn digests_are_those_of_the_documented_command() {
    // printf 'machine-id:abc' | openssl dgst -sha256 -binary | basenc --base64url | tr -d '='
    assert_eq!(digest("machine-id", "abc"), sha256("machine-id:abc"));
    assert_eq!(sha256("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

#[test]
fn each_rule_needs_so_many() {
    let known = components(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
    let with = |same: usize| -> Components {
        known
            .iter()
            .enumerate()
            .map(|(index, (name, digest))| (name.clone(), if index < same { digest.clone() } else { sha256("other") }))
            .collect()
    };
    for (rule, needed) in [(MatchRule::Any, 1), (MatchRule::Two, 2), (MatchRule::Most, 3), (MatchRule::All, 4)] {
        for same in 0..=4 {
            assert_eq!(rule.matches(&known, &with(same)), same >= needed, "{rule:?} {same}");
        }
        assert!(!rule.matches(&Components::new(), &Components::new()), "nothing is no machine");
        assert!(!rule.matches(&Components::new(), &known));
    }
    let one = components(&[("a", "1")]);
    assert!(MatchRule::Two.matches(&one, &known), "two, or all where fewer are known");
}

#[test]
fn an_operators_id_decides_alone() {
    let known = components(&[("a", "1"), (OPERATOR, "n1")]);
    assert!(MatchRule::All.matches(&known, &components(&[("a", "other"), (OPERATOR, "n1")])));
    assert!(!MatchRule::Any.matches(&known, &components(&[("a", "1"), (OPERATOR, "n2")])));
    let unnamed = components(&[("a", "1")]);
    assert!(MatchRule::Any.matches(&unnamed, &known), "a machine may get its operator's id later");
}

/// Regression: one operator's id gave every machine a lease that also held where the software sends no such id.
#[test]
fn regression_a_machine_with_an_operators_id_is_no_machine_without() {
    let known = components(&[("a", "1"), ("b", "2"), ("c", "3"), (OPERATOR, "n1")]);
    for rule in [MatchRule::Any, MatchRule::Two, MatchRule::Most, MatchRule::All] {
        assert!(!rule.matches(&known, &components(&[("a", "1"), ("b", "2"), ("c", "3")])), "{rule:?}");
    }
}

#[test]
fn components_have_names_digests_and_a_limit() {
    let good = sha256("x");
    assert_eq!(check_components(&Components::new()), Err(ComponentsError::Count { found: 0 }));
    let many = |count: usize| (0..count).map(|index| (format!("c{index}"), good.clone())).collect::<Components>();
    assert_eq!(check_components(&many(COMPONENTS)), Ok(()));
    assert_eq!(check_components(&many(COMPONENTS + 1)), Err(ComponentsError::Count { found: COMPONENTS + 1 }));
    for name in ["", "A", "a b", "a_b", "é", &"a".repeat(NAME_CHARS + 1)] {
        let found = check_components(&Components::from([(name.into(), good.clone())]));
        assert_eq!(found, Err(ComponentsError::Name { number: 1 }), "{name}");
    }
    let spare_bit_set = format!("{}1", &good[..42]);
    for digest in ["", &good[1..], &format!("{good}A"), &format!("{good}="), &spare_bit_set, &"é".repeat(22)] {
        let digest: String = (*digest).into();
        let found = check_components(&Components::from([("a".into(), digest.clone())]));
        assert_eq!(found, Err(ComponentsError::Digest { number: 1 }), "{digest}");
    }
}
