//! A service whose channel may ask the marketplace, and that marketplace.

use koogallery_simulator::{Call, Line, open::OpenMarketplace};
use signet::{base::networks::Networks, jobs::orders};

use crate::harness::{Backend, CATALOG, Door, Settings, TestApp};

/// Access key and secret key.
pub const KEYS: (&str, &str) = ("open-access-key", "open-secret-key");

pub struct Asking {
    pub app: TestApp,
    pub door: Door,
    pub marketplace: OpenMarketplace,
    line: Line,
}

impl Asking {
    /// The channel gets the lines of `more` beside its credentials.
    pub async fn start(backend: Backend, channel: &str, line: Line, more: &str) -> Self {
        Self::within(backend, channel, line, more, &["127.0.0.1".to_owned()]).await
    }

    /// The same where only these networks may be reached beside the public ones.
    pub async fn within(backend: Backend, channel: &str, line: Line, more: &str, networks: &[String]) -> Self {
        let networks = Networks::parse(networks).unwrap();
        Self::with(backend, channel, line, more, Settings { networks, ..Settings::default() }).await
    }

    /// The same known by the address at which it listens: for real browsers.
    pub async fn at_home(backend: Backend, channel: &str, line: Line) -> Self {
        let networks = Networks::parse(&["127.0.0.1".to_owned()]).unwrap();
        Self::with(backend, channel, line, "", Settings { networks, at_home: true, ..Settings::default() }).await
    }

    async fn with(backend: Backend, channel: &str, line: Line, more: &str, settings: Settings) -> Self {
        let app = TestApp::start_with(backend, settings).await;
        let marketplace = OpenMarketplace::open(KEYS.0, KEYS.1).await.unwrap();
        let folder = app.database.folder.path().join("keys");
        std::fs::write(folder.join("open-access"), KEYS.0).unwrap();
        std::fs::write(folder.join("open-secret"), KEYS.1).unwrap();
        let keys = "access_key = { file = \"keys/open-access\" }, secret_key = { file = \"keys/open-secret\" }";
        let old = format!("access_key = {{ file = \"keys/{channel}\" }}\n");
        let new = format!("{old}{more}open_api = {{ {keys}, host = \"{}\" }}\n", marketplace.url());
        let catalog = CATALOG.replace(&old, &new);
        assert_ne!(catalog, CATALOG);
        app.apply_catalog(&catalog).await;
        let door = app.door_at(channel, line);
        Self { app, door, marketplace, line }
    }

    /// A purchase, which waits.
    pub async fn buys(&self, order: &str) -> String {
        let reply = self.door.answers(&Call::buy(self.line, order).unwrap(), "000004").await;
        reply.instance_id().expect("an instance id although it waits")
    }

    /// Asks for the details of orders that wait.
    pub async fn round(&self) {
        orders::round(&self.app.app, &orders::Sources::default(), None).await;
    }

    /// What the only open alert says, which is about an order that waits.
    pub async fn why(&self) -> String {
        let alerts = self.app.alerts().await;
        let open: Vec<_> = alerts.iter().filter(|it| it.resolved_at.is_none()).collect();
        let [alert] = open.as_slice() else { panic!("{open:?}") };
        assert_eq!(alert.kind, "order_waiting");
        alert.detail["why"].as_str().unwrap_or_default().to_owned()
    }
}
