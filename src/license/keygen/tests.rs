//! What the door writes, read by code that shares nothing with it. Signatures are checked with `ring`.

use data_encoding::{BASE64, BASE64URL};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    signature::{ED25519, UnparsedPublicKey},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    file::{FileKind, Sealing, certificate},
    key::{self, BadKey, Dataset},
    response,
};
use crate::{
    base::{secret::Key32, time::Time},
    license::{code::Claims, keys::Signer},
};

const DOCUMENT: &str = r#"{"data":{"id":"机器"}}"#;

fn signer(byte: u8) -> Signer {
    Signer::from_seed(&Key32::new([byte; 32]))
}

fn holds(signer: &Signer, text: &str, signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, signer.public().as_bytes());
    key.verify(text.as_bytes(), signature).is_ok()
}

fn first(exp: Option<i64>) -> Claims {
    serde_json::from_value::<signet_verify::claims::CodeClaims>(json!({
        "iss": "https://licenses.example.com", "sub": "0197a000-0000-7000-8000-000000000001", "aud": "mill",
        "iat": 1_790_000_000, "nbf": 1_789_999_999, "plan": "fixed", "machines": 1, "features": {}, "rev": 1, "exp": exp,
    }))
    .map(|claims| Claims::try_from(claims).unwrap())
    .unwrap()
}

fn given(exp: Option<i64>) -> (Dataset, String) {
    let dataset = Dataset::of(&"mill".parse().unwrap(), &first(exp)).unwrap();
    let key = dataset.key(&signer(7));
    (dataset, key)
}

#[test]
fn a_signed_key_says_what_the_first_code_said_and_verifies() {
    let (dataset, text) = given(Some(1_790_086_400));
    let (signed, signature) = text.split_once('.').unwrap();
    assert!(holds(&signer(7), signed, &BASE64URL.decode(signature.as_bytes()).unwrap()));
    let said = BASE64URL.decode(signed.strip_prefix("key/").unwrap().as_bytes()).unwrap();
    let said: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!((&said["account"]["id"], &said["product"]["id"]), (&json!("mill"), &json!("mill")));
    assert_eq!(said["policy"], json!({ "id": "fixed", "duration": 86_400 }));
    assert!(said["user"].is_null() && said.get("user").is_some());
    assert_eq!(said["license"]["id"], "0197a000-0000-7000-8000-000000000001");
    let shown = key::parse(&text).unwrap();
    assert_eq!(shown.dataset, dataset);
    assert!(shown.verify(signer(7).public()).is_ok() && shown.verify(signer(8).public()).is_err());
    assert_eq!(given(Some(1_790_086_400)).1, text, "it never changes");
    let (perpetual, _) = given(None);
    assert_eq!((perpetual.policy.duration, perpetual.license.expiry), (None, None));
}

#[test]
fn a_changed_signed_key_is_refused() {
    let (_, text) = given(None);
    let (signed, signature) = text.split_once('.').unwrap();
    for bad in [
        "",
        "key/",
        "key/.",
        signed,
        &text[4..],
        &text[..text.len() - 1],
        &format!("{text}="),
        &format!("{text}.x"),
        &format!(" {text}"),
        &format!("KEY/{}", &text[4..]),
        &format!("key/e30=.{signature}"),
        &"key/".repeat(999),
    ] {
        assert_eq!(key::parse(bad), Err(BadKey), "{bad}");
    }
    // Every single character counts: what still reads does not verify.
    for at in 4..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        if let Ok(shown) = key::parse(&String::from_utf8(bytes).unwrap()) {
            assert!(shown.verify(signer(7).public()).is_err(), "character {at}");
        }
    }
    // A good signature over what no door says.
    assert_eq!(key::parse(&key::sign(&signer(7), b"{}")), Err(BadKey));
}

/// The members of a file, and its lines.
fn opened(text: &str, title: &str) -> Value {
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("-----BEGIN {title}-----"));
    assert_eq!(*lines.last().unwrap(), format!("-----END {title}-----"));
    let inner = &lines[1..lines.len() - 1];
    assert!(inner[..inner.len() - 1].iter().all(|line| line.len() == 60) && inner[inner.len() - 1].len() <= 60);
    serde_json::from_slice(&BASE64.decode(inner.concat().as_bytes()).unwrap()).unwrap()
}

#[test]
fn a_plain_file_holds_the_document_under_a_signature_of_its_kind() {
    let cases = [(FileKind::License, "LICENSE FILE", "license"), (FileKind::Machine, "MACHINE FILE", "machine")];
    for (kind, title, prefix) in cases {
        let file = opened(&certificate(kind, DOCUMENT, Sealing::Plain, &signer(7)), title);
        let enc = file["enc"].as_str().unwrap();
        assert_eq!((BASE64.decode(enc.as_bytes()).unwrap(), &file["alg"]), (DOCUMENT.into(), &json!("base64+ed25519")));
        let signature = BASE64.decode(file["sig"].as_str().unwrap().as_bytes()).unwrap();
        assert!(holds(&signer(7), &format!("{prefix}/{enc}"), &signature));
        let other = if prefix == "license" { "machine" } else { "license" };
        for text in [format!("{other}/{enc}"), enc.to_owned(), format!("{prefix}/{enc}A")] {
            assert!(!holds(&signer(7), &text, &signature), "{text}");
        }
        assert!(!holds(&signer(8), &format!("{prefix}/{enc}"), &signature));
    }
}

#[test]
fn an_encrypted_file_opens_with_its_secret_and_unchanged_only() {
    let sealing = Sealing::Encrypted { secret: &"secret".to_owned().into(), nonce: [9; 12] };
    let file = opened(&certificate(FileKind::Machine, DOCUMENT, sealing, &signer(7)), "MACHINE FILE");
    assert_eq!(file["alg"], "aes-256-gcm+ed25519");
    let enc = file["enc"].as_str().unwrap();
    let signature = BASE64.decode(file["sig"].as_str().unwrap().as_bytes()).unwrap();
    assert!(holds(&signer(7), &format!("machine/{enc}"), &signature));
    let parts: Vec<_> = enc.split('.').map(|part| BASE64.decode(part.as_bytes()).unwrap()).collect();
    let [text, nonce, tag] = parts.as_slice() else { panic!("{enc}") };
    assert_eq!((nonce.as_slice(), text.len(), tag.len()), ([9; 12].as_slice(), DOCUMENT.len(), 16));
    let open = |secret: &str, text: &[u8], tag: &[u8]| {
        let key = UnboundKey::new(&AES_256_GCM, &Sha256::digest(secret.as_bytes())).unwrap();
        let mut sealed = [text, tag].concat();
        let nonce = Nonce::assume_unique_for_key([9; 12]);
        LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut sealed).map(|clear| clear.to_vec())
    };
    assert_eq!(open("secret", text, tag).unwrap(), DOCUMENT.as_bytes());
    assert!(open("secret ", text, tag).is_err());
    let flipped = |bytes: &[u8]| bytes.iter().enumerate().map(|(at, it)| it ^ u8::from(at == 0)).collect::<Vec<_>>();
    assert!(open("secret", &flipped(text), tag).is_err() && open("secret", text, &flipped(tag)).is_err());
}

#[test]
fn an_answers_signature_is_over_address_host_date_and_body() {
    let at: Time = "2026-02-03T04:05:06.789Z".parse().unwrap();
    let headers = response::sign(&signer(7), "mill", "POST", "/v1/x?a=%7e", "h.example:8443", at, b"body");
    assert_eq!(headers.date, "Tue, 03 Feb 2026 04:05:06 GMT");
    let digest = BASE64.encode(&Sha256::digest(b"body"));
    assert_eq!(headers.digest, format!("sha-256={digest}"));
    let rest = headers.signature.strip_prefix("keyid=\"mill\", algorithm=\"ed25519\", signature=\"").unwrap();
    let (signature, rest) = rest.split_once('"').unwrap();
    assert_eq!(rest, ", headers=\"(request-target) host date digest\"");
    let signature = BASE64.decode(signature.as_bytes()).unwrap();
    let text = |method: &str, target: &str, host: &str| {
        format!("(request-target): {method} {target}\nhost: {host}\ndate: {}\ndigest: sha-256={digest}", headers.date)
    };
    assert!(holds(&signer(7), &text("post", "/v1/x?a=%7e", "h.example:8443"), &signature));
    for (method, target, host) in [
        ("POST", "/v1/x?a=%7e", "h.example:8443"),
        ("get", "/v1/x?a=%7e", "h.example:8443"),
        ("post", "/v1/x?a=~", "h.example:8443"),
        ("post", "/v1/x?a=%7e", "h.example"),
    ] {
        assert!(!holds(&signer(7), &text(method, target, host), &signature), "{method} {target} {host}");
    }
}
