//! Opens the installation for a command: data folder, database, master key, snapshot.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, sync::Arc};

use anyhow::{Context as _, bail};

use crate::{
    app::{App, Parts},
    base::{
        clock::{Clock, SystemClock},
        entropy::SystemEntropy,
    },
    catalog::{self, Catalog, Diff},
    config::Config,
    http::{Client, Guard},
    license::seal::MasterKey,
    provision::provider::{
        Tools,
        clouds::Clouds,
        simulated::{Ground, Simulated},
    },
    store::{Access, Store},
    usecase::{
        self, Actor, Failure,
        installation::{self, MasterKeyFit},
    },
};

/// Opens everything for a command that works beside the server, or for the server itself.
///
/// # Errors
/// Says what is missing or wrong, and what to do.
pub async fn open(config: &Config, access: Access) -> anyhow::Result<App> {
    data_folder(&config.data_dir)?;
    let clock = SystemClock;
    let store = Store::open(&config.database, access, clock.now()).await?;
    let sealed = store.read(installation::is_sealed).await?;
    let master = super::master_key::obtain(&config.master_key_file, sealed, &SystemEntropy)?;
    let candidate = master.clone();
    let fit: MasterKeyFit = store.write(move |tx| installation::fit_master_key(tx, &candidate)).await?;
    if fit == MasterKeyFit::Wrong {
        bail!("the master key is not the one this database is sealed under: bring the right one back");
    }
    let public_url = public_url(&store, config, access).await?;
    let http = http_client(config)?;
    let clouds = clouds(config, http.clone(), &master);
    let parts = Parts {
        store,
        clock: Arc::new(clock),
        entropy: Arc::new(SystemEntropy),
        master,
        public_url,
        data_dir: config.data_dir.clone(),
        message_days: config.message_days,
        trusted_proxies: config.trusted_proxies.clone(),
        rate_limits: config.rate_limits,
        clouds,
        http,
        depot: super::depot::open(config)?,
    };
    Ok(App::new(parts).await?)
}

/// Reaches clouds, and packages that are kept elsewhere.
fn http_client(config: &Config) -> anyhow::Result<Client> {
    Client::new(Guard::new(config.provider_networks.clone())).context("no HTTP client can be made")
}

/// The clouds that customers can deploy to.
fn clouds(config: &Config, http: Client, master: &MasterKey) -> Clouds {
    let tools = Tools { http, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let clouds = Clouds::default().reaching(tools.clone(), config.custom_endpoints);
    if !config.simulated_cloud {
        return clouds;
    }
    let Tools { clock, entropy, .. } = tools;
    let file = config.data_dir.join("simulated-cloud.json");
    clouds.simulating(Simulated::new(Ground { file, clock, entropy, master: master.clone() }))
}

/// The address that everything signed names. Commands beside the server use the server's, unless told otherwise: a key
/// list or code that names another issuer would look foreign to the customer's software.
async fn public_url(store: &Store, config: &Config, access: Access) -> anyhow::Result<String> {
    let url = match (access, &config.public_url) {
        (_, Some(given)) => given.clone(),
        (Access::Server, None) => config.server_url(),
        (Access::Tool, None) => store.read(installation::remembered_url).await?.unwrap_or_else(|| config.server_url()),
    };
    Ok(url)
}

/// Remembers the server's address for the commands beside it; called once nothing stands against the start any more.
///
/// # Errors
/// The database's.
pub async fn remember_address(app: &App) -> anyhow::Result<()> {
    let url = app.public_url().to_owned();
    let used = url.clone();
    let before: Option<String> = app.store().write(move |tx| installation::remember_url(tx, &used)).await?;
    if let Some(before) = before.filter(|before| *before != url) {
        tracing::warn!("the public address was {before} and is {url} now: new codes name it as their issuer");
    }
    Ok(())
}

/// Reads and checks a catalog file.
///
/// # Errors
/// Every problem of the file, with its line.
pub fn read_catalog(file: &Path, issuer: &str) -> anyhow::Result<Catalog> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("the catalog {} cannot be read", file.display()))?;
    Ok(catalog::parse(&text, &file.display().to_string(), issuer)?)
}

/// Makes a catalog the one in force and loads it.
///
/// # Errors
/// The database's.
pub async fn apply_catalog(app: &App, catalog: Catalog) -> anyhow::Result<Diff> {
    let apply = app.write(Actor::CommandLine, move |tx, ctx| usecase::catalog::apply(tx, ctx, &catalog)).await;
    let difference: Result<Diff, Failure> = apply;
    let difference = difference?;
    app.reload().await?;
    Ok(difference)
}

/// Makes the data folder, for its owner alone.
fn data_folder(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the data folder {} cannot be made", folder.display()))
}
