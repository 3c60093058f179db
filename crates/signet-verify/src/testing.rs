//! Documents for the tests: product `atlas`, root key 1, signing keys 2 (active), 3 (verify-only) and 4 (revoked).

use alloc::{string::String, vec::Vec};

use ed25519_dalek::{Signer, SigningKey};
use serde::Serialize;

use crate::{
    claims::{
        Asked, BoundMachine, CodeClaims, Components, FeatureValue, Features, KeyListClaims, KeyState, LeaseClaims,
        LicenseFileClaims, ListedKey, PackageClaims, Revocation, RevocationsClaims, ValidationClaims,
    },
    clock::{Now, TrustedTime},
    jws,
    key::PublicKey,
    keys::{KeyRing, Root},
    kind::Kind,
    machine::{self, MatchRule},
    read::{self, BySigningKey, Read},
};

pub const PRODUCT: &str = "atlas";
pub const LICENSE: &str = "0191f3c4-0000-7000-8000-000000000001";
/// When everything was signed, in seconds since 1970.
pub const IAT: i64 = 1_700_000_000;
pub const RENEW_AFTER: i64 = IAT + 3 * 86_400;
pub const EXP: i64 = IAT + 7 * 86_400;
pub const GRACE_UNTIL: i64 = IAT + 14 * 86_400;

pub fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn public(seed: u8) -> PublicKey {
    secret(seed).verifying_key().into()
}

pub fn root() -> Root {
    Root::new(public(1))
}

/// The text of `payload` signed by key `seed`, whatever it says.
pub fn sign_bytes(kind: Kind, payload: &[u8], seed: u8) -> String {
    let input = jws::signing_input(kind, &public(seed).kid(), payload);
    jws::assemble(&input, &secret(seed).sign(input.as_bytes()).to_bytes())
}

pub fn sign(kind: Kind, claims: &impl Serialize, seed: u8) -> String {
    sign_bytes(kind, &serde_json::to_vec(claims).unwrap(), seed)
}

pub fn key_list(number: u64) -> KeyListClaims {
    let listed = [(2, KeyState::Active), (3, KeyState::VerifyOnly), (4, KeyState::Revoked)];
    KeyListClaims {
        iss: ISSUER.into(),
        aud: Kind::KeyList.audience(PRODUCT),
        iat: IAT,
        number,
        root: root().kid().into(),
        keys: listed
            .into_iter()
            .map(|(seed, state)| ListedKey { kid: public(seed).kid(), x: public(seed).x(), state })
            .collect(),
    }
}

pub fn key_list_text(number: u64) -> String {
    sign(Kind::KeyList, &key_list(number), 1)
}

pub fn ring() -> KeyRing {
    KeyRing::from_list(&key_list_text(7), &root(), PRODUCT, None).unwrap()
}

const ISSUER: &str = "https://licenses.example.com";

fn features() -> Features {
    Features::from([("seats".into(), FeatureValue::Number(5)), ("export".into(), FeatureValue::Flag(true))])
}

pub fn components(values: &[(&str, &str)]) -> Components {
    values.iter().map(|(name, value)| ((*name).into(), machine::digest(name, value))).collect()
}

pub fn this_machine() -> Components {
    components(&[("machine-id", "one"), ("mac", "02:00:00:00:00:01"), ("dmi-uuid", "two")])
}

pub fn code() -> CodeClaims {
    CodeClaims {
        iss: ISSUER.into(),
        sub: LICENSE.into(),
        aud: PRODUCT.into(),
        iat: IAT,
        nbf: IAT,
        plan: "pro".into(),
        machines: 3,
        features: features(),
        rev: 2,
        exp: None,
        device: None,
    }
}

pub fn device_code() -> CodeClaims {
    let device = Some(machine::sha256("ABC-1"));
    CodeClaims { aud: Kind::DeviceCode.audience(PRODUCT), exp: Some(EXP), device, ..code() }
}

pub fn lease() -> LeaseClaims {
    LeaseClaims {
        iss: ISSUER.into(),
        sub: LICENSE.into(),
        aud: Kind::Lease.audience(PRODUCT),
        activation: "0191f3c4-0000-7000-8000-000000000002".into(),
        iat: IAT,
        time: IAT * 1_000_000 + 250_000,
        exp: EXP,
        renew_after: RENEW_AFTER,
        grace_until: GRACE_UNTIL,
        plan: "pro".into(),
        machines: 3,
        features: features(),
        rev: 2,
        license_exp: None,
        floating: false,
        machine: BoundMachine { rule: MatchRule::Most, components: this_machine() },
        nonce: Some("n1".into()),
    }
}

pub fn asked() -> Asked {
    Asked {
        nonce: Some("n1".into()),
        product: Some(PRODUCT.into()),
        version: Some("2.1.0".into()),
        feature: Some("export".into()),
        components: this_machine(),
        ..Asked::about("7QK3M-TEST")
    }
}

pub fn validation() -> ValidationClaims {
    ValidationClaims {
        iss: ISSUER.into(),
        aud: Kind::Validation.audience(PRODUCT),
        iat: IAT,
        time: IAT * 1_000_000,
        asked: asked(),
        valid: false,
        reason: "license_frozen".into(),
        conclusive: true,
        license: None,
        activation: None,
        meters: Vec::new(),
        reports: Vec::new(),
    }
}

pub fn license_file() -> LicenseFileClaims {
    LicenseFileClaims {
        iss: ISSUER.into(),
        sub: LICENSE.into(),
        aud: Kind::LicenseFile.audience(PRODUCT),
        iat: IAT,
        time: IAT * 1_000_000,
        exp: EXP,
        plan: "pro".into(),
        machines: 3,
        features: features(),
        rev: 2,
        license_exp: None,
        rule: MatchRule::All,
        bound_to: [components(&[("machine-id", "other")]), this_machine()].into(),
    }
}

pub fn revocations(since: u64, entries: Vec<Revocation>) -> RevocationsClaims {
    RevocationsClaims {
        iss: ISSUER.into(),
        aud: Kind::Revocations.audience(PRODUCT),
        iat: IAT,
        time: IAT * 1_000_000,
        exp: EXP,
        number: since + entries.len() as u64,
        since,
        complete: true,
        head: None,
        after: None,
        entries,
    }
}

pub fn package() -> PackageClaims {
    PackageClaims {
        iss: ISSUER.into(),
        aud: Kind::Package.audience(PRODUCT),
        iat: IAT,
        version: "1.4.0".into(),
        sha256: "0a".repeat(32),
        size: 5,
        file: "atlas-1.4.0.tar.gz".into(),
        exp: Some(EXP),
        min_version: Some("1.2.0".into()),
    }
}

/// One document of each kind, in the order of [`Kind::ALL`], properly signed.
pub fn one_of_each() -> [(Kind, String); 8] {
    Kind::ALL.map(|kind| {
        let text = match kind {
            Kind::LicenseCode => sign(kind, &code(), 2),
            Kind::DeviceCode => sign(kind, &device_code(), 2),
            Kind::Lease => sign(kind, &lease(), 2),
            Kind::Validation => sign(kind, &validation(), 2),
            Kind::LicenseFile => sign(kind, &license_file(), 2),
            Kind::Revocations => sign(kind, &revocations(0, Vec::new()), 2),
            Kind::KeyList => key_list_text(7),
            Kind::Package => sign(kind, &package(), 2),
        };
        (kind, text)
    })
}

/// Signs and reads: the way every verified document comes about.
pub fn verified<C: BySigningKey + Serialize>(claims: &C) -> Read<C> {
    read::read(&sign(C::KIND, claims, 2), &ring(), PRODUCT).unwrap()
}

/// The present time of a clock that nobody turned back.
pub fn at(seconds: i64) -> Now {
    TrustedTime::default().now(seconds.saturating_mul(1_000_000))
}
