use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::testing::{public, sign_bytes};

const KIND: Kind = Kind::LicenseCode;

fn with_header(header: &str) -> String {
    let input = format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(b"{}"));
    assemble(&input, &[1; 64])
}

#[test]
fn rfc_8037_appendix_a_verifies_and_is_no_document() {
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap().try_into().unwrap();
    let key = PublicKey::from_x("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    assert_eq!(key.verify(input.as_bytes(), &bytes), Ok(()));
    assert!(assemble(input, &bytes).ends_with(signature));
    // Its header has no kid and no typ: to us it is no document at all.
    assert_eq!(parse(&assemble(input, &bytes), KIND), Err(ParseError::Header));
}

#[test]
fn the_header_has_three_members_in_this_order() {
    let input = signing_input(KIND, "abc", b"{}");
    let header = BASE64URL_NOPAD.decode(input.split('.').next().unwrap().as_bytes()).unwrap();
    assert_eq!(header, br#"{"alg":"EdDSA","kid":"abc","typ":"license+jwt"}"#);
}

#[test]
fn foreign_headers_are_refused() {
    let good = r#"{"alg":"EdDSA","kid":"a","typ":"license+jwt"}"#;
    assert!(parse(&with_header(good), KIND).is_ok());
    let other = ParseError::WrongKind { expected: "license+jwt", found: "keys+jwt".to_owned() };
    for (header, error) in [
        (r#"{"kid":"a","typ":"license+jwt"}"#, ParseError::Header),
        (r#"{"alg":"EdDSA","typ":"license+jwt"}"#, ParseError::Header),
        (r#"{"alg":"EdDSA","kid":"a"}"#, ParseError::Header),
        (r#"{"alg":"EdDSA","kid":"a","kid":"a","typ":"license+jwt"}"#, ParseError::Header),
        (r#"{"alg":"EdDSA","kid":"a","typ":"license+jwt","jwk":{}}"#, ParseError::Header),
        (r#"{"alg":"EdDSA","kid":"a","typ":"license+jwt","crit":["b64"]}"#, ParseError::Header),
        (r#"["EdDSA","a","license+jwt"]"#, ParseError::Header),
        (r#"{"alg":"EdDSA","kid":1,"typ":"license+jwt"}"#, ParseError::Header),
        (r#"{"alg":"none","kid":"a","typ":"license+jwt"}"#, ParseError::Algorithm),
        (r#"{"alg":"eddsa","kid":"a","typ":"license+jwt"}"#, ParseError::Algorithm),
        (r#"{"alg":"HS256","kid":"a","typ":"license+jwt"}"#, ParseError::Algorithm),
        (r#"{"alg":"EdDSA","kid":"","typ":"license+jwt"}"#, ParseError::Kid),
        (r#"{"alg":"EdDSA","kid":"../a","typ":"license+jwt"}"#, ParseError::Kid),
        (r#"{"alg":"EdDSA","kid":"a","typ":"keys+jwt"}"#, other),
    ] {
        assert_eq!(parse(&with_header(header), KIND), Err(error), "{header}");
    }
    let long = format!(r#"{{"alg":"EdDSA","kid":"a","typ":"{}"}}"#, "x".repeat(300));
    let Err(ParseError::WrongKind { found, .. }) = parse(&with_header(&long), KIND) else { panic!() };
    assert_eq!(found.len(), TYP_SHOWN, "an error repeats no more than it must");
}

#[test]
fn only_one_text_stands_for_one_document() {
    let good = sign_bytes(KIND, b"{}", 2);
    assert!(parse(&good, KIND).is_ok());
    let (input, signature) = good.rsplit_once('.').unwrap();
    for (text, error) in [
        (String::new(), ParseError::Parts),
        (input.to_owned(), ParseError::Base64(Part::Header)),
        (format!("{good}."), ParseError::Parts),
        (format!("{good}.e30"), ParseError::Parts),
        (format!("{good}=="), ParseError::Base64(Part::Signature)),
        (format!("{good}\n"), ParseError::Base64(Part::Signature)),
        (format!("{input}.{}", &signature[..82]), ParseError::Base64(Part::Signature)),
        (format!("{input}.{}", &signature[..80]), ParseError::SignatureLength),
        (format!(" {good}"), ParseError::Base64(Part::Header)),
        ("a".repeat(1_024), ParseError::Parts),
    ] {
        let found = parse(&text, KIND).map(|_| ());
        assert!(found.is_err(), "{text}");
        if !matches!(error, ParseError::Base64(_)) {
            assert_eq!(found, Err(error), "{text}");
        }
    }
}

#[test]
fn each_kind_has_its_own_length() {
    for kind in Kind::ALL {
        let limit = kind.max_chars();
        let fits = (0..limit).rev().find(|bytes| length(kind, *bytes) <= limit).unwrap();
        assert!(parse(&sign_bytes(kind, &vec![b'x'; fits], 2), kind).is_ok(), "{kind:?}");
        let long = sign_bytes(kind, &vec![b'x'; fits + 3], 2);
        assert_eq!(parse(&long, kind).map(|_| ()), Err(ParseError::TooLong { limit }), "{kind:?}");
    }
}

#[test]
fn a_text_says_its_kind() {
    for (kind, text) in crate::testing::one_of_each() {
        assert_eq!(kind_of(&text), Some(kind));
    }
    for text in ["", ".", "7QK3M-ABCDE", &with_header(r#"{"alg":"EdDSA","kid":"a","typ":"at+jwt"}"#)] {
        assert_eq!(kind_of(text), None, "{text}");
    }
}

#[test]
fn debug_shows_neither_content_nor_signature() {
    let text = sign_bytes(KIND, b"hush", 2);
    let shown = format!("{:?}", parse(&text, KIND).unwrap());
    assert!(shown.contains(&public(2).kid()) && !shown.contains("104"), "{shown}");
}

proptest! {
    #[test]
    fn what_was_signed_reads_back(payload in prop::collection::vec(any::<u8>(), 0..500), seed in any::<u8>()) {
        let text = sign_bytes(KIND, &payload, seed);
        prop_assert_eq!(text.len(), length(KIND, payload.len()));
        let parsed = parse(&text, KIND).unwrap();
        prop_assert_eq!(&parsed.payload, &payload);
        prop_assert_eq!(&parsed.kid, &public(seed).kid());
        prop_assert!(parsed.verify(&public(seed)).is_ok());
        prop_assert!(parsed.verify(&public(seed.wrapping_add(1))).is_err());
        prop_assert!(parse(&text, Kind::KeyList).is_err());
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in any::<String>(),
        dotted in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_=-]{0,90}",
        header in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        for text in [text, dotted, with_header(&String::from_utf8_lossy(&header))] {
            let _: Vec<_> = Kind::ALL.map(|kind| parse(&text, kind).is_ok()).into();
            let _ = kind_of(&text);
        }
    }
}
