//! The wired service: store, keys, catalog, clock and randomness, handed to whoever carries out a use case.

mod access_keys;
pub mod open_api;
pub mod redeem;
pub mod webhooks;

use std::{
    collections::HashMap,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::SignedDuration;

use open_api::OpenApi;
use redeem::Redeeming;

use crate::{
    base::{
        clock::Clock,
        entropy::Entropy,
        ids::{DeploymentId, LicenseId},
        networks::Networks,
        places::Places,
        proxies::Proxies,
        rate::{Limiters, RateLimits},
        slug::Slug,
        time::Time,
    },
    depot::Depot,
    http::{
        Client,
        download::{self, DownloadError},
    },
    license::seal::MasterKey,
    mail::Mailer,
    provision::provider::clouds::Clouds,
    store::{Store, StoreError, Tx},
    usecase::{
        Actor, Context, Failure, installation::Installation, journal::Journal, keys, mail::Post, package::Package,
    },
};

/// How often an out-of-date snapshot is loaded anew before a call gives up.
const RELOADS: u32 = 4;
/// One failed authentication in this time and channel is written into the message log; the rest are counted.
const AUTHENTICATION_SAMPLE: SignedDuration = SignedDuration::from_secs(60);

/// How long a successful probe of the database stands for the next ones.
const PING_PAUSE: Duration = Duration::from_secs(1);

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The master key, already known to fit the database.
    pub master: MasterKey,
    /// Public address, without a slash at its end.
    pub public_url: String,
    /// Where relative paths of access-key files start.
    pub data_dir: PathBuf,
    /// Days that messages are kept.
    pub message_days: u16,
    /// Whose word about a client's address is believed.
    pub trusted_proxies: Proxies,
    /// How often licensed software may call.
    pub rate_limits: RateLimits,
    /// The clouds that customers can deploy to.
    pub clouds: Clouds,
    /// Reaches what others name: packages that are kept elsewhere.
    pub http: Client,
    /// Reaches the merchant's systems, to tell them what happened.
    pub webhooks: Client,
    /// Networks in which they may be although those are not public.
    pub webhook_networks: Networks,
    /// Sends mail; `None`: nobody is written to.
    pub mailer: Option<Mailer>,
    /// Who can be written to.
    pub post: Post,
    /// Where packages are kept.
    pub depot: Depot,
}

/// What is done at once for deployments, by whom it is done for: one holder must not keep others waiting.
#[derive(Debug, Default)]
pub struct DeploymentPlaces {
    /// Tasks of workers, by license.
    pub tasks: Places<LicenseId>,
    /// Those of them that talk to endpoints in no list.
    pub endpoint_tasks: Places<()>,
    /// Questions to clouds that somebody waits for, by license.
    pub questions: Places<LicenseId>,
    /// Packages that are being handed out.
    pub downloads: Places<DeploymentId>,
}

/// The service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    limiters: Limiters,
    open_api: OpenApi,
    redeeming: Redeeming,
    work: DeploymentPlaces,
    installation: RwLock<Arc<Installation>>,
    sampled: Mutex<HashMap<Slug, Time>>,
    pinged: tokio::sync::Mutex<Option<Instant>>,
    /// When the last look at the database's revision began that ended well.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy)]
enum Mode {
    Read,
    Write,
}

/// One run of a use case against one snapshot.
type Attempt<T, E> = Box<dyn FnMut(&mut Tx) -> Result<T, Stop<E>> + Send>;

/// Why an attempt ended without a result.
enum Stop<E> {
    Stale,
    Failed(E),
}

impl<E: From<Failure>> From<StoreError> for Stop<E> {
    fn from(error: StoreError) -> Self {
        Self::Failed(E::from(Failure::from(error)))
    }
}

impl App {
    /// Wires the service and loads catalog and keys; makes the installation's own keys at its first start.
    ///
    /// # Errors
    /// The database's; a sealed key that does not open.
    pub async fn new(parts: Parts) -> Result<Self, Failure> {
        let installation = load(&parts, None).await?;
        let inner = Inner {
            limiters: Limiters::new(parts.rate_limits),
            open_api: OpenApi::new(),
            redeeming: Redeeming::new(),
            work: DeploymentPlaces::default(),
            parts,
            installation: RwLock::new(Arc::new(installation)),
            sampled: Mutex::default(),
            pinged: tokio::sync::Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        };
        let app = Self(Arc::new(inner));
        if !app.installation().keys.knows_installation() {
            app.write::<_, Failure, _>(Actor::Signet, keys::ensure_installation).await?;
            app.reload().await?;
        }
        if app.write::<_, Failure, _>(Actor::Signet, keys::ensure_doors).await? {
            app.reload().await?;
        }
        Ok(app)
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.0.parts.clock.now()
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.0.parts.entropy
    }

    /// Public address, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.0.parts.public_url
    }

    /// Days that messages are kept.
    pub fn message_days(&self) -> u16 {
        self.0.parts.message_days
    }

    /// Whose word about a client's address is believed.
    pub fn trusted_proxies(&self) -> &Proxies {
        &self.0.parts.trusted_proxies
    }

    /// The clouds that customers can deploy to.
    pub fn clouds(&self) -> &Clouds {
        &self.0.parts.clouds
    }

    /// Sends mail; `None`: nobody is written to.
    pub fn mailer(&self) -> Option<&Mailer> {
        self.0.parts.mailer.as_ref()
    }

    /// Who can be written to.
    pub fn post(&self) -> &Post {
        &self.0.parts.post
    }

    /// Where packages are kept.
    pub fn depot(&self) -> &Depot {
        &self.0.parts.depot
    }

    /// Bytes of a package that is kept elsewhere, as they come.
    ///
    /// # Errors
    /// [`DownloadError`], also from the stream.
    pub async fn fetch_package(
        &self,
        url: &str,
        package: &Package,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, DownloadError>>, DownloadError> {
        let request = download::request(url)?;
        download::download(&self.0.parts.http, request, package.size, &package.sha256, range).await
    }

    /// Counts the calls of licensed software.
    pub fn limiters(&self) -> &Limiters {
        &self.0.limiters
    }

    /// How much is done at once for deployments.
    pub fn deployment_places(&self) -> &DeploymentPlaces {
        &self.0.work
    }

    /// Catalog and keys as last loaded.
    pub fn installation(&self) -> Arc<Installation> {
        Arc::clone(&self.0.installation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads catalog, keys and access keys anew.
    ///
    /// # Errors
    /// The database's; the snapshot before stays.
    pub async fn reload(&self) -> Result<(), Failure> {
        let installation = Arc::new(load(&self.0.parts, Some(&self.installation())).await?);
        *self.0.installation.write().unwrap_or_else(PoisonError::into_inner) = installation;
        Ok(())
    }

    /// Loads the snapshot anew when it is out of date: another server, or a command beside this one, changed catalog
    /// or keys. Transactions notice that by themselves; this is for a call that ends before its transaction.
    ///
    /// Anybody can make such calls, so one looks at a time, and those that wait share the first look that begins after
    /// they asked. It may take as long as the database does: the caller sets the limit, its turn included.
    ///
    /// # Errors
    /// The database's; the snapshot before stays.
    pub async fn catch_up(&self) -> Result<(), Failure> {
        let asked = Instant::now();
        let mut looked = self.0.looked.lock().await;
        if looked.is_some_and(|began| began >= asked) {
            return Ok(());
        }
        let began = Instant::now();
        let installation = self.installation();
        match self.store().read(move |tx| installation.check_current(tx)).await {
            Err(Failure::Stale) => self.reload().await?,
            checked => checked?,
        }
        *looked = Some(began);
        Ok(())
    }

    /// Whether the database takes writes. It is asked by a commit, so at most once a second however many
    /// probes come; those that wait share the answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let mut pinged = self.0.pinged.lock().await;
        if pinged.is_some_and(|at| at.elapsed() < PING_PAUSE) {
            return Ok(());
        }
        self.store().ping().await?;
        *pinged = Some(Instant::now());
        Ok(())
    }

    /// Runs a use case in a transaction; what it says happened is on disk when this returns.
    ///
    /// `job` may run more than once: it must change nothing but the transaction.
    ///
    /// # Errors
    /// Those of `job` and of the database.
    pub async fn write<T, E, F>(&self, actor: Actor, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: Fn(&mut Tx, Context) -> Result<T, E> + Send + Sync + 'static,
    {
        self.run(Mode::Write, actor, Arc::new(job)).await
    }

    /// Runs a look-up. The same rules as [`Self::write`], but nothing may be changed.
    ///
    /// # Errors
    /// Those of `job` and of the database.
    pub async fn read<T, E, F>(&self, actor: Actor, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: Fn(&mut Tx, Context) -> Result<T, E> + Send + Sync + 'static,
    {
        self.run(Mode::Read, actor, Arc::new(job)).await
    }

    async fn run<T, E, F>(&self, mode: Mode, actor: Actor, job: Arc<F>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
        F: Fn(&mut Tx, Context) -> Result<T, E> + Send + Sync + 'static,
    {
        for _ in 0..RELOADS {
            let attempt = self.attempt(actor.clone(), Arc::clone(&job));
            let result = match mode {
                Mode::Write => self.store().write(attempt).await,
                Mode::Read => self.store().read(attempt).await,
            };
            match result {
                Ok(value) => return Ok(value),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Stale) => self.reload().await.map_err(E::from)?,
            }
        }
        Err(E::from(Failure::Stale))
    }

    fn attempt<T, E, F>(&self, actor: Actor, job: Arc<F>) -> Attempt<T, E>
    where
        E: From<Failure>,
        F: Fn(&mut Tx, Context) -> Result<T, E> + Send + Sync + 'static,
    {
        let app = self.clone();
        let installation = self.installation();
        let now = self.now();
        Box::new(move |tx| {
            match installation.check_current(tx) {
                Ok(()) => {}
                Err(Failure::Stale) => return Err(Stop::Stale),
                Err(failure) => return Err(Stop::Failed(E::from(failure))),
            }
            let journal = Journal::default();
            let ctx =
                Context { now, entropy: app.entropy(), installation: &installation, actor: &actor, journal: &journal };
            job(tx, ctx).map_err(Stop::Failed)
        })
    }

    /// Whether a failed authentication on `channel` is the one of its minute that the message log keeps.
    pub fn sample_authentication_failure(&self, channel: &Slug) -> bool {
        let now = self.now();
        let mut sampled = self.0.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        let due = sampled.get(channel).is_none_or(|last| now.since(*last).abs() >= AUTHENTICATION_SAMPLE);
        if due {
            sampled.insert(channel.clone(), now);
        }
        due
    }
}

/// Loads catalog, keys and access keys. `before`: the snapshot that this one takes the place of.
async fn load(parts: &Parts, before: Option<&Installation>) -> Result<Installation, Failure> {
    let (master, issuer) = (parts.master.clone(), parts.public_url.clone());
    let mut installation: Installation = parts.store.read(move |tx| Installation::load(tx, &master, &issuer)).await?;
    let keys = access_keys::read(installation.catalog.catalog(), &parts.data_dir, before);
    (installation.access_keys, installation.open_api_keys) = keys;
    Ok(installation)
}
