//! Walks through the life of a licensed machine with the published crate: validate, activate, heartbeat, offline files,
//! deactivate. Every answer's signature is checked by the crate, against the door's public key. With CALL it makes that one
//! call instead, and prints how the crate tells of its refusal.
//!
//! Reads its settings from the environment (see `main`), prints a line per step, ends with a panic where the crate sees
//! something else than a program written against Keygen would.

mod refusals;

use std::env;

use keygen_rs::{
    config::{KeygenConfig, get_config, set_config},
    errors::Error,
    license::{License, LicenseCheckoutOpts, LicenseValidationRequest},
    license_file::LicenseFile,
    machine::MachineCheckoutOpts,
};

fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn asked(fingerprint: &str) -> LicenseValidationRequest {
    LicenseValidationRequest::for_fingerprint(fingerprint.to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (key, fingerprint) = (setting("LICENSE_KEY"), setting("FINGERPRINT"));
    set_config(KeygenConfig {
        api_url: setting("API_URL"),
        account: setting("ACCOUNT"),
        product: setting("ACCOUNT"),
        license_key: Some(key.clone()),
        public_key: Some(setting("PUBLIC_KEY")),
        ..KeygenConfig::default()
    })
    .expect("the settings are taken");
    if let Ok(call) = env::var("CALL") {
        println!("{}", refusals::seen(&call, &key, &fingerprint).await);
        return;
    }
    let license = validate(&key, &fingerprint).await;
    let machine = activate(&license, &fingerprint).await;
    files(&license, &key, &machine, &fingerprint).await;
    deactivate(&license, &machine, &fingerprint).await;
}

async fn validate(key: &str, fingerprint: &str) -> License {
    let answer = License::from_key(key).validate_key(&asked(fingerprint)).await.expect("a key is validated");
    assert!(!answer.meta.valid, "no machine is activated yet");
    assert!(["NO_MACHINE", "NO_MACHINES"].contains(&answer.meta.code.as_str()), "{}", answer.meta.code);
    let license = answer.license.expect("the license comes with its validation");
    assert_eq!(license.key, key);
    match key.starts_with("key/") {
        true => drop(license.verify().expect("a signed key is genuine")),
        false => assert!(license.scheme.is_none(), "a short key claims no signature"),
    }
    println!("validated: {}", answer.meta.code);
    license.with_config(get_config().expect("the settings are there"))
}

async fn activate(license: &License, fingerprint: &str) -> keygen_rs::machine::Machine {
    let machine = license.activate(fingerprint, &[]).await.expect("a machine is activated");
    assert_eq!(machine.fingerprint, fingerprint);
    let again = license.activate(fingerprint, &[]).await.expect_err("the fingerprint is taken");
    assert!(said(&again, "FINGERPRINT_TAKEN"), "{again:?}");
    let answer = license.validate(&asked(fingerprint)).await.expect("the license is validated");
    assert!(answer.meta.valid && answer.meta.code == "VALID", "{:?}", answer.meta);
    let machine = machine.ping().await.expect("a heartbeat is taken");
    assert_eq!(machine.heartbeat_status, "ALIVE");
    let listed = license.machines(None).await.expect("machines are listed");
    assert_eq!(listed.data.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [machine.id.as_str()]);
    println!("activated: {}", machine.id);
    machine
}

async fn files(license: &License, key: &str, machine: &keygen_rs::machine::Machine, fingerprint: &str) {
    let include = vec!["entitlements".to_owned()];
    let options = LicenseCheckoutOpts { encrypt: Some(true), ..LicenseCheckoutOpts::with_include(include) };
    let file = license.checkout(&options).await.expect("a license file is made");
    file.verify().expect("the license file is genuine");
    let inside = file.decrypt(key).expect("the license file opens with the key");
    assert_eq!(inside.license.id, license.id);
    assert!(LicenseFile::from_cert("another key", &file.certificate).is_err(), "it opens with no other key");
    let options = MachineCheckoutOpts {
        ttl: Some(3600),
        include: Some(vec!["license".to_owned(), "license.entitlements".to_owned()]),
    };
    let file = machine.checkout(&options).await.expect("a machine file is made");
    file.verify().expect("the machine file is genuine");
    let inside = file.decrypt(&format!("{key}{fingerprint}")).expect("the machine file opens with key and fingerprint");
    assert_eq!((inside.machine.id.as_str(), inside.ttl), (machine.id.as_str(), 3600));
    println!("checked out");
}

async fn deactivate(license: &License, machine: &keygen_rs::machine::Machine, fingerprint: &str) {
    license.deactivate(&machine.id).await.expect("the machine is deactivated");
    let gone = license.machine(&machine.id).await.expect_err("the machine is gone");
    assert!(said(&gone, "NOT_FOUND"), "{gone:?}");
    let answer = license.validate(&asked(fingerprint)).await.expect("the license is validated");
    assert!(!answer.meta.valid, "{:?}", answer.meta);
    println!("deactivated");
}

fn said(error: &Error, code: &str) -> bool {
    format!("{error:?}").contains(code)
}
