//! Servers on which the software runs in the end.

use super::{
    fake::{self, ACTIVATION},
    machine::{Machine, Plan},
};

const STEPS: [&str; 8] = [
    "downloading begin",
    "downloading done",
    "installing begin",
    "installing done",
    "activating begin",
    "activating done",
    "healthy begin",
    "healthy done",
];

fn is_healthy(machine: &Machine) {
    assert_eq!(machine.fake.steps(), STEPS, "{}", machine.printed());
    assert_eq!(machine.left("served"), "healthy: it's $HOME `id` 你好\n");
    assert_eq!(machine.left("failed"), "");
    assert_eq!(machine.left("shadow").split(':').nth(1).unwrap(), machine.hash());
    let log = machine.fake.log();
    assert!(log.contains("installing for atlas"), "{log}");
    let activations: Vec<_> = machine.fake.reports().into_iter().filter_map(|it| it.activation).collect();
    assert_eq!(activations, [ACTIVATION]);
    assert_eq!(machine.file("etc/signet/atlas/license"), "license-code.of-the.customer\n");
    assert_eq!(machine.file("var/lib/signet/atlas/lease.jwt"), fake::lease(2) + "\n");
    let files = machine.left("files");
    for line in [
        "700 d /etc/signet/atlas",
        "600 f /etc/signet/atlas/license",
        "755 d /var/lib/signet/atlas",
        "644 f /var/lib/signet/atlas/lease.jwt",
        "755 d /opt/signet/atlas/releases/1.2.3",
        "755 f /opt/signet/atlas/releases/1.2.3/install.sh",
        "755 f /opt/signet/atlas/renew.sh",
    ] {
        assert!(files.lines().any(|it| it == line), "{line} in\n{files}");
    }
    assert!(!files.contains("/run/signet-") && !files.contains("atlas/package"), "nothing is left over:\n{files}");
    assert!(machine.left("timers").contains("signet-atlas.timer"));
    assert_eq!(machine.left("renewed"), "0\n", "what the timer starts");
    assert_eq!(machine.fake.calls().last().unwrap(), "POST renew 201");
    let environment = machine.left("environment");
    for line in [
        "SIGNET_LEASE_FILE=/var/lib/signet/atlas/lease.jwt",
        "SIGNET_LICENSE_FILE=/etc/signet/atlas/license",
        "SIGNET_PARAM_GREETING=it's $HOME `id` 你好",
        "SIGNET_PRODUCT=atlas",
        "SIGNET_SERVER=http://198.51.100.10",
    ] {
        assert!(environment.lines().any(|it| it == line), "{line} in\n{environment}");
    }
    let said = machine.printed() + &log;
    for secret in [fake::TOKEN, "session-token", "license-code", machine.hash()] {
        assert!(!said.contains(secret), "a secret in\n{said}");
    }
}

#[test]
fn boot_on_an_ec2_cloud_becomes_healthy() {
    let machine = Plan::new("Ec2").run();
    is_healthy(&machine);
    assert_eq!(machine.fake.instance().unwrap(), "i-0123456789abcdef0");
    assert!(machine.left("result.json").contains("\"errors\": []"), "{}", machine.left("result.json"));
}

#[test]
fn boot_on_an_openstack_cloud_becomes_healthy() {
    let machine = Plan::new("OpenStack").run();
    is_healthy(&machine);
    assert_eq!(machine.fake.instance().unwrap(), "616fb98f-46ca-475e-917e-2563e5a8cd19");
    assert!(machine.left("result.json").contains("\"errors\": []"), "{}", machine.left("result.json"));
}

#[test]
fn boot_works_in_busybox() {
    is_healthy(&Plan::new("/bin/busybox sh").run());
}

/// Packages that are published without an end: every server refused them.
#[test]
fn boot_takes_a_manifest_without_an_end() {
    let mut plan = Plan::new("/bin/sh");
    let without = |it: &mut serde_json::Value| drop(it.as_object_mut().unwrap().remove("exp"));
    plan.play.manifest = fake::manifest(&plan.key, &plan.play.package, without);
    is_healthy(&plan.run());
}

#[test]
fn boot_works_in_bash() {
    is_healthy(&Plan::new("/bin/bash").run());
}

#[test]
fn boot_survives_lost_answers() {
    let mut plan = Plan::new("/bin/sh");
    plan.play.loses_answers = true;
    let machine = plan.run();
    is_healthy(&machine);
    assert_eq!(machine.fake.calls().iter().filter(|it| *it == "POST session 200").count(), 2);
}

#[test]
fn boot_waits_for_a_service_that_is_busy() {
    let mut plan = Plan::new("/bin/sh");
    plan.play.busy = 2;
    is_healthy(&plan.run());
}

#[test]
fn boot_goes_on_where_the_download_broke_off() {
    let mut plan = Plan::new("/bin/sh");
    plan.play.cuts = vec![100, 150];
    let machine = plan.run();
    is_healthy(&machine);
    let downloads: Vec<_> = machine.fake.calls().into_iter().filter(|it| it.starts_with("GET package")).collect();
    assert_eq!(downloads, ["GET package 200", "GET package 206", "GET package 206"]);
}

#[test]
fn boot_with_an_old_openssl_says_what_was_not_checked() {
    let mut plan = Plan::new("/bin/sh");
    let old = "#!/bin/sh\ncase $1 in\nversion) echo 'OpenSSL 1.1.1k  FIPS 25 Mar 2021' ;;\npkeyutl) exit 1 ;;\n\
               *) exec /usr/bin/openssl \"$@\" ;;\nesac\n";
    plan.files.push(("usr/local/bin/openssl", old));
    let machine = plan.run();
    is_healthy(&machine);
    let log = machine.fake.log();
    let line = "signature not checked: OpenSSL 1.1.1k  FIPS 25 Mar 2021 is older than 3.0; digest pinned by user-data";
    assert!(log.contains(line), "{log}");
}

#[test]
fn boot_starts_over_when_it_is_told_to() {
    let mut plan = Plan::new("/bin/sh");
    plan.recipe.install = "[ -e /once ] || { touch /once; echo 'the first try'; exit 7; }; ./install.sh".to_owned();
    plan.play.orders = vec![("failed", "again")];
    let machine = plan.run();
    let steps = machine.fake.steps();
    assert_eq!(steps[..4], ["downloading begin", "downloading done", "installing begin", "installing failed"]);
    assert_eq!(steps[4..], STEPS);
    let log = machine.fake.log();
    assert!(log.contains("the first try\nthe installation failed with code 7\n"), "{log}");
    assert_eq!(machine.fake.calls().iter().filter(|it| it.starts_with("GET package")).count(), 1, "kept");
}

/// What is under /run is gone after a reboot: the server must be known again all the same, and count its reports on.
#[test]
fn boot_goes_on_after_a_reboot_as_the_same_server() {
    let twice = "/bin/sh -c 'setsid sh /script & until [ -e /first ]; do sleep 0.1; done; kill -s KILL -- -$!; rm -rf /run/signet-*; \
                 exec sh /script'";
    let mut plan = Plan::new(twice);
    plan.recipe.install = "[ -e /first ] || { touch /first; sleep 987; }; ./install.sh".to_owned();
    let machine = plan.run();
    let steps = machine.fake.steps();
    assert_eq!(steps[..3], ["downloading begin", "downloading done", "installing begin"], "{}", machine.printed());
    assert_eq!(steps[3..], STEPS, "{}", machine.printed());
    assert_eq!(machine.left("served"), "healthy: it's $HOME `id` 你好\n");
    assert!(!machine.left("files").contains(".key"), "{}", machine.left("files"));
}
