//! Servers on which nothing is installed, or not to its end, and that say why.

use ed25519_dalek::SigningKey;

use super::{
    fake,
    machine::{Machine, Plan, packed},
};

#[test]
fn boot_refuses_a_tampered_package() {
    let mut plan = Plan::new("OpenStack");
    let middle = plan.play.package.len() / 2;
    plan.play.package[middle] ^= 1;
    let machine = plan.run();
    assert_eq!(machine.failure(true), "digest");
    assert_eq!(machine.fake.steps(), ["downloading begin", "downloading failed"]);
    assert!(!machine.left("files").contains("releases"), "nothing was unpacked");
    assert!(machine.left("status").contains("status: error"), "{}", machine.left("status"));
}

#[test]
fn boot_refuses_a_package_that_is_too_short_or_too_long() {
    for change in [|it: &mut Vec<u8>| it.truncate(200), |it: &mut Vec<u8>| it.extend([0; 100_000])] {
        let mut plan = Plan::new("/bin/sh");
        change(&mut plan.play.package);
        let machine = plan.run();
        assert!(["digest", "network"].contains(&machine.failure(true).as_str()), "{}", machine.printed());
    }
}

#[test]
fn boot_refuses_a_manifest_of_another_digest() {
    let mut plan = Plan::new("Ec2");
    plan.other_manifest = Some("another manifest");
    let machine = plan.run();
    assert_eq!(machine.failure(true), "digest");
    assert!(!machine.fake.calls().iter().any(|it| it.starts_with("GET package")));
}

#[test]
fn boot_refuses_manifests_that_do_not_hold() {
    let package = Plan::new("").play.package;
    let (key, other) = (Plan::new("").key, SigningKey::from_bytes(&[8; 32]));
    let manifests = [
        ("is not signed by the product's key", fake::manifest(&other, &package, |_| {})),
        ("is of another product", fake::manifest(&key, &package, |it| it["aud"] = "borealis/package".into())),
        ("has no version", fake::manifest(&key, &package, |it| it["version"] = "../../etc".into())),
    ];
    for (why, manifest) in manifests {
        let mut plan = Plan::new("/bin/sh");
        plan.play.manifest = manifest;
        let machine = plan.run();
        assert_eq!(machine.failure(true), "signature", "{why}");
        assert!(machine.fake.log().contains(why), "{}", machine.fake.log());
    }
}

#[test]
fn boot_refuses_a_manifest_that_is_over() {
    let mut plan = Plan::new("/bin/sh");
    plan.play.manifest = fake::manifest(&plan.key, &plan.play.package, |it| it["exp"] = 1_700_000_000.into());
    let machine = plan.run();
    assert_eq!(machine.failure(true), "expired");
    assert!(machine.fake.log().contains("is no longer valid"), "{}", machine.fake.log());
}

#[test]
fn boot_ends_at_once_when_the_token_was_used() {
    let mut plan = Plan::new("Ec2");
    plan.play.refuses.insert("session", (409, "this token was used by another server"));
    let machine = plan.run();
    assert_eq!(machine.fake.calls(), ["POST session 409"]);
    assert!(machine.printed().contains("this token was used by another server"), "{}", machine.printed());
    assert_eq!(machine.left("environment"), "");
    assert!(machine.left("status").contains("status: error"));
}

#[test]
fn boot_passes_on_why_the_license_does_not_hold() {
    for (call, status, installed) in [("package", 403, false), ("license", 403, false), ("activations", 403, true)] {
        let mut plan = Plan::new("/bin/sh");
        plan.play.refuses.insert(call, (status, "the license expired"));
        let machine = plan.run();
        assert_eq!(machine.failure(!installed), "license", "{call}");
        assert!(machine.fake.log().contains("the license expired"), "{call}: {}", machine.fake.log());
    }
}

/// To ask why a download fails is no sign that the next one will not: the counter of the tries went back to nothing by it.
#[test]
fn boot_gives_up_a_download_that_never_works_although_parts_of_it_do() {
    let mut plan = Plan::new("/bin/sh");
    plan.play.parts_only = true;
    let script = plan.written();
    assert!(script.contains("patience=60"));
    plan.script = Some(script.replace("patience=60", "patience=2"));
    let machine = plan.run();
    assert_eq!(machine.failure(true), "network");
    let calls = machine.fake.calls();
    assert_eq!(calls.iter().filter(|it| it.as_str() == "GET package 500").count(), 3, "{calls:?}");
}

fn full(plan: Plan) -> Machine {
    let machine = Plan { disk_mib: 48, ..plan }.run();
    let reports = machine.fake.reports();
    assert_eq!(reports.last().unwrap().reason.as_deref(), Some("disk_full"), "{}", machine.printed());
    machine
}

#[test]
fn boot_sees_before_the_download_that_the_disk_is_too_small() {
    let mut plan = Plan::new("/bin/sh");
    plan.play.manifest = fake::manifest(&plan.key, &plan.play.package, |it| it["size"] = 40_000_000.into());
    let machine = full(plan);
    assert!(!machine.fake.calls().iter().any(|it| it.starts_with("GET package")));
}

#[test]
fn boot_says_so_when_unpacking_fills_the_disk() {
    let mut plan = Plan::new("/bin/sh");
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("zeros")).unwrap().set_len(100_000_000).unwrap();
    plan.play.package = packed(folder.path());
    plan.play.manifest = fake::manifest(&plan.key, &plan.play.package, |_| {});
    let machine = full(plan);
    assert_eq!(machine.fake.steps().last().unwrap(), "installing failed");
}

#[test]
fn boot_ends_an_installation_that_takes_too_long() {
    let mut plan = Plan::new("/bin/sh");
    plan.recipe.install = "./install.sh; sleep 987 & sleep 988".to_owned();
    plan.recipe.install_seconds = 2;
    let machine = plan.run();
    assert_eq!(machine.failure(false), "install");
    assert!(machine.fake.log().contains("ended after 2 seconds"), "{}", machine.fake.log());
    let processes = machine.left("processes");
    assert!(processes.contains("/last") && !processes.contains("sleep 98"), "{processes}");
}

#[test]
fn boot_stops_when_it_is_told_to() {
    let mut plan = Plan::new("/bin/sh");
    plan.recipe.install = "./install.sh; sleep 987".to_owned();
    plan.play.orders = vec![("log installing", "stop")];
    let machine = plan.run();
    assert_eq!(machine.fake.steps(), ["downloading begin", "downloading done", "installing begin"]);
    let processes = machine.left("processes");
    assert!(processes.contains("/last") && !processes.contains("sleep 98"), "{processes}");
}

#[test]
fn boot_fails_when_the_software_is_not_healthy() {
    let mut plan = Plan::new("/bin/sh");
    plan.recipe.health = "echo 'no answer yet'; false".to_owned();
    plan.recipe.health_seconds = 2;
    let machine = plan.run();
    assert_eq!(machine.failure(false), "health");
    let log = machine.fake.log();
    assert!(log.contains("no answer yet\nnot healthy after 2 seconds"), "{log}");
}

#[test]
fn boot_without_curl_says_what_is_missing() {
    let machine = Plan::new("/bin/sh -c 'rm /usr/bin/curl; exec sh /script'").run();
    assert!(machine.printed().contains("curl is missing: install it"), "{}", machine.printed());
    assert_eq!(machine.fake.calls(), [""; 0]);
    assert_eq!(machine.left("shadow").split(':').nth(1).unwrap(), machine.hash(), "the password is set before");
}
