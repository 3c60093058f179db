//! Readers of what people type and merchants write.

use signet::{
    base::entropy::SeededEntropy,
    catalog,
    license::{
        jwks::Jwks,
        key::LicenseKey,
        keygen::key as signed_key,
        keys::{KeyInfo, KeyRole, KeyState, Signer},
    },
};

const ISSUER: &str = "https://licenses.example.com";

/// A good key, with dashes and without.
pub fn license_keys() -> Vec<Vec<u8>> {
    let key = LicenseKey::generate(&SeededEntropy::new(1));
    vec![key.to_string().into_bytes(), key.as_bytes().to_vec()]
}

/// Any text as a license key.
pub fn license_key(data: &[u8]) {
    if let Ok(key) = LicenseKey::parse(&String::from_utf8_lossy(data)) {
        assert_eq!(LicenseKey::parse(&key.to_string()), Ok(key));
    }
}

/// A good signed key.
pub fn signed_keys() -> Vec<Vec<u8>> {
    let dataset =
        br#"{"account":{"id":"mill"},"product":{"id":"mill"},"policy":{"id":"fixed","duration":null},"user":null,
        "license":{"id":"0197a000-0000-7000-8000-000000000001","created":"2026-03-02T08:00:00Z","expiry":null}}"#;
    vec![signed_key::sign(&Signer::generate(&SeededEntropy::new(1)), dataset).into_bytes()]
}

/// Any text as a signed key: what verifies is the very text that was signed.
pub fn signed_key(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(key) = signed_key::parse(&text) else { return };
    if key.verify(Signer::generate(&SeededEntropy::new(1)).public()).is_ok() {
        assert_eq!(text.as_bytes(), signed_keys()[0]);
    }
}

/// A good set of keys.
pub fn key_sets() -> Vec<Vec<u8>> {
    let info = |seed| KeyInfo {
        role: KeyRole::Signing,
        state: KeyState::Active,
        public: *Signer::generate(&SeededEntropy::new(seed)).public(),
    };
    serde_json::to_vec(&Jwks::published(&[info(1), info(2)])).into_iter().collect()
}

/// Any bytes as a set of keys.
pub fn jwks(data: &[u8]) {
    if let Ok(set) = Jwks::parse(data) {
        let again = serde_json::to_vec(&set).map(|json| Jwks::parse(&json));
        assert!(again.is_ok_and(|again| again == Ok(set)));
    }
}

/// The sample catalog.
pub fn catalogs() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../deploy/sample-catalog.toml").to_vec()]
}

/// Any text as a catalog.
pub fn catalog(data: &[u8]) {
    let _ = catalog::parse(&String::from_utf8_lossy(data), "catalog.toml", ISSUER);
}

/// Panics when a reader refuses the good input.
#[cfg(test)]
pub(crate) fn all_good() {
    for key in license_keys() {
        assert!(LicenseKey::parse(std::str::from_utf8(&key).unwrap()).is_ok());
    }
    assert!(signed_key::parse(std::str::from_utf8(&signed_keys()[0]).unwrap()).is_ok());
    assert!(Jwks::parse(&key_sets()[0]).is_ok());
    let sample = catalog::parse(std::str::from_utf8(&catalogs()[0]).unwrap(), "catalog.toml", ISSUER);
    assert!(sample.is_ok(), "{sample:?}");
}
