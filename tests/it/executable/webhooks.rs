//! Webhooks of the running service, verified by a published library of another ecosystem (PyPI's standardwebhooks), and the
//! commands around them.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

use super::{
    jose::{folder, python},
    market::buy_code,
    support::{Backend, Installation, PATIENCE, PAUSE},
};

/// A system of the merchant, in Python.
struct Hook {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Hook {
    fn open(arguments: &[&str]) -> Self {
        let mut command = Command::new(python());
        command.arg(folder().join("webhook.py")).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = said.next().unwrap().unwrap();
        Self { child, said, url }
    }

    fn next(&mut self) -> String {
        self.said.next().unwrap().unwrap()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const NETWORKS: (&str, &str) = ("SIGNET_WEBHOOK_NETWORKS", "127.0.0.1");

impl Installation {
    fn hooks(&self, arguments: &[&str]) -> String {
        let mut command = self.command(&[&["webhook"], arguments].concat());
        command.env(NETWORKS.0, NETWORKS.1);
        let ended = super::support::Ended::of(command);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout.trim().to_owned()
    }

    /// The id of the only webhook at `url`.
    fn hook_at(&self, url: &str) -> String {
        let list = self.hooks(&["list"]);
        let row = list.lines().find(|row| row.contains(url)).unwrap_or_else(|| panic!("{list}"));
        row.split_whitespace().next().unwrap().to_owned()
    }
}

#[test]
fn another_ecosystems_library_verifies_messages_and_both_secrets_sqlite() {
    verifies(Backend::Sqlite);
}

#[test]
fn another_ecosystems_library_verifies_messages_and_both_secrets_postgres() {
    verifies(Backend::Postgres);
}

fn verifies(backend: Backend) {
    let mut installation = Installation::new(backend);
    let service = installation.serve_with(&[NETWORKS]);
    // The receiver must know its secret, and the webhook where it is: one is made first, and moved.
    let secret = installation.hooks(&["create", "http://127.0.0.1:9/", "--event", "license.issued"]);
    let id = installation.hook_at("127.0.0.1:9");
    let second = installation.hooks(&["rotate", &id, "--keep-hours", "1"]);
    let mut both = Hook::open(&[&secret, &second]);
    let mut wrong = Hook::open(&["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    let url = both.url.clone();
    installation.hooks(&["change", &id, "--url", &url]);
    buy_code(&installation);
    let line = both.next();
    assert!(line.starts_with("good 0,1 ") && line.ends_with(" license.issued"), "{line}");
    let event = line.split(' ').nth(2).unwrap().to_owned();
    assert!(installation.hooks(&["deliveries", &id]).contains(&event));
    // What arrived can be sent again, as the same.
    let replay = Instant::now();
    while !installation.hooks(&["deliveries", &id, "--state", "delivered"]).contains(&event) {
        assert!(replay.elapsed() < PATIENCE);
        std::thread::sleep(PAUSE);
    }
    installation.hooks(&["replay", &id, &event]);
    assert_eq!(both.next(), line);
    let third = installation.hooks(&["rotate", &id, "--keep-hours", "0"]);
    let mut last = Hook::open(&[&secret, &second, &third]);
    let url = last.url.clone();
    installation.hooks(&["change", &id, "--url", &url]);
    installation.hooks(&["test", &id]);
    let line = last.next();
    assert!(line.starts_with("good 2 ") && line.ends_with(" webhook.test"), "{line}");
    let url = wrong.url.clone();
    installation.hooks(&["change", &id, "--url", &url]);
    installation.hooks(&["test", &id]);
    assert_eq!(wrong.next(), "bad");
    installation.hooks(&["delete", &id]);
    service.stop();
    let log = std::fs::read_to_string(installation.log_file()).unwrap();
    for secret in [&secret, &second, &third] {
        assert!(!log.contains(secret.as_str()) && !log.contains(&url));
    }
}

/// A certificate that nobody vouches for is no receiver, however right its address is.
#[test]
fn a_wrong_certificate_is_told_nothing() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = installation.serve_with(&[NETWORKS]);
    let hook = Hook::open(&["--tls", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    installation.hooks(&["create", &hook.url.replace("127.0.0.1", "localhost")]);
    let id = installation.hook_at("localhost");
    let sent = installation.hooks(&["test", &id]);
    let event = sent.trim_end_matches('`').rsplit(' ').next().unwrap().to_owned();
    let began = Instant::now();
    loop {
        let tries = installation.hooks(&["deliveries", &id, &event]);
        if tries.to_lowercase().contains("certificate") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{tries}");
        std::thread::sleep(PAUSE);
    }
    service.stop();
}

#[test]
fn what_is_no_address_is_refused() {
    let mut installation = Installation::new(Backend::Sqlite);
    let service = installation.serve();
    for url in ["http://shop.example.com/", "https://user:password@shop.example.com/", "shop"] {
        let ended = installation.run(&["webhook", "create", url]);
        assert!(ended.code == Some(1) && ended.stderr.contains("address"), "{ended:?}");
    }
    let ended = installation.run(&["webhook", "create", "https://shop.example.com/", "--event", "license.sold"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("license.issued"), "{ended:?}");
    service.stop();
}
