use proptest::prelude::*;
use signet_verify::{jws::ParseError, key::BadSignature, keys::Root};

use super::*;
use crate::{
    base::{entropy::SeededEntropy, ids::LicenseId},
    license::{
        code::{code_text, device_digest},
        keys::{KeyInfo, KeyRole, KeyState, Signer},
        plan::{FeatureValue, Features},
        sign::sign_payload,
    },
};

const NBF: i64 = 1_700_000_000;
const EXP: i64 = 1_800_000_000;

fn at(seconds: i64) -> Time {
    code::instant(seconds).unwrap()
}

fn signer(seed: u64) -> Signer {
    Signer::generate(&SeededEntropy::new(seed))
}

fn published(role: KeyRole, state: KeyState) -> Jwks {
    Jwks::published(&[KeyInfo { role, state, public: *signer(1).public() }])
}

fn keys() -> Jwks {
    published(KeyRole::Signing, KeyState::Active)
}

fn claims() -> Claims {
    Claims {
        iss: "https://licenses.example.com".to_owned(),
        sub: LicenseId::new(at(NBF), &SeededEntropy::new(1)),
        aud: "atlas".parse().unwrap(),
        iat: NBF,
        nbf: NBF,
        plan: "pro".parse().unwrap(),
        machines: 3,
        features: Features::from([("seats".to_owned(), FeatureValue::Number(5))]),
        rev: 1,
        exp: Some(EXP),
        device: None,
    }
}

fn device() -> Claims {
    Claims { aud: "atlas/device".parse().unwrap(), device: Some(device_digest("A")), ..claims() }
}

fn options(now: i64) -> VerifyOptions<'static> {
    VerifyOptions { now: at(now), product: None, leeway: SignedDuration::ZERO }
}

fn code() -> String {
    code_text(&claims(), &signer(1)).unwrap()
}

#[test]
fn a_good_code_verifies() {
    let verified = verify_code(&code(), &keys(), &options(NBF)).unwrap();
    assert_eq!(verified, Verified { claims: claims(), kid: signer(1).kid().to_owned() });
    let old = published(KeyRole::Signing, KeyState::VerifyOnly);
    assert!(verify_code(&code(), &old, &options(NBF)).is_ok());
}

#[test]
fn revoked_debug_root_and_foreign_keys_do_not_count() {
    for set in [
        published(KeyRole::Signing, KeyState::Revoked),
        published(KeyRole::Debug, KeyState::Active),
        published(KeyRole::Root, KeyState::Active),
        Jwks::default(),
    ] {
        let refusal = verify_code(&code(), &set, &options(NBF)).unwrap_err();
        assert_eq!(refusal, ReadError::UnknownKey { kid: signer(1).kid().to_owned() }.into());
    }
    let foreign = code_text(&claims(), &signer(2)).unwrap();
    assert_eq!(verify_code(&foreign, &keys(), &options(NBF)).unwrap_err().as_str(), "unknown_key");
}

#[test]
fn a_foreign_key_cannot_borrow_a_published_name() {
    let input = jws::signing_input(Kind::LicenseCode, signer(1).kid(), &claims().to_payload());
    let text = jws::assemble(&input, &signer(2).sign(input.as_bytes()));
    assert_eq!(verify_code(&text, &keys(), &options(NBF)), Err(ReadError::from(BadSignature).into()));
}

#[test]
fn other_kinds_of_signed_texts_are_refused() {
    let list = sign_payload(Kind::KeyList, &claims().to_payload(), &signer(1)).unwrap().text();
    let refusal = verify_code(&list, &keys(), &options(NBF)).unwrap_err();
    assert_eq!(refusal, ReadError::WrongKind { expected: Kind::LicenseCode, found: "keys+jwt".to_owned() }.into());
    let odd = sign_payload(Kind::LicenseCode, br#"{"aud":"atlas"}"#, &signer(1)).unwrap().text();
    assert_eq!(verify_code(&odd, &keys(), &options(NBF)).unwrap_err().as_str(), "wrong_content");
    assert_eq!(
        verify_code("7QK3M", &keys(), &options(NBF)),
        Err(ReadError::Malformed { kind: Kind::LicenseCode, error: ParseError::Parts }.into())
    );
}

/// Every kind of signed text, by the same key, at every verifier.
#[test]
fn each_verifier_takes_its_own_kind_alone() {
    let list = sign_payload(Kind::KeyList, &claims().to_payload(), &signer(1)).unwrap().text();
    let texts = [code(), code_text(&device(), &signer(1)).unwrap(), list];
    let verdicts = |text: &str| {
        let (keys, options) = (keys(), options(NBF));
        let verifiers = [verify_code, verify_device, verify_either];
        verifiers.map(|verify| match verify(text, &keys, &options) {
            Ok(verified) => verified.kind().typ(),
            Err(refusal) => refusal.as_str(),
        })
    };
    //                                    for a license        for a device          for either
    assert_eq!(verdicts(&texts[0]), ["license+jwt", "wrong_kind", "license+jwt"]);
    assert_eq!(verdicts(&texts[1]), ["wrong_kind", "device-license+jwt", "device-license+jwt"]);
    assert_eq!(verdicts(&texts[2]), ["wrong_kind"; 3]);
    assert_eq!(verify_signature(&texts[1], &keys()).unwrap_err().as_str(), "wrong_kind");
    for text in &texts[..2] {
        let refused = signet_verify::keys::read_key_list(text, &Root::new(*signer(1).public()), "atlas", None);
        assert_eq!(refused.unwrap_err().as_str(), "wrong_kind");
    }
}

/// A header of one kind over the audience of the other is neither, whoever signed it.
#[test]
fn header_and_audience_must_name_the_same_kind() {
    for (kind, claims) in [(Kind::LicenseCode, device()), (Kind::DeviceCode, claims())] {
        let text = sign_payload(kind, &claims.to_payload(), &signer(1)).unwrap().text();
        let refusal = verify_either(&text, &keys(), &options(NBF)).unwrap_err();
        assert_eq!(refusal.as_str(), "wrong_content");
    }
}

#[test]
fn a_device_license_is_checked_against_product_and_time_too() {
    let text = code_text(&device(), &signer(1)).unwrap();
    let wrong: Slug = "other".parse().unwrap();
    let other = verify_either(&text, &keys(), &VerifyOptions { product: Some(&wrong), ..options(NBF) });
    assert_eq!(
        other,
        Err(ReadError::WrongProduct { expected: "other/device".to_owned(), found: "atlas/device".to_owned() }.into())
    );
    assert_eq!(verify_either(&text, &keys(), &options(EXP)), Err(Refusal::Expired { since: at(EXP) }));
    let foreign = code_text(&device(), &signer(2)).unwrap();
    assert_eq!(verify_either(&foreign, &keys(), &options(NBF)).unwrap_err().as_str(), "unknown_key");
}

#[test]
fn the_product_must_fit_when_one_is_asked_for() {
    let (right, wrong): (Slug, Slug) = ("atlas".parse().unwrap(), "other".parse().unwrap());
    let with = |product| VerifyOptions { product, ..options(NBF) };
    assert!(verify_code(&code(), &keys(), &with(Some(&right))).is_ok());
    assert_eq!(
        verify_code(&code(), &keys(), &with(Some(&wrong))),
        Err(ReadError::WrongProduct { expected: "other".to_owned(), found: "atlas".to_owned() }.into())
    );
}

#[test]
fn time_counts_to_the_second_and_leeway_stretches_both_ends() {
    let verdict = |now, leeway| {
        let leeway = SignedDuration::from_secs(leeway);
        verify_code(&code(), &keys(), &VerifyOptions { leeway, ..options(now) }).map(|_| ())
    };
    let early = Err(Refusal::NotYetValid { from: at(NBF) });
    let late = Err(Refusal::Expired { since: at(EXP) });
    assert_eq!(verdict(NBF - 1, 0), early);
    assert_eq!(verdict(NBF, 0), Ok(()));
    assert_eq!(verdict(EXP - 1, 0), Ok(()));
    assert_eq!(verdict(EXP, 0), late);
    assert_eq!(verdict(NBF - 60, 60), Ok(()));
    assert_eq!(verdict(NBF - 61, 60), early);
    assert_eq!(verdict(EXP + 59, 60), Ok(()));
    assert_eq!(verdict(EXP + 60, 60), late);
    // A negative leeway would refuse what holds.
    assert_eq!(verdict(NBF, -60), Ok(()));
}

#[test]
fn a_code_without_expiry_never_expires() {
    let text = code_text(&Claims { exp: None, ..claims() }, &signer(1)).unwrap();
    assert!(verify_code(&text, &keys(), &options(jiff::Timestamp::MAX.as_second())).is_ok());
}

#[test]
fn an_expired_code_can_still_be_shown() {
    assert_eq!(verify_signature(&code(), &keys()).unwrap().claims.exp, Some(EXP));
}

#[test]
fn every_other_character_at_every_place_is_refused() {
    let (good, keys) = (code(), keys());
    for position in 0..good.len() {
        for other in [b'A', b'B', b'_', b'.', b'='] {
            let mut changed = good.clone().into_bytes();
            if changed[position] == other {
                continue;
            }
            changed[position] = other;
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify_signature(&changed, &keys).is_err(), "{position} {other}");
        }
    }
    for length in 0..good.len() {
        assert!(verify_signature(&good[..length], &keys).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn every_flipped_bit_is_refused(position: prop::sample::Index, bit in 0..7_u8) {
        let mut changed = code().into_bytes();
        let position = position.index(changed.len());
        changed[position] ^= 1 << bit;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(verify_signature(&changed, &keys()).is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text: String) {
        prop_assert!(verify_code(&text, &keys(), &options(NBF)).is_err());
    }

    #[test]
    fn claims_with_any_times_get_a_verdict(nbf: i64, exp: Option<i64>, leeway: i64) {
        let leeway = SignedDuration::from_secs(leeway);
        let _ = check_time(Some(nbf), exp, &VerifyOptions { leeway, ..options(NBF) });
    }
}
