//! Settings: flags over environment over file over the commented defaults in `default.toml`.
//!
//! Values are checked here, once; the rest of the code gets them parsed. `source` reads what the environment holds,
//! and the forms in which a setting may be written. Secrets are no settings: the master key and the access keys are
//! read where they are used.

mod source;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

use crate::{
    base::{networks::Networks, proxies::Proxies, rate::RateLimits},
    provision::provider::ec2::CustomClouds,
    store::DatabaseUrl,
};

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
    "custom_endpoints",
    "idempotent_endpoints",
    "simulated_cloud",
    "package_store",
    "package_store_endpoint",
    "package_store_region",
    "package_gib",
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

/// Settings given as flags; what is `None` is left to environment, file and defaults.
#[derive(Debug, Clone, Default, Serialize, clap::Args)]
pub struct Flags {
    /// Address to serve on, such as 0.0.0.0:8080
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Address of the metrics; empty for none
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<String>,
    /// Folder for database and master key
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// postgres://… (absent: SQLite in the data folder)
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Catalog file to apply at the start
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// Address under which the world reaches this service
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// File with the master key
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(long, global = true, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<Vec<String>>,
    /// Days that the log of calls is kept
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_days: Option<u16>,
    /// Calls of licensed software per minute and license; 0 for any number
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_rate: Option<u16>,
    /// The same per address, renewals of known machines not counted
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_rate: Option<u16>,
    /// The same per product
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_rate: Option<u16>,
    /// Networks that clouds and packages may be reached in although they are not public, separated by commas
    #[arg(long, global = true, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_networks: Option<Vec<String>>,
    /// Endpoints of clouds that are in no list: refused, https or http
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_endpoints: Option<String>,
    /// Those of them where the same client token is the same server, separated by commas
    #[arg(long, global = true, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_endpoints: Option<Vec<String>>,
    /// Offer a simulated cloud to deploy to, for trying things out: true or false
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated_cloud: Option<bool>,
    /// Where packages are kept: a folder, or s3://bucket/prefix (absent: packages in the data folder)
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_store: Option<String>,
    /// Address of the bucket's service, such as <https://obs.cn-north-4.myhuaweicloud.com>
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_store_endpoint: Option<String>,
    /// Region of the bucket
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_store_region: Option<String>,
    /// GiB that a package may have
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_gib: Option<u16>,
    /// What is logged, such as info or signet=debug
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// text or json
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    listen: String,
    metrics_listen: String,
    data_dir: String,
    database_url: String,
    catalog: String,
    public_url: String,
    master_key_file: String,
    #[serde(deserialize_with = "source::list")]
    trusted_proxies: Vec<String>,
    #[serde(deserialize_with = "source::number")]
    message_days: u16,
    #[serde(deserialize_with = "source::number")]
    license_rate: u16,
    #[serde(deserialize_with = "source::number")]
    address_rate: u16,
    #[serde(deserialize_with = "source::number")]
    product_rate: u16,
    #[serde(deserialize_with = "source::list")]
    provider_networks: Vec<String>,
    custom_endpoints: String,
    #[serde(deserialize_with = "source::list")]
    idempotent_endpoints: Vec<String>,
    #[serde(deserialize_with = "source::switch")]
    simulated_cloud: bool,
    package_store: String,
    package_store_endpoint: String,
    package_store_region: String,
    #[serde(deserialize_with = "source::number")]
    package_gib: u16,
    log: String,
    log_format: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
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
    /// Which endpoints of clouds are allowed beside the known ones.
    pub custom_endpoints: CustomClouds,
    /// Those of them where the same client token is the same server.
    pub idempotent_endpoints: Vec<String>,
    /// Whether a simulated cloud is offered.
    pub simulated_cloud: bool,
    /// Where packages are kept.
    pub package_store: PackageStore,
    /// Where a bucket is; empty: AWS.
    pub package_store_endpoint: String,
    /// The region that is signed for at a bucket.
    pub package_store_region: String,
    /// Bytes that a package may have.
    pub package_bytes: u64,
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

impl Raw {
    fn check(self) -> Result<Config, ConfigError> {
        let listen = address("listen", &self.listen)?;
        let metrics_listen = match self.metrics_listen.as_str() {
            "" => None,
            text => Some(address("metrics_listen", text)?),
        };
        let data_dir = PathBuf::from(self.data_dir);
        let database = match self.database_url.as_str() {
            "" => DatabaseUrl::Sqlite(data_dir.join("signet.db")),
            url => url.parse().map_err(|error| wrong("database_url", format!("{error}")))?,
        };
        let public_url = match self.public_url.as_str() {
            "" => None,
            url => Some(public_url(url)?),
        };
        let master_key_file = match self.master_key_file.as_str() {
            "" => data_dir.join("master.key"),
            path => PathBuf::from(path),
        };
        let trusted_proxies =
            Proxies::parse(&self.trusted_proxies).map_err(|reason| wrong("trusted_proxies", reason))?;
        let provider_networks =
            Networks::parse(&self.provider_networks).map_err(|reason| wrong("provider_networks", reason))?;
        let custom_endpoints = match self.custom_endpoints.as_str() {
            "refused" => CustomClouds::Refused,
            "https" => CustomClouds::Https,
            "http" => CustomClouds::Http,
            other => {
                return Err(wrong("custom_endpoints", format!("`{other}` is none of refused, https and http")));
            }
        };
        let known = |endpoint: &&String| endpoint.starts_with("https://") || endpoint.starts_with("http://");
        if self.idempotent_endpoints.iter().filter(known).count() < self.idempotent_endpoints.len() {
            return Err(wrong("idempotent_endpoints", "each must begin with https:// or http://".to_owned()));
        }
        if self.message_days == 0 {
            return Err(wrong("message_days", "it must be at least 1".to_owned()));
        }
        if self.package_gib == 0 {
            return Err(wrong("package_gib", "it must be at least 1".to_owned()));
        }
        let (endpoint, region) = (&self.package_store_endpoint, &self.package_store_region);
        let package_store = package_store(&self.package_store, endpoint, region, &data_dir)?;
        Ok(Config {
            package_store,
            package_store_endpoint: self.package_store_endpoint,
            package_store_region: self.package_store_region,
            package_bytes: u64::from(self.package_gib) << 30,
            listen,
            metrics_listen,
            data_dir,
            database,
            catalog: Some(self.catalog).filter(|path| !path.is_empty()).map(PathBuf::from),
            public_url,
            master_key_file,
            trusted_proxies,
            message_days: self.message_days,
            rate_limits: RateLimits {
                license: self.license_rate,
                address: self.address_rate,
                product: self.product_rate,
            },
            provider_networks,
            custom_endpoints,
            idempotent_endpoints: self.idempotent_endpoints,
            simulated_cloud: self.simulated_cloud,
            log: self.log,
            log_format: log_format(&self.log_format)?,
        })
    }
}

fn address(name: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| wrong(name, format!("`{text}` is not an address and port such as 127.0.0.1:8080")))
}

/// What is neither is not repeated: a secret may have been pasted in the wrong line.
fn log_format(text: &str) -> Result<LogFormat, ConfigError> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(wrong("log_format", "it is neither `text` nor `json`".to_owned())),
    }
}

/// An http(s) address without a slash at its end, query or fragment: it is put in front of paths.
fn public_url(text: &str) -> Result<String, ConfigError> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || url.contains(['?', '#', ' ', '"', '\\']) || url.len() > 200 || !url.is_ascii() {
        return Err(wrong("public_url", format!("`{text}` is not an address such as https://license.example.com")));
    }
    Ok(url.to_owned())
}

/// A folder, or `s3://bucket/prefix`.
fn package_store(text: &str, endpoint: &str, region: &str, data_dir: &Path) -> Result<PackageStore, ConfigError> {
    let Some(bucket) = text.strip_prefix("s3://") else {
        let folder = if text.is_empty() { data_dir.join("packages") } else { PathBuf::from(text) };
        return Ok(PackageStore::Folder(folder));
    };
    let (name, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if !(3..=63).contains(&name.len()) || !name.bytes().all(inner) {
        return Err(wrong("package_store", format!("`{name}` is no bucket: write s3://bucket or s3://bucket/prefix")));
    }
    if !endpoint.is_empty() && (public_url(endpoint).is_err() || endpoint.contains('@')) {
        let form = "https://obs.cn-north-4.myhuaweicloud.com";
        return Err(wrong("package_store_endpoint", format!("it must be an address such as {form}")));
    }
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(wrong("package_store_region", "it must name the bucket's region, such as cn-north-4".to_owned()));
    }
    let prefix = prefix.trim_matches('/').to_owned();
    Ok(PackageStore::Bucket { name: name.to_owned(), prefix })
}

fn wrong(name: &'static str, reason: String) -> ConfigError {
    ConfigError::Value { name, reason }
}
