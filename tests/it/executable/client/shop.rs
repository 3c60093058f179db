//! What the tests of the client need: a service whose clock is set, a license of it, and machines.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use signet::{
    base::{
        clock::{Clock, SystemClock},
        ids::LicenseId,
        time::Time,
    },
    catalog::PlanName,
    license::model::Customer,
    usecase::{
        keys,
        merchant::{self, Act, ByHand},
    },
};
use tempfile::TempDir;

use super::super::support::{Ended, executable};
use crate::harness::{Backend, TestApp, slug};

/// The client goes by the machine's clock, which no test moves: the service's clock is set against it.
pub fn days_ago(days: i64) -> Time {
    SystemClock.now().plus_days(-days)
}

/// A service that sold one license.
pub struct Shop {
    pub app: Option<TestApp>,
    pub server: String,
    pub root: String,
    pub license: LicenseId,
    pub code: String,
    pub key: String,
}

impl Shop {
    /// A license for two machines, bought so many days ago, on a service whose clock shows that day.
    pub async fn open(days: i64) -> Self {
        Self::selling("standard", days).await
    }

    /// The same with another plan of `atlas`.
    pub async fn selling(plan: &str, days: i64) -> Self {
        Self::of("atlas", plan, days).await
    }

    /// The same with a plan of another product.
    pub async fn of(product: &str, plan: &str, days: i64) -> Self {
        let app = TestApp::start(Backend::Sqlite).await;
        app.clock.set(days_ago(days));
        let wanted = ByHand {
            plan: PlanName { product: slug(product), plan: slug(plan) },
            expires_at: None,
            quantity: None,
            trial: false,
            device: None,
            customer: Customer::default(),
        };
        let issued = app.write(move |tx, ctx| merchant::issue(tx, ctx, &wanted)).await.unwrap();
        let product = slug(product);
        let root = app.read(move |tx, _| keys::root_public(tx, &product)).await.x();
        let server = format!("http://{}", app.address);
        Self {
            app: Some(app),
            server,
            root,
            license: issued.license.id,
            code: issued.code,
            key: issued.key.to_string(),
        }
    }

    pub fn app(&self) -> &TestApp {
        self.app.as_ref().expect("the service runs")
    }

    /// Ends the service for good.
    pub fn close(&mut self) {
        self.app = None;
    }

    /// Sets the service's clock to the machine's, so many days before.
    pub fn set_clock(&self, days_before: i64) {
        self.app().clock.set(days_ago(days_before));
    }

    pub async fn act(&self, act: Act) {
        let license = self.license;
        self.app().write(move |tx, ctx| merchant::act(tx, ctx, license, act)).await.unwrap();
    }
}

/// A machine of its own: an id, and a folder for the client's state.
pub struct Machine {
    folder: TempDir,
    id: String,
}

impl Machine {
    pub fn new(id: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), id: id.to_owned() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn state_file(&self) -> PathBuf {
        self.path("client/atlas/state.json")
    }

    pub fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.state_file()).unwrap()).unwrap()
    }

    /// Changes the state as somebody with an editor would.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        change(&mut state);
        fs::write(self.state_file(), state.to_string()).unwrap();
    }

    /// `signet client ARGUMENTS` here; nothing of the test's own environment is handed on.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable());
        command.arg("client").args(arguments);
        command.env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        command.env("SIGNET_CLIENT_DIR", self.path("client")).env("SIGNET_MACHINE_ID", &self.id);
        if !arguments.contains(&"fingerprint") {
            command.env("SIGNET_PRODUCT", "atlas");
        }
        command
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ended {
        tokio::task::block_in_place(|| Ended::of(self.command(arguments)))
    }

    /// `activate` with `license`.
    #[track_caller]
    pub fn activate(&self, shop: &Shop, license: &str) -> Ended {
        let mut command = self.command(&["activate", "--server", &shop.server, "--root-key", &shop.root]);
        command.env("SIGNET_LICENSE", license).args(["--name", &self.id]);
        tokio::task::block_in_place(|| Ended::of(command))
    }

    /// `activate` with the license's code, which must work.
    #[track_caller]
    pub fn activated(&self, shop: &Shop) {
        let ended = self.activate(shop, &shop.code);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// `check --json`: the exit code and the object.
    #[track_caller]
    pub fn check(&self, arguments: &[&str]) -> (i32, Value) {
        let ended = self.run(&[&["check", "--json"], arguments].concat());
        let json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        (ended.code.unwrap(), json)
    }

    /// `check` must exit with `code`, and name `words`.
    #[track_caller]
    pub fn checks(&self, code: i32, words: &str) -> Value {
        let (exit, json) = self.check(&[]);
        assert_eq!(exit, code, "{json:#}");
        assert!(json.to_string().contains(words), "{words} is missing in {json:#}");
        json
    }
}

/// Whether a text is in any file below `folder`.
pub fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds(&path, text)
        } else {
            String::from_utf8_lossy(&fs::read(path).unwrap()).contains(text)
        }
    })
}
