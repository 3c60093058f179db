//! Settings: flags over environment over file over the commented defaults in `default.toml`.
//!
//! Values are checked here, once, in `raw`; the rest of the code gets them parsed. `flags` has the command line's
//! settings, `source` reads what the environment holds, and the forms in which a setting may be written. Secrets are no
//! settings: the master key and the access keys are read where they are used.

mod flags;
mod raw;
mod source;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    base::{networks::Networks, proxies::Proxies, rate::RateLimits, text::Language},
    mail::Security,
    provision::provider::ec2::CustomClouds,
    store::DatabaseUrl,
};
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};

pub use flags::Flags;

use raw::Raw;

const DEFAULTS: &str = include_str!("default.toml");
/// The names that the environment may set, after `SIGNET_`.
const NAMES: &[&str] = &[
    "listen",
    "metrics_listen",
    "data_dir",
    "database_url",
    "catalog",
    "public_url",
    "master_key_file",
    "trusted_proxies",
    "message_days",
    "license_rate",
    "address_rate",
    "product_rate",
    "provider_networks",
    "webhook_networks",
    "custom_endpoints",
    "idempotent_endpoints",
    "ec2_clouds_file",
    "simulated_cloud",
    "huawei_account",
    "huawei_account_id",
    "huawei_access_key",
    "huawei_secret_key_file",
    "package_store",
    "package_store_endpoint",
    "package_store_region",
    "package_gib",
    "mail_server",
    "mail_security",
    "mail_user",
    "mail_password_file",
    "mail_from",
    "mail_merchant",
    "mail_language",
    "log",
    "log_format",
];

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable that cannot be read or has a wrong type; the text names the source, and repeats no line of it.
    #[error("the configuration cannot be read: {0}")]
    Read(String),
    /// A value that makes no sense.
    #[error("the setting `{name}` is wrong: {reason}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong and what is expected.
        reason: String,
    },
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The merchant's own account at Huawei Cloud, as far as it was set; its secret key is no setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiAccount {
    /// Its name; empty: not set.
    pub name: String,
    /// Its id; empty: not set.
    pub id: String,
    /// The access key of a user in it; empty: not set.
    pub access_key: String,
    /// The file with the secret key.
    pub secret_key_file: Option<PathBuf>,
}

/// Where packages are kept. The keys of a bucket are no settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageStore {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket that speaks S3.
    Bucket {
        /// Its name.
        name: String,
        /// What objects' names begin with; may be empty.
        prefix: String,
    },
}

/// How mail is sent, and to whom; its password is no setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// The server's name and port; `None`: nobody is written to.
    pub server: Option<(String, u16)>,
    /// How the connection is encrypted.
    pub security: Security,
    /// The user; empty: the server wants none.
    pub user: String,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// As whom; empty: not set.
    pub from: String,
    /// Where the merchant reads mail.
    pub merchant: Option<String>,
    /// The merchant's language.
    pub language: Language,
}

/// The settings, parsed.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to serve.
    pub listen: SocketAddr,
    /// Where to serve metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseUrl,
    /// The catalog file to apply.
    pub catalog: Option<PathBuf>,
    /// Public address, without a slash at its end; `None`: not set.
    pub public_url: Option<String>,
    /// The master key's file.
    pub master_key_file: PathBuf,
    /// Whose X-Forwarded-For is believed.
    pub trusted_proxies: Proxies,
    /// Days that messages are kept.
    pub message_days: u16,
    /// How often licensed software may call.
    pub rate_limits: RateLimits,
    /// Networks that may be reached although they are not public.
    pub provider_networks: Networks,
    /// Networks in which webhooks may be although they are not public.
    pub webhook_networks: Networks,
    /// Which endpoints of clouds are allowed beside the known ones.
    pub custom_endpoints: CustomClouds,
    /// Those of them where the same client token is the same server.
    pub idempotent_endpoints: Vec<String>,
    /// The file with the operator's own clouds that speak EC2.
    pub ec2_clouds_file: Option<PathBuf>,
    /// Whether a simulated cloud is offered.
    pub simulated_cloud: bool,
    /// The account that customers' agencies trust.
    pub huawei_account: HuaweiAccount,
    /// Where packages are kept.
    pub package_store: PackageStore,
    /// Where a bucket is; empty: AWS.
    pub package_store_endpoint: String,
    /// The region that is signed for at a bucket.
    pub package_store_region: String,
    /// Bytes that a package may have.
    pub package_bytes: u64,
    /// How mail is sent, and to whom.
    pub mail: MailSettings,
    /// Filter of the log.
    pub log: String,
    /// Form of the log.
    pub log_format: LogFormat,
}

impl Config {
    /// Reads the settings from all sources.
    ///
    /// # Errors
    /// [`ConfigError`] names the source or the setting.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_with(file, std::env::vars_os(), flags)
    }

    fn load_with(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(source::environment(NAMES, variables)).merge(Serialized::defaults(flags));
        let raw: Raw = figment.extract().map_err(|error| ConfigError::Read(source::unquoted(&error.to_string())))?;
        raw.check()
    }
}

impl Config {
    /// The public address of a server with these settings: the one that was set, or where it listens.
    pub fn server_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}
