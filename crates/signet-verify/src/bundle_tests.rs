use alloc::{format, string::String, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::testing::{PRODUCT, code, device_code, key_list_text, lease, license_file, public, revocations, root, sign};

fn full() -> Bundle {
    Bundle {
        keys: Some(key_list_text(7)),
        code: Some(sign(Kind::LicenseCode, &code(), 2)),
        lease: Some(sign(Kind::Lease, &lease(), 2)),
        license_file: Some(sign(Kind::LicenseFile, &license_file(), 3)),
        revocations: Some(sign(Kind::Revocations, &revocations(0, Vec::new()), 2)),
        ..Bundle::new(PRODUCT)
    }
}

#[test]
fn a_bundle_reads_back_and_opens() {
    let bundle = full();
    assert_eq!(Bundle::parse(&bundle.to_json()), Ok(bundle.clone()));
    let opened = bundle.open(&root(), PRODUCT, Some(7)).unwrap();
    assert_eq!(opened.code.unwrap().claims, code());
    assert_eq!(opened.lease.unwrap().claims, lease());
    assert_eq!(opened.license_file.unwrap().kid, public(3).kid());
    assert_eq!((opened.revocations.unwrap().claims.number, opened.keys.number()), (0, 7));
    assert_eq!(Bundle::new(PRODUCT).to_json(), r#"{"signet":1,"product":"atlas"}"#);
}

#[test]
fn a_device_code_opens_too() {
    let bundle = Bundle { code: Some(sign(Kind::DeviceCode, &device_code(), 2)), ..full() };
    assert_eq!(bundle.open(&root(), PRODUCT, None).unwrap().code.unwrap().claims, device_code());
}

#[test]
fn foreign_json_is_refused() {
    let good = full().to_json();
    assert!(Bundle::parse(&format!("\n{good}\n")).is_ok());
    assert!(Bundle::parse(&good.replacen('{', r#"{"later":{"a":[]},"#, 1)).is_ok());
    for (text, name) in [
        (String::new(), "malformed"),
        ("[]".into(), "malformed"),
        (format!("[{good}]"), "malformed"),
        (format!("{good}{good}"), "malformed"),
        (good.replacen('{', r#"{"signet":1,"#, 1), "malformed"),
        (good.replace(r#""signet":1"#, r#""signet":"1""#), "malformed"),
        (good.replace(r#""signet":1,"#, ""), "malformed"),
        (good.replace(r#""signet":1"#, r#""signet":2"#), "newer_form"),
        (" ".repeat(BYTES + 1), "malformed"),
    ] {
        assert_eq!(Bundle::parse(&text).unwrap_err().as_str(), name, "{text:.60}");
    }
}

#[test]
fn one_bad_text_refuses_the_whole_bundle() {
    let (lease_text, list_text) = (full().lease, full().keys);
    for (bundle, name) in [
        (Bundle { keys: None, ..full() }, "no_keys"),
        (Bundle { keys: lease_text.clone(), ..full() }, "wrong_kind"),
        (Bundle { product: "other".into(), ..full() }, "wrong_product"),
        (Bundle { code: lease_text.clone(), ..full() }, "wrong_kind"),
        (Bundle { license_file: lease_text.clone(), ..full() }, "wrong_kind"),
        (Bundle { revocations: list_text, ..full() }, "wrong_kind"),
        (Bundle { lease: Some(sign(Kind::Lease, &lease(), 4)), ..full() }, "revoked_key"),
        (Bundle { lease: Some(sign(Kind::Lease, &lease(), 5)), ..full() }, "unknown_key"),
        (Bundle { lease: lease_text.map(|text| text.replace('.', "..")), ..full() }, "malformed"),
        (Bundle { keys: Some(key_list_text(6)), ..full() }, "older_key_list"),
    ] {
        assert_eq!(bundle.open(&root(), PRODUCT, Some(7)).unwrap_err().as_str(), name);
    }
    assert_eq!(full().open(&root(), "other", None).unwrap_err().as_str(), "wrong_product");
}

#[test]
fn debug_shows_no_credential() {
    let shown = format!("{:?}", full());
    assert!(!shown.contains("eyJ"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), braced in "\\{\"signet\":1,\"product\":.{0,40}") {
        for text in [text, braced] {
            if let Ok(bundle) = Bundle::parse(&text) {
                let _ = bundle.open(&root(), PRODUCT, None);
            }
        }
    }
}
