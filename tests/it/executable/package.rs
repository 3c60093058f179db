//! `signet package`: publishing, on a real disk that may be full, by a process that may die.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::support::{Backend, Ended, Installation, executable, wait_until};

fn installation() -> Installation {
    let installation = Installation::new(Backend::Sqlite);
    installation.done(&["catalog", "apply", "catalog.toml"]);
    installation
}

fn publish<'a>(version: &'a str, file: &'a str) -> [&'a str; 7] {
    ["package", "publish", "--product", "atlas", "--version", version, file]
}

/// Files of the package store, whole ones and those that are being written.
fn kept(installation: &Installation) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![installation.data().join("packages")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn a_version_is_published_listed_verified_and_withdrawn() {
    let installation = installation();
    fs::write(installation.path("a.tar.gz"), "first").unwrap();
    fs::write(installation.path("b.tar.gz"), "other").unwrap();
    assert!(installation.done(&publish("1.4.0", "a.tar.gz")).stdout.contains("is published (5 bytes"));
    assert!(installation.done(&publish("1.4.0", "a.tar.gz")).stdout.contains("nothing changed"));
    installation.run(&publish("1.4.0", "b.tar.gz")).refused(&["published with other bytes", "use the next one"]);
    let list = installation.done(&["package", "list", "--product", "atlas"]).stdout;
    assert_eq!(list.lines().filter(|line| line.contains("1.4.0")).count(), 1, "{list}");
    assert_eq!(kept(&installation).len(), 1, "refused bytes are not kept");

    let verify = ["package", "verify", "--product", "atlas", "--version", "1.4.0"];
    installation.done(&verify);
    installation.done(&[&verify[..], &["a.tar.gz"]].concat());
    installation.run(&[&verify[..], &["b.tar.gz"]].concat()).refused(&["it is not atlas 1.4.0"]);
    fs::write(&kept(&installation)[0], "fir5t").unwrap();
    installation.run(&verify).refused(&["it is not atlas 1.4.0"]);

    installation.done(&["package", "withdraw", "--product", "atlas", "--version", "1.4.0"]);
    assert!(installation.done(&["package", "list"]).stdout.contains("withdrawn"));
    installation.run(&publish("1.4.0", "a.tar.gz")).refused(&["does not come back"]);
    installation
        .run(&["package", "withdraw", "--product", "atlas", "--version", "9.0.0"])
        .refused(&["no version 9.0.0"]);
}

#[test]
fn what_is_no_package_is_refused_and_leaves_nothing() {
    let installation = installation();
    fs::write(installation.path("empty.tar.gz"), "").unwrap();
    fs::write(installation.path("a.tar.gz"), "first").unwrap();
    installation.run(&publish("1.4.0", "empty.tar.gz")).refused(&["empty"]);
    installation.run(&publish("1.4", "a.tar.gz")).refused(&["no version"]);
    installation.run(&publish("1.4.0", "missing.tar.gz")).refused(&["missing.tar.gz cannot be read"]);
    installation.run(&publish("1.4.0", "data")).refused(&["is no file", "tar czf"]);
    let stranger = ["package", "publish", "--product", "nobody", "--version", "1.0.0", "a.tar.gz"];
    installation.run(&stranger).refused(&["no product nobody"]);
    assert_eq!(kept(&installation), Vec::<PathBuf>::new());
    assert!(!installation.done(&["package", "list"]).stdout.contains("1.4"));
}

/// Killed once some bytes are written: no version, and the next try is the first one.
#[test]
fn a_kill_in_the_middle_of_an_upload_leaves_nothing_visible() {
    let installation = installation();
    File::create(installation.path("a.tar.gz")).unwrap().set_len(512 * 1024 * 1024).unwrap();
    let mut child = installation
        .command(&publish("1.4.0", "a.tar.gz"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the first bytes are written", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        !kept(&installation).is_empty()
    });
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it was over before it was killed");
    assert!(!installation.done(&["package", "list"]).stdout.contains("1.4.0"));
    let verify = ["package", "verify", "--product", "atlas", "--version", "1.4.0"];
    installation.run(&verify).refused(&["there is no version 1.4.0"]);
    fs::write(installation.path("a.tar.gz"), "small").unwrap();
    installation.done(&publish("1.4.0", "a.tar.gz"));
    installation.done(&verify);
}

/// On a file system of one MiB of its own: a mount in a namespace that ends with the command.
#[test]
fn a_full_disk_is_said_and_leaves_nothing_visible() {
    let installation = installation();
    let store = installation.path("small");
    fs::create_dir(&store).unwrap();
    fs::write(installation.path("a.tar.gz"), vec![7_u8; 3 * 1024 * 1024]).unwrap();
    let full = Ended::of(within(&installation, &store, &publish("1.4.0", "a.tar.gz")));
    full.refused(&["is full", "package_store"]);
    assert!(!installation.done(&["package", "list"]).stdout.contains("1.4.0"));
}

fn within(installation: &Installation, store: &Path, arguments: &[&str]) -> Command {
    let script = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    let usual = installation.command(arguments);
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(store).arg(executable());
    command.args(arguments).current_dir(usual.get_current_dir().unwrap()).stdin(Stdio::null()).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("SIGNET_PACKAGE_STORE", store);
    command
}
