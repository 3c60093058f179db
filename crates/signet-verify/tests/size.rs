//! What the crate may need: no std, and no more dependencies than it has.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const HOST: &str = include_str!("no_std/host.rs");

/// Signatures, digests, base64url, JSON; most of the rest is what the first two are made of.
const CRATES: [&str; 22] = [
    "block_buffer",
    "cfg_if",
    "cpufeatures",
    "crypto_common",
    "curve25519_dalek",
    "data_encoding",
    "digest",
    "ed25519",
    "ed25519_dalek",
    "hybrid_array",
    "itoa",
    "memchr",
    "serde",
    "serde_core",
    "serde_json",
    "sha2",
    "signature",
    "signet_verify",
    "subtle",
    "thiserror",
    "typenum",
    "zmij",
];

fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    // A build of its own: what the tests were built with says nothing about it.
    let inherited = std::env::vars().map(|(name, _)| name);
    for name in inherited.filter(|name| name.starts_with("CARGO_") && name != "CARGO_HOME") {
        command.env_remove(name);
    }
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The crates that end up in the software of a merchant, without those that only run while compiling.
#[test]
fn the_dependencies_stay_these() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree =
        ["tree", "--offline", "--locked", "-p", "signet-verify", "-e", "normal,no-proc-macro", "--prefix", "none"];
    let output = cargo(here, &[&tree[..], &["--format", "{lib}"]].concat());
    let found = String::from_utf8(output.stdout).unwrap();
    let names = found.lines().filter_map(|line| line.split_whitespace().next());
    assert_eq!(names.collect::<BTreeSet<_>>(), BTreeSet::from(CRATES));
}

/// Builds a program that has no std, with the dependencies of the workspace's lock file, and runs it.
#[test]
fn it_links_and_runs_without_std() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no_std");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        concat!(
            "[package]\nname = \"host\"\nversion = \"0.0.0\"\nedition = \"2024\"\n",
            "[workspace]\n[dependencies]\nsignet-verify = {{ path = {:?} }}\n",
            "[profile.dev]\npanic = \"abort\"\n",
        ),
        here
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), HOST).unwrap();
    // Cargo takes out what the program does not need; the versions stay.
    fs::copy(here.join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    cargo(&folder, &["build", "--offline", "--target-dir", "target"]);
    let status = Command::new(folder.join("target/debug/host")).status().unwrap();
    assert!(status.success(), "{status}");
}
