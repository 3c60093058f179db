use alloc::vec::Vec;

use super::*;
use crate::testing::{EXP, IAT, at, revocations, verified};

fn whole(sub: &str) -> Revocation {
    Revocation::License { sub: sub.into(), revs: None }
}

fn some(sub: &str, revs: &[u32]) -> Revocation {
    Revocation::License { sub: sub.into(), revs: Some(revs.into()) }
}

fn set_of(lists: &[RevocationsClaims]) -> RevocationSet {
    let mut set = RevocationSet::default();
    lists.iter().for_each(|list| set.merge(&verified(list)).unwrap());
    set
}

fn later(claims: RevocationsClaims) -> RevocationsClaims {
    RevocationsClaims { time: claims.time + 1, ..claims }
}

#[test]
fn a_full_list_and_its_deltas_add_up() {
    let set = set_of(&[
        revocations(0, [whole("a"), some("b", &[1, 2])].into()),
        revocations(2, [some("b", &[4]), Revocation::Key { kid: "k".into() }].into()),
    ]);
    assert_eq!(set.number(), 4);
    assert_eq!(set.refuses("a", 9, "x"), Some(Revoked::License));
    assert_eq!(set.refuses("c", 9, "k"), Some(Revoked::Key));
    let revs: Vec<_> = (0..6).filter(|rev| set.refuses("b", *rev, "x").is_some()).collect();
    assert_eq!(revs, [1, 2, 4]);
    assert_eq!(set.refuses("b", 1, "x"), Some(Revoked::Revision));
    assert_eq!(set.refuses("c", 1, "x"), None);
}

#[test]
fn a_whole_license_stays_whole() {
    let set = set_of(&[revocations(0, [some("a", &[1]), whole("a"), some("a", &[3])].into())]);
    assert_eq!(set.refuses("a", 7, "x"), Some(Revoked::License));
}

#[test]
fn an_empty_list_of_revisions_revokes_nothing() {
    assert_eq!(set_of(&[revocations(0, [some("a", &[])].into())]).refuses("a", 1, "x"), None);
}

#[test]
fn a_delta_must_attach_and_an_older_list_is_refused() {
    let full = revocations(0, [whole("a"), whole("b")].into());
    let mut set = set_of(core::slice::from_ref(&full));
    let before = set.clone();
    let gap = set.merge(&verified(&later(revocations(3, [whole("d")].into()))));
    assert_eq!(gap, Err(MergeError::Gap { seen: 2, since: 3 }));
    let older = set.merge(&verified(&revocations(0, [whole("z")].into())));
    assert_eq!(older, Err(MergeError::Older { seen: 2, found: 1 }));
    // A delta never sets the number back, whenever it was made.
    let short = later(revocations(1, Vec::new()));
    assert_eq!(set.merge(&verified(&short)), Err(MergeError::Older { seen: 2, found: 1 }));
    assert_eq!(set, before, "nothing changed");
    assert_eq!(
        RevocationSet::default().merge(&verified(&revocations(1, Vec::new()))).unwrap_err().as_str(),
        "gap_in_revocations"
    );
    // Overlapping deltas and the same list again are fine.
    set.merge(&verified(&full)).unwrap();
    set.merge(&verified(&revocations(1, [whole("b"), whole("c")].into()))).unwrap();
    assert_eq!(set.number(), 3);
}

#[test]
fn a_service_that_was_set_back_counts_on_from_there() {
    let mut set = set_of(&[revocations(0, [whole("a"), whole("b"), whole("c")].into())]);
    set.merge(&verified(&later(revocations(0, [whole("a")].into())))).unwrap();
    assert_eq!(set.number(), 1);
    assert!(["a", "b", "c"].iter().all(|sub| set.refuses(sub, 1, "x").is_some()), "what was seen stays refused");
    set.merge(&verified(&later(revocations(1, [whole("d")].into())))).unwrap();
    assert_eq!(set.refuses("d", 1, "x"), Some(Revoked::License));
}

#[test]
fn lists_of_another_product_are_refused() {
    let mut set = set_of(&[revocations(0, [whole("a")].into())]);
    let mut other = verified(&revocations(1, Vec::new()));
    other.claims.aud = "other/revocations".into();
    assert_eq!(set.merge(&other).unwrap_err().as_str(), "wrong_product");
}

#[test]
fn a_stale_list_says_so_and_still_refuses() {
    assert!(RevocationSet::default().is_stale(at(IAT)), "no list was seen");
    let mut set = set_of(&[revocations(0, [whole("a")].into())]);
    assert!(!set.is_stale(at(EXP - 1)) && set.is_stale(at(EXP)));
    assert_eq!(set.refuses("a", 1, "x"), Some(Revoked::License));
    let more = RevocationsClaims { complete: false, ..revocations(1, [whole("b")].into()) };
    set.merge(&verified(&more)).unwrap();
    assert!(set.is_stale(at(IAT)), "the service has more");
    set.merge(&verified(&revocations(2, Vec::new()))).unwrap();
    assert!(!set.is_stale(at(IAT)));
}

#[test]
fn a_set_is_kept_as_json() {
    let set = set_of(&[revocations(0, [whole("a"), some("b", &[1]), Revocation::Key { kid: "k".into() }].into())]);
    let json = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<RevocationSet>(&json).unwrap(), set);
}

#[test]
fn a_delta_of_another_history_is_refused_and_the_whole_list_is_taken() {
    let named = |list, after: Option<&str>, head: &str| RevocationsClaims {
        after: after.map(Into::into),
        head: Some(head.into()),
        ..list
    };
    let mut set = set_of(&[named(revocations(0, [whole("a")].into()), None, "A1")]);
    assert_eq!((set.number(), set.head()), (1, Some("A1")));
    let before = set.clone();
    let other = later(named(revocations(1, [whole("c")].into()), Some("B1"), "B2"));
    assert_eq!(set.merge(&verified(&other)), Err(MergeError::OtherHistory { seen: 1 }));
    assert_eq!(set, before);
    set.merge(&verified(&later(named(revocations(0, [whole("b"), whole("c")].into()), None, "B2")))).unwrap();
    assert_eq!((set.number(), set.head()), (2, Some("B2")));
    for sub in ["a", "b", "c"] {
        assert_eq!(set.refuses(sub, 1, "x"), Some(Revoked::License), "{sub}");
    }
    // A list of a service that names nothing is read as ever.
    set.merge(&verified(&later(revocations(2, [whole("d")].into())))).unwrap();
    assert_eq!((set.number(), set.head()), (3, None));
}
