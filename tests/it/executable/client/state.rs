//! The state's file and the commands that need no service.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

use serde_json::Value;
use signet::{base::entropy::SeededEntropy, license::keys::Signer};
use signet_verify::machine::digest;

use super::{
    super::support::{Backend, Ended, Installation, mode},
    shop::{Machine, Shop},
};

#[test]
fn the_fingerprint_is_digests_of_what_the_operator_said() {
    let machine = Machine::new("rack-7");
    let ended = Ended::of(machine.command(&["fingerprint", "--json"]));
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["components"]["operator"], digest("operator", "rack-7"));
    let plain = Ended::of(machine.command(&["fingerprint"])).stdout;
    assert!(
        plain.contains(&format!("operator {}", digest("operator", "rack-7"))) && !plain.contains("rack-7"),
        "{plain}"
    );
}

#[test]
fn the_root_to_pin_is_printed() {
    let installation = Installation::new(Backend::Sqlite);
    installation.done(&["catalog", "apply", "catalog.toml"]);
    let root = installation.done(&["key", "root", "atlas"]).stdout;
    assert_eq!(root.trim().len(), 43, "{root}");
    installation.run(&["key", "root", "nothing"]).refused(&["nothing has no keys"]);
}

/// Base64url has a dash: one key in 64 looks like an option.
#[test]
fn regression_a_key_that_begins_with_a_dash_is_taken() {
    let dashed = (0_u64..)
        .map(|seed| Signer::generate(&SeededEntropy::new(seed)).public().x())
        .find(|x| x.starts_with('-'))
        .unwrap();
    let machine = Machine::new("desk-1");
    let ended = Ended::of(machine.command(&["import-file", "gone.json", "--root-key", &dashed]));
    ended.refused(&["gone.json cannot be read"]);
    let installation = Installation::new(Backend::Sqlite);
    installation.done(&["catalog", "apply", "catalog.toml"]);
    installation.run(&["key", "revoke", &dashed]).refused(&[&dashed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_was_changed_or_damaged_is_not_believed() {
    let mut shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    shop.close();
    let whole = machine.state();
    machine.edit(|state| {
        let lease = state["lease"].as_str().unwrap();
        let at = lease.find('.').unwrap() + 20;
        let other = if &lease[at..=at] == "A" { "B" } else { "A" };
        state["lease"] = format!("{}{other}{}", &lease[..at], &lease[at + 1..]).into();
    });
    machine.checks(20, "lease_invalid");
    fs::write(machine.state_file(), "{").unwrap();
    machine.run(&["check"]).refused(&["is damaged", "activate again"]);
    fs::write(machine.state_file(), whole.to_string()).unwrap();
    machine.checks(0, "runs");
}

/// What a crash leaves beside the state, and with wrong permissions, neither harms nor stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_written_state_is_never_read() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let half = machine.state_file().with_file_name("state.json.new");
    fs::write(&half, "{\"signet\":1").unwrap();
    fs::set_permissions(&half, fs::Permissions::from_mode(0o644)).unwrap();
    machine.checks(0, "runs");
    machine.activated(&shop);
    assert!(!half.exists());
    assert_eq!(mode(&machine.state_file()), 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_start_at_once_share_one_state() {
    let shop = Shop::open(5).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    shop.set_clock(0);
    let renewed = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let checks: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Ended::of(machine.command(&["check", "--json"])))).collect();
            let ended = checks.into_iter().map(|check| check.join().unwrap());
            ended.filter(|ended| ended.stdout.contains("\"renewed\": true")).count()
        })
    });
    assert_eq!(renewed, 1, "the first renews, the others find its lease");
}

/// Regression: both were accepted without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_folder_of_others_and_a_lock_that_leads_elsewhere_are_refused() {
    let shop = Shop::open(0).await;
    let machine = Machine::new("desk-1");
    machine.activated(&shop);
    let (folder, lock) = (machine.path("client"), machine.state_file().with_file_name("lock"));
    for (path, mode) in [(folder.join("atlas"), 0o770), (folder.clone(), 0o777)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for told in [machine.run(&["check"]), machine.activate(&shop, &shop.code)] {
            told.refused(&["can be written by others", "chmod go-w"]);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::remove_file(&lock).unwrap();
    for target in [machine.path("elsewhere"), machine.state_file()] {
        std::os::unix::fs::symlink(&target, &lock).unwrap();
        machine.run(&["check"]).refused(&["lock is a link", "remove it"]);
        fs::remove_file(&lock).unwrap();
    }
    assert!(!machine.path("elsewhere").exists());
    machine.activated(&shop);
    machine.checks(0, "runs");
}

/// As the document says: a volume at the folder of the state is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_is_the_machine_of_its_volume() {
    let shop = Shop::open(0).await;
    // Another file system than the root's, as a volume is.
    let volumes = [(); 3].map(|()| tempfile::tempdir_in("/dev/shm").unwrap());
    // A new container: nothing outlives the last one but what is on its volume.
    let run = |volume: &Path, arguments: &[&str]| {
        let container = Machine::new("");
        let mut command = container.command(arguments);
        command
            .env("KUBERNETES_SERVICE_HOST", "10.0.0.1")
            .env("SIGNET_CLIENT_DIR", volume)
            .env("SIGNET_LICENSE", &shop.code);
        tokio::task::block_in_place(|| Ended::of(command))
    };
    let activation = |volume: &Path| {
        let ended = run(volume, &["activate", "--server", &shop.server, &format!("--root-key={}", shop.root)]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let state: Value = serde_json::from_slice(&fs::read(volume.join("atlas/state.json")).unwrap()).unwrap();
        state["client"]["activation"].clone()
    };
    let [first, copy, other] = volumes.each_ref().map(|volume| volume.path());
    let seat = activation(first);
    for _ in 0..2 {
        assert_eq!(run(first, &["check", "--offline"]).code, Some(0));
        assert_eq!(activation(first), seat);
    }
    fs::remove_file(first.join("atlas/state.json")).unwrap();
    assert_eq!(activation(first), seat, "by the id alone");
    fs::DirBuilder::new().mode(0o700).create(copy.join("atlas")).unwrap();
    fs::copy(first.join("atlas/machine-id"), copy.join("atlas/machine-id")).unwrap();
    assert_eq!(activation(copy), seat, "a copied volume is the same machine");
    assert_ne!(activation(other), seat);

    let (root, inside) = (fs::metadata("/").unwrap().dev(), Machine::new(""));
    if fs::metadata(inside.path("")).unwrap().dev() == root {
        let ended =
            run(&inside.path("client"), &["activate", "--server", &shop.server, &format!("--root-key={}", shop.root)]);
        ended.refused(&["nothing that outlives a restart", "SIGNET_MACHINE_ID", "mount a volume"]);
    }
}
