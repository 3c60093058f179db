use alloc::{format, string::String, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{
    claims::{MeterFacts, ReportFacts},
    keys::read_key_list,
    testing::{
        PRODUCT, code, device_code, key_list_text, lease, license_file, one_of_each, public, revocations, ring, root,
        sign, sign_bytes, this_machine, validation,
    },
};

/// What the reader of `kind` makes of `text`.
fn read_as(kind: Kind, text: &str, product: &str) -> Result<String, &'static str> {
    let keys = ring();
    let name = |error: ReadError| error.as_str();
    match kind {
        Kind::LicenseCode => read_code(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::DeviceCode => read_device_code(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::Lease => read_lease(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::Validation => read_validation(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::LicenseFile => read_license_file(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::Revocations => read_revocations(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::Package => read::<PackageClaims>(text, &keys, product).map(|read| read.kid).map_err(name),
        Kind::KeyList => {
            read_key_list(text, &root(), product, None).map(|read| read.root).map_err(|error| error.as_str())
        }
    }
}

#[test]
fn every_kind_reads_as_itself_and_as_nothing_else() {
    for (kind, text) in one_of_each() {
        for reader in Kind::ALL {
            let found = read_as(reader, &text, PRODUCT);
            if reader == kind {
                assert!(found.is_ok(), "{kind:?}: {found:?}");
            } else {
                assert_eq!(found, Err("wrong_kind"), "{kind:?} read as {reader:?}");
            }
        }
        assert_eq!(read_as(kind, &text, "other"), Err("wrong_product"), "{kind:?}");
        assert_eq!(read_as(kind, &text, ""), Err("wrong_product"), "{kind:?}");
    }
}

/// The `typ` alone does not decide: the same content under another header is refused by its `aud` or its shape.
#[test]
fn a_content_under_the_header_of_another_kind_is_refused() {
    let keys = ring();
    for (kind, text) in one_of_each() {
        let payload = jws::parse(&text, kind).unwrap().payload;
        for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
            let seed = if other == Kind::KeyList { 1 } else { 2 };
            let forged = sign_bytes(other, &payload, seed);
            assert_eq!(read_as(other, &forged, PRODUCT), Err("wrong_content"), "{kind:?} as {other:?}");
        }
    }
    // A license code whose product is called like the audience of a lease does not exist: no slash in a product.
    let odd = CodeClaims { aud: "atlas/lease".into(), ..code() };
    assert_eq!(
        read_code(&sign(Kind::LicenseCode, &odd, 2), &keys, "atlas/lease").unwrap_err().as_str(),
        "wrong_content"
    );
}

#[test]
fn only_keys_of_the_list_that_were_not_revoked_count() {
    let keys = ring();
    let by = |seed| read_lease(&sign(Kind::Lease, &lease(), seed), &keys, PRODUCT);
    assert_eq!(by(2).unwrap().kid, public(2).kid());
    assert!(by(3).is_ok(), "what a retired key signed still holds");
    assert_eq!(by(4), Err(ReadError::RevokedKey { kid: public(4).kid() }));
    assert_eq!(by(5), Err(ReadError::UnknownKey { kid: public(5).kid() }));
    assert_eq!(by(1), Err(ReadError::UnknownKey { kid: public(1).kid() }), "the root signs key lists only");
}

#[test]
fn a_foreign_key_cannot_borrow_a_name() {
    use ed25519_dalek::Signer;
    let input = jws::signing_input(Kind::Lease, &public(2).kid(), &serde_json::to_vec(&lease()).unwrap());
    let text = jws::assemble(&input, &crate::testing::secret(5).sign(input.as_bytes()).to_bytes());
    assert_eq!(read_lease(&text, &ring(), PRODUCT), Err(ReadError::BadSignature(BadSignature)));
}

#[test]
fn every_changed_character_is_refused() {
    let (good, keys) = (sign(Kind::Lease, &lease(), 2), ring());
    for position in (0..good.len()).step_by(3) {
        for other in ['A', 'B', '_', '.', '='] {
            let mut changed: Vec<char> = good.chars().collect();
            if changed[position] != other {
                changed[position] = other;
                assert!(read_lease(&changed.iter().collect::<String>(), &keys, PRODUCT).is_err(), "{position} {other}");
            }
        }
    }
}

/// Signed texts of `claims`, each changed in one member.
fn refused<C: BySigningKey + Serialize + Clone>(good: &C, changes: &[&dyn Fn(&mut C)]) {
    let keys = ring();
    assert!(read::<C>(&sign(C::KIND, good, 2), &keys, PRODUCT).is_ok());
    for (index, change) in changes.iter().enumerate() {
        let mut claims = good.clone();
        change(&mut claims);
        let found = read::<C>(&sign(C::KIND, &claims, 2), &keys, PRODUCT).map(|read| read.kid);
        assert!(matches!(found, Err(ReadError::Content(_))), "change {index}: {found:?}");
    }
}

#[test]
fn content_that_no_service_writes_is_refused() {
    refused(&code(), &[&|it| it.iat = i64::MAX, &|it| it.nbf = i64::MIN, &|it| it.exp = Some(253_402_300_800)]);
    refused(&DeviceCodeClaims(device_code()), &[&|it| it.0.device = None, &|it| it.0.iat = i64::MAX]);
    refused(
        &lease(),
        &[
            &|it| it.renew_after = it.exp + 1,
            &|it| it.grace_until = it.exp - 1,
            &|it| it.grace_until = i64::MAX,
            &|it| it.time = i64::MAX,
            &|it| it.machine.components.clear(),
            &|it| {
                it.machine.components.insert("Machine".into(), crate::machine::sha256(""));
            },
            &|it| {
                it.machine.components.insert("mac".into(), "short".into());
            },
        ],
    );
    refused(&validation(), &[&|it| it.valid = true, &|it| it.reason = "valid".into(), &|it| it.time = i64::MIN]);
    let report =
        |counted, reason: Option<&str>| ReportFacts { id: "r1".into(), counted, reason: reason.map(Into::into) };
    let meter = |resets_at| MeterFacts { meter: "m".into(), used: "1".into(), limit: None, left: None, resets_at };
    refused(
        &validation(),
        &[
            &|it| it.reports.push(report(true, Some("usage_limit"))),
            &|it| it.reports.push(report(false, None)),
            &|it| it.meters.push(meter(Some(i64::MAX))),
        ],
    );
    refused(&license_file(), &[&|it| it.bound_to.clear(), &|it| it.bound_to[0].clear(), &|it| it.exp = i64::MAX]);
    refused(
        &revocations(3, [crate::claims::Revocation::Key { kid: public(4).kid() }].into()),
        &[&|it| it.since = 4, &|it| it.number = 2, &|it| it.exp = i64::MIN],
    );
}

#[test]
fn odd_json_is_refused_and_unknown_members_are_not() {
    let good = String::from_utf8(serde_json::to_vec(&lease()).unwrap()).unwrap();
    let by = |text: &str| read_lease(&sign_bytes(Kind::Lease, text.as_bytes(), 2), &ring(), PRODUCT);
    assert!(by(&good.replacen('{', r#"{"later":[1],"#, 1)).is_ok(), "RFC 7519 §4");
    for wrong in [
        String::new(),
        "[]".into(),
        "null".into(),
        format!(" {good}"),
        format!("{good}{good}"),
        format!("[{good}]"),
        good.replacen('{', r#"{"rev":9,"#, 1),
        good.replace(r#""rev":2"#, r#""rev":-1"#),
        good.replace(r#""aud":"atlas/lease""#, r#""aud":["atlas/lease"]"#),
        good.replace(r#""match":"most""#, r#""match":"none""#),
        good.replace(r#""floating":false,"#, ""),
        "[".repeat(200),
        format!("{{\"later\":{}", "[".repeat(2_000)),
    ] {
        assert_ne!(wrong, good);
        assert_eq!(by(&wrong).unwrap_err().as_str(), "wrong_content", "{wrong}");
    }
}

#[test]
fn any_product_still_needs_an_audience_of_the_kind() {
    let keys = ring();
    assert!(read_of_any_product::<LeaseClaims>(&sign(Kind::Lease, &lease(), 2), &keys).is_ok());
    for aud in ["", "/lease", "atlas", "atlas/keys", "atlas/lease/", "a/b/lease"] {
        let odd = LeaseClaims { aud: aud.into(), ..lease() };
        let found = read_of_any_product::<LeaseClaims>(&sign(Kind::Lease, &odd, 2), &keys);
        assert!(matches!(found, Err(ReadError::Content(_))), "{aud}");
    }
}

#[test]
fn errors_say_what_to_do_and_have_names_of_their_own() {
    let errors = [
        ReadError::Malformed { kind: Kind::Lease, error: ParseError::Parts },
        ReadError::WrongKind { expected: Kind::Lease, found: "keys+jwt".into() },
        ReadError::UnknownKey { kid: "k".into() },
        ReadError::RevokedKey { kid: "k".into() },
        ReadError::BadSignature(BadSignature),
        ReadError::Content("x".into()),
        ReadError::WrongProduct { expected: "a".into(), found: "b".into() },
    ];
    let names: alloc::collections::BTreeSet<_> = errors.iter().map(ReadError::as_str).collect();
    assert_eq!(names.len(), errors.len());
    assert!(format!("{}", errors[0]).contains("no lease"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Signed nonsense: the signature opens the way to the content's reader.
    #[test]
    fn no_signed_content_makes_a_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        for (kind, text) in one_of_each() {
            let seed = if kind == Kind::KeyList { 1 } else { 2 };
            let mut payload = jws::parse(&text, kind).unwrap().payload;
            let position = position.index(payload.len());
            payload[position] = byte;
            let _ = read_as(kind, &sign_bytes(kind, &payload, seed), PRODUCT);
            let _ = read_as(kind, &sign_bytes(kind, &bytes, seed), PRODUCT);
        }
    }

    #[test]
    fn any_times_get_a_verdict(
        iat: i64, exp: i64, renew_after: i64, grace_until: i64, time: i64, clock: i64, seen: i64,
    ) {
        let claims = LeaseClaims { iat, exp, renew_after, grace_until, time, ..lease() };
        if let Ok(read) = read_lease(&sign(Kind::Lease, &claims, 2), &ring(), PRODUCT) {
            let mut trusted = crate::clock::TrustedTime::kept(seen);
            trusted.observe(&read);
            let revoked = crate::revocations::RevocationSet::default();
            let _ = crate::lease::verdict(&read, &this_machine(), trusted.now(clock), &revoked);
        }
    }
}

#[test]
fn a_key_list_is_no_document_of_a_signing_key() {
    // Signed by a key of the list instead of the root.
    let text = sign(Kind::KeyList, &crate::testing::key_list(9), 2);
    assert_eq!(read_key_list(&text, &root(), PRODUCT, None).unwrap_err().as_str(), "other_root");
    assert!(read_key_list(&key_list_text(9), &root(), PRODUCT, None).is_ok());
}
