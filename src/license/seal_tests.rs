use proptest::prelude::*;

use super::*;
use crate::base::entropy::SeededEntropy;

const PURPOSES: [Purpose; 6] = [
    Purpose::SigningSeed,
    Purpose::LicenseKey,
    Purpose::CodeSignature,
    Purpose::CredentialIv,
    Purpose::DeferredEvent,
    Purpose::IdempotentAnswer,
];

fn master(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(seed))
}

fn channel(name: &str) -> Slug {
    name.parse().unwrap()
}

#[test]
fn a_sealed_value_opens_for_its_purpose_row_and_master_only() {
    let entropy = SeededEntropy::new(9);
    for purpose in PURPOSES {
        let sealed = master(1).seal(purpose, "row-1", b"secret", &entropy);
        assert_eq!(sealed.len(), 1 + 24 + 6 + 16);
        for opened in PURPOSES {
            let result = master(1).open(opened, "row-1", &sealed);
            assert_eq!(result.is_ok(), opened == purpose, "{opened:?}");
        }
        assert_eq!(*master(1).open(purpose, "row-1", &sealed).unwrap(), b"secret");
        assert_eq!(master(1).open(purpose, "row-2", &sealed), Err(SealError::Refused));
        assert_eq!(master(1).open(purpose, "", &sealed), Err(SealError::Refused));
        assert_eq!(master(2).open(purpose, "row-1", &sealed), Err(SealError::Refused));
    }
}

#[test]
fn every_changed_bit_and_every_cut_is_refused() {
    let sealed = master(1).seal(Purpose::LicenseKey, "row", b"secret", &SeededEntropy::new(9));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(master(1).open(Purpose::LicenseKey, "row", &changed).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(master(1).open(Purpose::LicenseKey, "row", &sealed[..length]).is_err(), "length {length}");
    }
    let found = SealError::TooShort { found: 0 };
    assert_eq!(master(1).open(Purpose::LicenseKey, "row", &[]), Err(found));
    assert_eq!(master(1).open(Purpose::LicenseKey, "row", &[2; 60]), Err(SealError::Version { found: 2 }));
}

#[test]
fn the_same_text_is_sealed_differently_each_time() {
    let entropy = SeededEntropy::new(9);
    let seal = || master(1).seal(Purpose::LicenseKey, "row", b"secret", &entropy);
    assert_ne!(seal(), seal());
}

#[test]
fn look_up_depends_on_master_purpose_and_bytes() {
    let value = master(1).lookup(Purpose::LicenseKey, b"a");
    assert_eq!(master(1).lookup(Purpose::LicenseKey, b"a"), value);
    assert_ne!(master(1).lookup(Purpose::LicenseKey, b"b"), value);
    assert_ne!(master(1).lookup(Purpose::CodeSignature, b"a"), value);
    assert_ne!(master(2).lookup(Purpose::LicenseKey, b"a"), value);
}

/// Data that exists hangs on these values: a change here is a change of format and needs a new version.
#[test]
fn derived_values_never_change() {
    let master = MasterKey::new(Key32::new([7; 32]));
    assert_eq!(master.check_value(), CHECK);
    assert_eq!(HEXLOWER.encode(&master.lookup(Purpose::LicenseKey, b"a")), LOOKUP);
    assert_eq!(master.debug_instance_id(&channel("demo"), "CS1"), INSTANCE);
    let sealed = HEXLOWER.decode(SEALED.as_bytes()).unwrap();
    assert_eq!(*master.open(Purpose::SigningSeed, "kid", &sealed).unwrap(), b"seed");
}

const CHECK: &str = "39b77487c607706a8733feea6f0f1fc7";
const LOOKUP: &str = "eb6264fff04a1fd674da12dbdc8dabea9521365d5617056708653228f75eec3f";
const INSTANCE: &str = "debug-845e82708f56f85deceb-d2aa9a74c9f110c4dbfce5a748e72daa";
const SEALED: &str = "01611830d3641a68f94a690dcc25d1f4b0dac948325ac18f6d824747f8e7d87237a25abe84cf492b6e24eefe8a";

#[test]
fn a_master_key_is_read_in_hexadecimal_and_base64() {
    let key = MasterKey::parse("fb".repeat(32).as_str()).unwrap();
    let bytes = [0xfb; 32];
    for text in [
        format!("  {}\n", "FB".repeat(32)),
        BASE64.encode(&bytes),
        BASE64_NOPAD.encode(&bytes),
        BASE64URL.encode(&bytes),
        BASE64URL_NOPAD.encode(&bytes),
        key.to_text().to_string(),
    ] {
        assert_eq!(MasterKey::parse(&text).unwrap().check_value(), key.check_value(), "{text}");
    }
}

#[test]
fn other_texts_are_no_master_key_and_are_not_shown() {
    for text in ["", "hunter2", &"f".repeat(63), &"f".repeat(65), &"g".repeat(64), &"?".repeat(44), &"é".repeat(32)] {
        let error = MasterKey::parse(text).unwrap_err().to_string();
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
    assert!(!format!("{:?}", MasterKey::new(Key32::new([7; 32]))).contains('7'));
}

#[test]
fn debug_instances_are_known_again() {
    let id = master(1).debug_instance_id(&channel("demo"), "CS1");
    assert!(id.len() <= 64 && id.starts_with("debug-"), "{id}");
    assert_eq!(master(1).debug_instance_id(&channel("demo"), "CS1"), id);
    assert_ne!(master(1).debug_instance_id(&channel("demo"), "CS2"), id);
    assert!(master(1).is_debug_instance_id(&channel("demo"), &id));
    assert!(!master(1).is_debug_instance_id(&channel("other"), &id));
    assert!(!master(2).is_debug_instance_id(&channel("demo"), &id));
    for wrong in ["", "debug-", "debug--", "debug-a-", &id[6..], &id[..id.len() - 1], &format!("{id}0")] {
        assert!(!master(1).is_debug_instance_id(&channel("demo"), wrong), "{wrong}");
    }
    for position in 0..id.len() {
        let mut changed = id.clone().into_bytes();
        changed[position] = if changed[position] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(!master(1).is_debug_instance_id(&channel("demo"), &changed), "{changed}");
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens(text in prop::collection::vec(any::<u8>(), 0..300), aad in any::<String>(), seed in any::<u64>()) {
        let sealed = master(seed).seal(Purpose::CodeSignature, &aad, &text, &SeededEntropy::new(seed));
        let opened = master(seed).open(Purpose::CodeSignature, &aad, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), text.as_slice());
        let other = format!("{aad}x");
        prop_assert!(master(seed).open(Purpose::CodeSignature, &other, &sealed).is_err());
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), text in any::<String>()) {
        prop_assert!(master(1).open(Purpose::LicenseKey, "row", &bytes).is_err());
        prop_assert!(!master(1).is_debug_instance_id(&channel("demo"), &text));
        let _ = MasterKey::parse(&text);
    }
}
