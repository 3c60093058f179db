//! [`TestApp`]: the real service in this process, and the handles by which a test looks at it and moves its clock.

mod database;
mod door;
mod signed;
mod wire;

use std::{net::SocketAddr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::Line;
use signet::{
    app::{App, Parts},
    base::{
        clock::{Clock, ManualClock},
        entropy::{Entropy, SeededEntropy, SystemEntropy},
        limits,
        networks::Networks,
        proxies::Proxies,
        rate::RateLimits,
        slug::Slug,
        time::Time,
    },
    catalog,
    depot::{Depot, Place},
    license::{jwks::Jwks, model::License, seal::MasterKey},
    mail::Mailer,
    provision::provider::clouds::Clouds,
    store::{
        Access, AlertRecord, HistoryRecord, LicenseFilter, MessageFilter, MessageRecord, OrderFilter, OrderRecord,
        Store, Tx,
    },
    usecase::{
        self, Actor, Context, Done,
        installation::{self, MasterKeyFit},
        mail::Post,
    },
    web::{router, server},
};
use tokio_util::sync::CancellationToken;

pub use database::{Backend, Database};
pub use door::Door;
pub use wire::{Answer, exchange, request_bytes};

/// What every test sells. Its ids and names are explained there.
pub const CATALOG: &str = include_str!("catalog.toml");
/// The address the service believes to be known by: `iss` of its codes.
pub const PUBLIC_URL: &str = "https://licenses.example.com";
/// When every test begins: a Monday.
const START: &str = "2026-03-02T08:00:00Z";
/// The channels, each with the access key the marketplace and the service share.
const CHANNELS: [(&str, &str); 7] = [
    ("license-1-0", "10000000-aaaa-4bbb-8ccc-000000000001"),
    ("code-2-0", "20000000-aaaa-4bbb-8ccc-000000000002"),
    ("client", "30000000-aaaa-4bbb-8ccc-000000000003"),
    ("client-waiting", "40000000-aaaa-4bbb-8ccc-000000000004"),
    ("saas-2-0", "50000000-aaaa-4bbb-8ccc-000000000005"),
    ("saas-2-0-waiting", "60000000-aaaa-4bbb-8ccc-000000000006"),
    ("saas-1-0", "70000000-aaaa-4bbb-8ccc-000000000007"),
];

/// The access key of a channel.
pub fn access_key(channel: &str) -> &'static str {
    CHANNELS.iter().find(|(slug, _)| *slug == channel).map(|(_, key)| *key).expect("a channel of the test catalog")
}

/// All access keys.
pub fn access_keys() -> impl Iterator<Item = &'static str> {
    CHANNELS.iter().map(|(_, key)| *key)
}

/// A point in time, from RFC 3339.
pub fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// The same for the simulator, which knows only jiff's.
pub fn stamp(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A name.
pub fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

/// What a test may set differently. Without limits of rates: tests are faster than any customer.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub rate_limits: RateLimits,
    pub trusted_proxies: Proxies,
    /// Known by the address at which it listens, instead of [`PUBLIC_URL`].
    pub at_home: bool,
    /// Known by this address, instead of [`PUBLIC_URL`].
    pub known_as: Option<&'static str>,
    /// Where deployments go.
    pub clouds: Clouds,
    /// Networks that are reached although they are not public.
    pub networks: Networks,
    /// Sends mail.
    pub mailer: Option<Mailer>,
    /// Who can be written to.
    pub post: Post,
}

/// A running service.
#[derive(Debug)]
pub struct TestApp {
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub address: SocketAddr,
    pub database: Arc<Database>,
    pub master: MasterKey,
    stop: CancellationToken,
    seed: u64,
    settings: Settings,
}

impl TestApp {
    /// Starts the service with the test catalog on a fresh database.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, Settings::default()).await
    }

    /// The same service, known by the address at which it listens: for real browsers.
    pub async fn start_at_home(backend: Backend) -> Self {
        Self::start_with(backend, Settings { at_home: true, ..Settings::default() }).await
    }

    /// The same with other settings.
    pub async fn start_with(backend: Backend, settings: Settings) -> Self {
        let database = Database::create(backend);
        let keys = database.folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        for (channel, key) in CHANNELS {
            std::fs::write(keys.join(channel), format!("{key}\n")).unwrap();
        }
        let entropy: &dyn Entropy = &SystemEntropy;
        let seed = match std::env::var("SIGNET_TEST_SEED") {
            Ok(text) => text.parse().expect("SIGNET_TEST_SEED is a number"),
            Err(_) => u64::from_le_bytes(entropy.bytes()),
        };
        let master = MasterKey::generate(&SeededEntropy::new(seed ^ 1));
        let clock = Arc::new(ManualClock::new(time(START)));
        let this = Self::join(Arc::new(database), Access::Server, master, clock, seed, settings).await;
        this.apply_catalog(CATALOG).await;
        this
    }

    /// Another server on the same database, with the same clock and master key.
    pub async fn replica(&self) -> Self {
        // SQLite forbids a second server process; a tool is the second process it allows.
        let seed = self.seed.wrapping_add(2);
        let (database, clock) = (Arc::clone(&self.database), Arc::clone(&self.clock));
        Self::join(database, Access::Tool, self.master.clone(), clock, seed, self.settings.clone()).await
    }

    async fn join(
        database: Arc<Database>,
        access: Access,
        master: MasterKey,
        clock: Arc<ManualClock>,
        seed: u64,
        settings: Settings,
    ) -> Self {
        let store = Store::open(&database.url, access, clock.now()).await.unwrap();
        let candidate = master.clone();
        let fit: Done<MasterKeyFit> = store.write(move |tx| installation::fit_master_key(tx, &candidate)).await;
        assert_ne!(fit.unwrap(), MasterKeyFit::Wrong);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let elsewhere = settings.known_as.unwrap_or(PUBLIC_URL).to_owned();
        let public_url = if settings.at_home { format!("http://{address}") } else { elsewhere };
        let parts = Parts {
            store,
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed)),
            master: master.clone(),
            public_url,
            data_dir: database.folder.path().to_owned(),
            message_days: 30,
            trusted_proxies: settings.trusted_proxies.clone(),
            rate_limits: settings.rate_limits,
            clouds: settings.clouds.clone(),
            http: signet::http::Client::new(signet::http::Guard::new(settings.networks.clone())).unwrap(),
            webhooks: signet::http::Client::new(signet::http::Guard::new(settings.networks.clone())).unwrap(),
            webhook_networks: settings.networks.clone(),
            mailer: settings.mailer.clone(),
            post: settings.post.clone(),
            depot: Depot::open(&Place::Folder(database.folder.path().join("packages"))).unwrap(),
        };
        let app = App::new(parts).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(limits::CONNECTIONS, listener, router::public(&app), stop.clone()));
        Self { app, clock, address, database, master, stop, seed, settings }
    }

    /// Makes a catalog file the catalog in force, as `signet catalog apply` does.
    pub async fn apply_catalog(&self, text: &str) {
        let catalog = catalog::parse(text, "catalog.toml", self.app.public_url()).unwrap();
        self.write(move |tx, ctx| usecase::catalog::apply(tx, ctx, &catalog)).await;
        self.app.reload().await.unwrap();
    }

    /// The marketplace's side of the channel that is named like its line.
    pub fn door(&self, line: Line) -> Door {
        self.door_at(line.as_str(), line)
    }

    /// The marketplace's side of any channel.
    pub fn door_at(&self, channel: &str, line: Line) -> Door {
        Door::new(self, channel, line)
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn pass(&self, duration: SignedDuration) {
        self.clock.advance(duration);
    }

    /// Lets whole days pass.
    pub fn pass_days(&self, days: i64) {
        self.pass(SignedDuration::from_hours(days * 24));
    }

    /// Sets the clock.
    pub fn set_clock(&self, text: &str) {
        self.clock.set(time(text));
    }

    /// Runs a use case that changes something.
    pub async fn write<T, F>(&self, job: F) -> T
    where
        T: Send + 'static,
        F: Fn(&mut Tx, Context) -> Done<T> + Send + Sync + 'static,
    {
        self.app.write(Actor::CommandLine, job).await.unwrap()
    }

    /// Runs a look-up.
    pub async fn read<T, F>(&self, job: F) -> T
    where
        T: Send + 'static,
        F: Fn(&mut Tx, Context) -> Done<T> + Send + Sync + 'static,
    {
        self.app.read(Actor::Signet, job).await.unwrap()
    }

    /// Every license there is.
    pub async fn licenses(&self) -> Vec<License> {
        self.read(|tx, _| Ok(tx.license_page(&LicenseFilter::default(), None, 100)?)).await
    }

    /// The license of an instance, or of a code the marketplace made.
    pub async fn license(&self, instance_id: &str) -> License {
        let found: Vec<_> =
            self.licenses().await.into_iter().filter(|it| it.instance_id.as_deref() == Some(instance_id)).collect();
        let [license] = found.as_slice() else { panic!("{} licenses of {instance_id}", found.len()) };
        license.clone()
    }

    /// The orders with this id, the oldest first.
    pub async fn orders(&self, order_id: &str) -> Vec<OrderRecord> {
        let filter = OrderFilter { order_id: Some(order_id.to_owned()), ..OrderFilter::default() };
        let mut orders = self.read(move |tx, _| Ok(tx.order_page(&filter, None, 100)?)).await;
        orders.reverse();
        orders
    }

    /// Every order there is.
    pub async fn all_orders(&self) -> Vec<OrderRecord> {
        self.read(|tx, _| Ok(tx.order_page(&OrderFilter::default(), None, 100)?)).await
    }

    /// Every alert, the oldest first.
    pub async fn alerts(&self) -> Vec<AlertRecord> {
        let mut alerts = self.read(|tx, _| Ok(tx.alert_page(false, None, 100)?)).await;
        alerts.reverse();
        alerts
    }

    /// The kinds of the open alerts, the oldest first.
    pub async fn open_alerts(&self) -> Vec<String> {
        self.alerts().await.into_iter().filter(|it| it.resolved_at.is_none()).map(|it| it.kind).collect()
    }

    /// The message log, the oldest first.
    pub async fn messages(&self) -> Vec<MessageRecord> {
        let mut messages = self.read(|tx, _| Ok(tx.message_page(&MessageFilter::default(), None, 100)?)).await;
        messages.reverse();
        messages
    }

    /// What the license's history tells, the oldest first.
    pub async fn history(&self, license: &License) -> Vec<String> {
        let id = license.id;
        let mut entries: Vec<HistoryRecord> = self.read(move |tx, _| Ok(tx.history_page(id, None, 100)?)).await;
        entries.reverse();
        entries.into_iter().map(|entry| entry.event).collect()
    }

    /// The newest revision of the license's code.
    pub async fn latest_code(&self, license: &License) -> String {
        let id = license.id;
        self.read(move |tx, ctx| usecase::code::latest(tx, ctx, id)).await
    }

    /// The published keys, over HTTP.
    pub async fn jwks(&self) -> Jwks {
        let answer = self.get("/.well-known/jwks.json").await;
        assert_eq!(answer.status, 200);
        Jwks::parse(&answer.body).unwrap()
    }

    /// A plain GET.
    pub async fn get(&self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: signet\r\nConnection: close\r\n\r\n");
        exchange(self.address, request.as_bytes()).await
    }
}

impl TestApp {
    /// Asks the service to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for TestApp {
    #[expect(clippy::print_stderr, reason = "read by whoever repeats the failure")]
    fn drop(&mut self) {
        self.stop.cancel();
        if std::thread::panicking() {
            eprintln!("repeat with SIGNET_TEST_SEED={}", self.seed);
        }
    }
}
