//! Opens the installation for a command: data folder, database, master key, snapshot.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, sync::Arc};

use anyhow::{Context as _, anyhow, bail};

use crate::{
    app::{App, Parts},
    base::{
        clock::{Clock, SystemClock},
        entropy::SystemEntropy,
        secret::SecretString,
    },
    catalog::{self, Catalog, Diff},
    config::{Config, HuaweiAccount, MailSettings},
    http::{Client, Guard},
    license::seal::MasterKey,
    mail::{Mailer, Server},
    provision::provider::{
        Credentials, Tools, Vendor,
        clouds::Clouds,
        ec2::named::Named,
        simulated::{Ground, Simulated},
    },
    store::{Access, Store},
    usecase::{
        self, Actor, Failure,
        installation::{self, MasterKeyFit},
        mail::Post,
    },
};

use super::secret_file;

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
    let clouds = clouds(config, access, http.clone(), &master)?;
    let mailer = mailer(&config.mail, access)?;
    let parts = Parts {
        post: Post {
            is_open: mailer.is_some(),
            merchant: config.mail.merchant.clone(),
            language: Some(config.mail.language),
        },
        mailer,
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
        webhooks: Client::new(Guard::new(config.webhook_networks.clone())).context("no HTTP client can be made")?,
        webhook_networks: config.webhook_networks.clone(),
        depot: super::depot::open(config)?,
    };
    Ok(App::new(parts).await?)
}

/// Reaches clouds, and packages that are kept elsewhere.
fn http_client(config: &Config) -> anyhow::Result<Client> {
    Client::new(Guard::new(config.provider_networks.clone())).context("no HTTP client can be made")
}

/// The clouds that customers can deploy to. Only the server takes on agencies: commands beside it need no secret for that.
fn clouds(config: &Config, access: Access, http: Client, master: &MasterKey) -> anyhow::Result<Clouds> {
    let tools = Tools { http, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let (custom, idempotent) = (config.custom_endpoints, config.idempotent_endpoints.clone());
    let named = config.ec2_clouds_file.as_deref().map(named_clouds).transpose()?.unwrap_or_default();
    let mut clouds = Clouds::default().reaching(tools.clone(), custom, idempotent, named);
    if access == Access::Server
        && let Some(vendor) = vendor(&config.huawei_account)?
    {
        clouds = clouds.trusting(vendor, Arc::new(SystemClock));
    }
    if config.simulated_cloud {
        let Tools { clock, entropy, .. } = tools;
        let file = config.data_dir.join("simulated-cloud.json");
        clouds = clouds.simulating(Simulated::new(Ground { file, clock, entropy, master: master.clone() }));
    }
    Ok(clouds)
}

/// Sends mail. Only the server does: commands beside it need no password for that.
fn mailer(mail: &MailSettings, access: Access) -> anyhow::Result<Option<Mailer>> {
    let Some((host, port)) = mail.server.clone().filter(|_| access == Access::Server) else { return Ok(None) };
    let login = match (mail.user.as_str(), &mail.password_file) {
        ("", None) => None,
        (user, Some(file)) if !user.is_empty() => Some((
            user.to_owned(),
            SecretString::from(secret_file::read(file, "the password of `mail_user`")?.as_str()),
        )),
        _ => bail!("mail needs both of `mail_user` and `mail_password_file`, or none of them"),
    };
    let server = Server { host, port, security: mail.security, login };
    Mailer::new(server, &mail.from).map(Some).map_err(|why| anyhow!("`mail_from`: {why}"))
}

/// The operator's own clouds.
fn named_clouds(file: &Path) -> anyhow::Result<Vec<Named>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("`ec2_clouds_file`: {}", file.display()))?;
    Named::parse(&text).map_err(|why| anyhow!("`ec2_clouds_file`: {}: {why}", file.display()))
}

/// The account that customers' agencies trust; `None`: none was set.
fn vendor(account: &HuaweiAccount) -> anyhow::Result<Option<Vendor>> {
    let HuaweiAccount { name, id, access_key, secret_key_file } = account;
    let (file, texts) = (secret_key_file.as_deref(), [name, id, access_key]);
    if file.is_none() && texts.iter().all(|it| it.is_empty()) {
        return Ok(None);
    }
    let Some(file) = file.filter(|_| texts.iter().all(|it| !it.is_empty())) else {
        bail!(
            "agencies need all of `huawei_account`, `huawei_account_id`, `huawei_access_key` and \
             `huawei_secret_key_file`, or none of them"
        );
    };
    let secret: SecretString = secret_file::read(file, "the secret key")?.as_str().into();
    let credentials = Credentials::checked(access_key, &secret, None)
        .map_err(|why| anyhow!("`huawei_access_key` and {} will not do: {why}", file.display()))?;
    Ok(Some(Vendor { name: name.clone(), id: id.clone(), credentials }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::ExposeSecret;

    fn account(file: &Path) -> HuaweiAccount {
        let text = |text: &str| text.to_owned();
        HuaweiAccount {
            name: text("shop"),
            id: text("1"),
            access_key: text("AK"),
            secret_key_file: Some(file.to_owned()),
        }
    }

    #[test]
    fn agencies_need_an_account_that_is_whole_with_a_private_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let why = |account: &HuaweiAccount| format!("{:#}", vendor(account).unwrap_err());
        assert!(why(&account(&file)).contains("cannot be read"));
        secret_file::create(&file, "canary-secret\n").unwrap();
        let made = vendor(&account(&file)).unwrap().unwrap();
        assert_eq!(made.credentials.secret_key.expose_secret(), "canary-secret");
        let half = HuaweiAccount { id: String::new(), ..account(&file) };
        assert!(why(&half).contains("`huawei_account_id`"));
        assert!(why(&HuaweiAccount { secret_key_file: None, ..account(&file) }).contains("or none of them"));
        let none = HuaweiAccount { name: String::new(), access_key: String::new(), secret_key_file: None, ..half };
        assert!(vendor(&none).unwrap().is_none());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(why(&account(&file)).contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "canary secret").unwrap();
        let refused = why(&account(&file));
        assert!(refused.contains("256") && !refused.contains("canary"), "{refused}");
    }
}
