use proptest::prelude::*;

use super::*;
use crate::base::{entropy::SeededEntropy, secret::Key32};

const KIND: SignedKind = SignedKind::LicenseCode;

fn signer() -> Signer {
    Signer::generate(&SeededEntropy::new(7))
}

fn with_header(header: &str) -> String {
    let input = format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(b"{}"));
    assemble(&input, &[1; 64])
}

#[test]
fn rfc_8037_appendix_a_signs_and_verifies() {
    let seed = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let signer = Signer::from_seed(&Key32::new(seed.try_into().unwrap()));
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = signer.sign(input.as_bytes());
    let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(BASE64URL_NOPAD.encode(&signature), expected);
    let text = assemble(input, &signature);
    assert!(text.ends_with(expected));
    // Its header has no kid and no typ: to us it is no document at all.
    assert_eq!(parse(&text, KIND), Err(ParseError::Header));
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
        (
            r#"{"alg":"EdDSA","kid":"a","typ":"keys+jwt"}"#,
            ParseError::WrongKind { expected: "license+jwt", found: "keys+jwt".to_owned() },
        ),
    ] {
        assert_eq!(parse(&with_header(header), KIND), Err(error), "{header}");
    }
}

#[test]
fn only_one_text_stands_for_one_document() {
    let good = sign(KIND, b"{}", &signer()).unwrap().text();
    assert!(parse(&good, KIND).is_ok());
    let (input, signature) = good.rsplit_once('.').unwrap();
    for (text, error) in [
        (String::new(), ParseError::Parts),
        (input.to_owned(), ParseError::Base64(Part::Payload)),
        (format!("{good}."), ParseError::Parts),
        (format!("{good}.e30"), ParseError::Parts),
        (format!("{good}=="), ParseError::Base64(Part::Signature)),
        (format!("{good}\n"), ParseError::Base64(Part::Signature)),
        (format!("{input}.{}", &signature[..82]), ParseError::Base64(Part::Signature)),
        (format!("{input}.{}", &signature[..80]), ParseError::SignatureLength),
        (format!(" {good}"), ParseError::Base64(Part::Header)),
        ("a".repeat(1_024), ParseError::TooLong { limit: 1_023 }),
    ] {
        let found = parse(&text, KIND).map(|_| ());
        assert!(found.is_err(), "{text}");
        if !matches!(error, ParseError::Base64(_)) {
            assert_eq!(found, Err(error), "{text}");
        }
    }
}

#[test]
fn a_document_longer_than_its_kind_is_not_signed() {
    let fits = (0..2_000).rev().find(|bytes| length(KIND, *bytes) <= 1_023).unwrap();
    assert!(parse(&sign(KIND, &vec![b'x'; fits], &signer()).unwrap().text(), KIND).is_ok());
    assert!(matches!(sign(KIND, &vec![b'x'; fits + 1], &signer()), Err(TooLong { limit: 1_023, .. })));
}

proptest! {
    #[test]
    fn what_was_signed_reads_back(payload in prop::collection::vec(any::<u8>(), 0..500), seed in any::<u64>()) {
        let signer = Signer::generate(&SeededEntropy::new(seed));
        let text = sign(KIND, &payload, &signer).unwrap().text();
        prop_assert_eq!(text.len(), length(KIND, payload.len()));
        let parsed = parse(&text, KIND).unwrap();
        prop_assert_eq!(&parsed.payload, &payload);
        prop_assert_eq!(parsed.kid.as_str(), signer.kid());
        prop_assert!(parsed.verify(signer.public()).is_ok());
        prop_assert!(parse(&text, SignedKind::KeyList).is_err());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), dotted in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_=-]{0,90}") {
        let _ = parse(&text, KIND);
        let _ = parse(&dotted, SignedKind::KeyList);
    }
}
