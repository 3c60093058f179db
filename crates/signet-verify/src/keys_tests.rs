use alloc::string::String;

use super::*;
use crate::{
    claims::{KeyState, ListedKey},
    content::KEYS,
    testing::{PRODUCT, key_list, key_list_text, public, ring, root, sign},
};

#[test]
fn a_list_verifies_with_the_pinned_root() {
    let text = key_list_text(7);
    assert_eq!(read_key_list(&text, &root(), PRODUCT, None), Ok(key_list(7)));
    assert_eq!(read_key_list(&text, &root(), PRODUCT, Some(7)), Ok(key_list(7)));
    let ring = ring();
    assert_eq!(ring.number(), 7);
    assert_eq!(ring.find(&public(2).kid()), Ok(&public(2)));
    assert_eq!(ring.find(&public(3).kid()), Ok(&public(3)));
    assert_eq!(ring.find(&public(4).kid()), Err(KeyError::Revoked { kid: public(4).kid() }));
    assert_eq!(ring.find(root().kid()), Err(KeyError::Unknown { kid: root().kid().into() }));
    assert_eq!(ring.find(""), Err(KeyError::Unknown { kid: String::new() }));
}

#[test]
fn lower_numbers_other_products_and_other_roots_are_refused() {
    let text = key_list_text(7);
    let older = KeyListError::Older { seen: 8, found: 7 };
    assert_eq!(KeyRing::from_list(&text, &root(), PRODUCT, Some(8)), Err(older));
    assert_eq!(KeyRing::from_list(&text, &root(), "other", None).unwrap_err().as_str(), "wrong_product");
    let other = Root::from_x(&public(5).x()).unwrap();
    assert_eq!(
        KeyRing::from_list(&text, &other, PRODUCT, None),
        Err(KeyListError::OtherRoot { pinned: public(5).kid(), found: public(1).kid() })
    );
    // Names another root than the one that signed it.
    let mut misled = key_list(7);
    misled.root = public(5).kid();
    let found = KeyRing::from_list(&sign(Kind::KeyList, &misled, 1), &root(), PRODUCT, None);
    assert_eq!(found.unwrap_err().as_str(), "other_root");
}

#[test]
fn a_signing_key_cannot_pose_as_the_root() {
    use ed25519_dalek::Signer;
    let input = jws::signing_input(Kind::KeyList, root().kid(), &serde_json::to_vec(&key_list(9)).unwrap());
    let text = jws::assemble(&input, &crate::testing::secret(2).sign(input.as_bytes()).to_bytes());
    assert_eq!(KeyRing::from_list(&text, &root(), PRODUCT, None).unwrap_err().as_str(), "bad_signature");
}

#[test]
fn contents_that_contradict_themselves_are_refused() {
    let listed = |seed: u8| ListedKey { kid: public(seed).kid(), x: public(seed).x(), state: KeyState::Active };
    let (mut misnamed, mut doubled, mut rooted, mut weak, mut full) =
        (key_list(1), key_list(1), key_list(1), key_list(1), key_list(1));
    misnamed.keys[0].kid = misnamed.keys[1].kid.clone();
    doubled.keys.push(listed(2));
    rooted.keys.push(listed(1));
    weak.keys[0].x = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
    full.keys = (100..=100 + u8::try_from(KEYS).unwrap()).map(listed).collect();
    for list in [misnamed, doubled, rooted, weak, full.clone()] {
        let found = KeyRing::from_list(&sign(Kind::KeyList, &list, 1), &root(), PRODUCT, None);
        assert_eq!(found.unwrap_err().as_str(), "wrong_content");
    }
    full.keys.pop();
    let text = sign(Kind::KeyList, &full, 1);
    assert!(KeyRing::from_list(&text, &root(), PRODUCT, None).is_ok(), "a full list fits: {}", text.len());
}

#[test]
fn trusted_keys_are_found_by_their_own_names() {
    let mut ring = KeyRing::default();
    [2, 3].map(public).into_iter().for_each(|key| ring.trust(key));
    assert_eq!(ring.find(&public(3).kid()), Ok(&public(3)));
    assert!(ring.find(&public(4).kid()).is_err());
    assert_eq!(ring.number(), 0);
}
