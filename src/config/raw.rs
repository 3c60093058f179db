//! The settings as they are written, and what each must be.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    base::{networks::Networks, proxies::Proxies, rate::RateLimits, text::Language},
    mail::{self, Security},
    provision::provider::ec2::CustomClouds,
    store::DatabaseUrl,
};

use super::{Config, ConfigError, HuaweiAccount, LogFormat, MailSettings, PackageStore};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    listen: String,
    metrics_listen: String,
    data_dir: String,
    database_url: String,
    catalog: String,
    public_url: String,
    master_key_file: String,
    #[serde(deserialize_with = "super::source::list")]
    trusted_proxies: Vec<String>,
    #[serde(deserialize_with = "super::source::number")]
    message_days: u16,
    #[serde(deserialize_with = "super::source::number")]
    license_rate: u16,
    #[serde(deserialize_with = "super::source::number")]
    address_rate: u16,
    #[serde(deserialize_with = "super::source::number")]
    product_rate: u16,
    #[serde(deserialize_with = "super::source::list")]
    provider_networks: Vec<String>,
    #[serde(deserialize_with = "super::source::list")]
    webhook_networks: Vec<String>,
    custom_endpoints: String,
    #[serde(deserialize_with = "super::source::list")]
    idempotent_endpoints: Vec<String>,
    ec2_clouds_file: String,
    #[serde(deserialize_with = "super::source::switch")]
    simulated_cloud: bool,
    huawei_account: String,
    huawei_account_id: String,
    huawei_access_key: String,
    huawei_secret_key_file: String,
    package_store: String,
    package_store_endpoint: String,
    package_store_region: String,
    #[serde(deserialize_with = "super::source::number")]
    package_gib: u16,
    mail_server: String,
    mail_security: String,
    mail_user: String,
    mail_password_file: String,
    mail_from: String,
    mail_merchant: String,
    mail_language: String,
    log: String,
    log_format: String,
}

impl Raw {
    /// The settings, parsed.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the first setting that makes no sense.
    pub(super) fn check(self) -> Result<Config, ConfigError> {
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
        let webhook_networks =
            Networks::parse(&self.webhook_networks).map_err(|reason| wrong("webhook_networks", reason))?;
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
            webhook_networks,
            custom_endpoints,
            idempotent_endpoints: self.idempotent_endpoints,
            ec2_clouds_file: Some(self.ec2_clouds_file).filter(|path| !path.is_empty()).map(PathBuf::from),
            simulated_cloud: self.simulated_cloud,
            huawei_account: HuaweiAccount {
                name: self.huawei_account,
                id: self.huawei_account_id,
                access_key: self.huawei_access_key,
                secret_key_file: Some(self.huawei_secret_key_file).filter(|path| !path.is_empty()).map(PathBuf::from),
            },
            mail: MailSettings {
                server: mail_server(&self.mail_server)?,
                security: mail_security(&self.mail_security)?,
                user: self.mail_user,
                password_file: Some(self.mail_password_file).filter(|path| !path.is_empty()).map(PathBuf::from),
                from: self.mail_from,
                merchant: mail_merchant(self.mail_merchant)?,
                language: mail_language(&self.mail_language)?,
            },
            log: self.log,
            log_format: log_format(&self.log_format)?,
        })
    }
}

fn address(name: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| wrong(name, format!("`{text}` is not an address and port such as 127.0.0.1:8080")))
}

/// `host:port`; empty: none.
fn mail_server(text: &str) -> Result<Option<(String, u16)>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    let parts = parts.filter(|(host, _)| !host.is_empty() && !host.contains([':', '/', '@', ' ']));
    parts.map(Some).ok_or_else(|| wrong("mail_server", format!("`{text}` is no server such as smtp.example.com:465")))
}

fn mail_security(text: &str) -> Result<Security, ConfigError> {
    match text {
        "tls" => Ok(Security::Tls),
        "starttls" => Ok(Security::StartTls),
        "none" => Ok(Security::None),
        other => Err(wrong("mail_security", format!("`{other}` is none of tls, starttls and none"))),
    }
}

fn mail_merchant(text: String) -> Result<Option<String>, ConfigError> {
    match text.as_str() {
        "" => Ok(None),
        address if mail::is_address(address) => Ok(Some(text)),
        other => Err(wrong("mail_merchant", format!("`{other}` is no address to which mail can be sent"))),
    }
}

fn mail_language(text: &str) -> Result<Language, ConfigError> {
    match text {
        "zh" => Ok(Language::Zh),
        "en" => Ok(Language::En),
        other => Err(wrong("mail_language", format!("`{other}` is neither zh nor en"))),
    }
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
