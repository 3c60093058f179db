//! The examples in Python, Node and shell, each through the same life of a license.

use std::{
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use signet::usecase::{keys, merchant::Act};

use super::{
    super::support::Ended,
    answering,
    shop::{Machine, Shop, days_ago},
};
use crate::harness::slug;

/// An example has fewer lines than this, empty ones too, none longer than [`WIDTH`]: it is to be read.
const LINES: usize = 60;
/// Characters of a line.
const WIDTH: usize = 120;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn set_up(script: &str) {
    let ended = Ended::of(Command::new(root().join(script)));
    assert_eq!(ended.code, Some(0), "{script} failed; `make test` installs what it needs: {ended:?}");
}

#[derive(Clone, Copy)]
enum Example {
    Python,
    Node,
    Shell,
}

impl Example {
    fn source(self) -> PathBuf {
        root().join("examples").join(match self {
            Self::Python => "python/license.py",
            Self::Node => "node/license.js",
            Self::Shell => "shell/license.sh",
        })
    }

    fn interpreter(self) -> PathBuf {
        match self {
            Self::Python => root().join("tests/python/.venv/bin/python"),
            Self::Node => "node".into(),
            Self::Shell => "sh".into(),
        }
    }

    /// Runs it as the machine `id`.
    #[track_caller]
    fn run(self, server: &str, root: &str, shop: &Shop, machine: &Machine, id: &str) -> Ended {
        let mut command = Command::new(self.interpreter());
        command.arg(self.source()).args([server, "atlas", root]).arg(machine.path("state")).stdin(Stdio::null());
        command.env("SIGNET_LICENSE", &shop.key).env("SIGNET_MACHINE_ID", id);
        tokio::task::block_in_place(|| Ended::of(command))
    }

    async fn lives(self) {
        let text = std::fs::read_to_string(self.source()).unwrap();
        let (lines, widest) = (text.lines().count(), text.lines().map(|line| line.chars().count()).max());
        assert!(lines < LINES && widest <= Some(WIDTH), "{lines} lines of up to {widest:?} characters");
        self.renews_and_stays_offline().await;
        self.stops_by_a_signed_no_only().await;
        self.follows_no_redirect().await;
        for (age, exit) in [(9, 10), (15, 20)] {
            let mut shop = Shop::open(age).await;
            let machine = Machine::new("desk-1");
            self.run(&shop.server.clone(), &shop.root.clone(), &shop, &machine, "desk-1");
            shop.close();
            self.must(exit, &shop, &machine);
        }
    }

    #[track_caller]
    fn must(self, exit: i32, shop: &Shop, machine: &Machine) {
        let ended = self.run(&shop.server, &shop.root, shop, machine, "desk-1");
        assert_eq!(ended.code, Some(exit), "{ended:?}");
    }

    async fn renews_and_stays_offline(self) {
        let mut shop = Shop::open(5).await;
        let machine = Machine::new("desk-1");
        let desk = shop.app().read(|tx, _| keys::root_public(tx, &slug("desk"))).await.x();
        assert_eq!(self.run(&shop.server, &desk, &shop, &machine, "desk-1").code, Some(20), "another root is pinned");
        self.must(0, &shop, &machine);
        shop.set_clock(0);
        shop.act(Act::Extend(Some(days_ago(-900)))).await;
        self.must(0, &shop, &machine);
        shop.close();
        self.must(0, &shop, &machine);
        let clone = self.run(&shop.server, &shop.root, &shop, &machine, "desk-2");
        assert_eq!(clone.code, Some(20), "another machine: {clone:?}");
        let other = self.run(&shop.server, &desk, &shop, &machine, "desk-1");
        assert_ne!(other.code, Some(0), "another root is pinned: {other:?}");
        self.must(0, &shop, &machine);
    }

    /// Regression: the license went along to wherever an answer pointed.
    async fn follows_no_redirect(self) {
        let shop = Shop::open(0).await;
        let machine = Machine::new("desk-1");
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = elsewhere.local_addr().unwrap();
        let proxy = answering(&format!("302 Found\r\nLocation: http://{there}/api/v1/activations"), "").await;
        let ended = self.run(&format!("http://{proxy}"), &shop.root, &shop, &machine, "desk-1");
        assert_eq!(ended.code, Some(20), "{ended:?}");
        elsewhere.set_nonblocking(true).unwrap();
        assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came");
    }

    async fn stops_by_a_signed_no_only(self) {
        let shop = Shop::open(5).await;
        let machine = Machine::new("desk-1");
        self.must(0, &shop, &machine);
        shop.set_clock(0);
        let lie = format!(r#"{{"reason":"license_released","conclusive":true,"detail":"x","signed":"{}"}}"#, shop.code);
        for body in ["<html>", "{}", &lie] {
            let proxy = format!("http://{}", answering("403 Forbidden", body).await);
            assert_eq!(self.run(&proxy, &shop.root, &shop, &machine, "desk-1").code, Some(0), "{body}");
        }
        shop.act(Act::Suspend).await;
        self.must(20, &shop, &machine);
        let gone = self.run("http://127.0.0.1:9", &shop.root, &shop, &machine, "desk-1");
        assert_eq!(gone.code, Some(20), "the no is remembered: {gone:?}");
        shop.act(Act::Resume).await;
        self.must(0, &shop, &machine);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_example_lives_through_a_license() {
    set_up("tests/python/setup.sh");
    let pinned = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let tested = pinned("tests/python/requirements.txt");
    for line in pinned("examples/python/requirements.txt").lines() {
        assert!(tested.lines().any(|it| it == line), "{line} is not what is tested");
    }
    Example::Python.lives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_example_lives_through_a_license() {
    set_up("tests/node/setup.sh");
    Example::Node.lives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shell_example_lives_through_a_license() {
    Example::Shell.lives().await;
}
