//! The settings that the command line takes.

use serde::Serialize;

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
    /// Networks in which webhooks may be although they are not public, separated by commas
    #[arg(long, global = true, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_networks: Option<Vec<String>>,
    /// Endpoints of clouds that are in no list: refused, https or http
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_endpoints: Option<String>,
    /// Those of them where the same client token is the same server, separated by commas
    #[arg(long, global = true, value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_endpoints: Option<Vec<String>>,
    /// File with clouds that speak EC2 and are offered beside AWS and OUTSCALE
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_clouds_file: Option<String>,
    /// Offer a simulated cloud to deploy to, for trying things out: true or false
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated_cloud: Option<bool>,
    /// Name of the merchant's account at Huawei Cloud that customers' agencies trust
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huawei_account: Option<String>,
    /// Id of that account
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huawei_account_id: Option<String>,
    /// Access key of a user in it who may take on agencies
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huawei_access_key: Option<String>,
    /// File with the secret key of that user
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huawei_secret_key_file: Option<String>,
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
    /// Server that takes mail, such as smtp.example.com:465 (absent: nobody is written to)
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_server: Option<String>,
    /// How the connection to it is encrypted: tls, starttls or none
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_security: Option<String>,
    /// User name there
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_user: Option<String>,
    /// File with the password of that user
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_password_file: Option<String>,
    /// As whom mail is sent, such as `Atlas <licenses@example.com>`
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// Where the merchant is written to when calls fail
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_merchant: Option<String>,
    /// Language of mail to the merchant: zh or en
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_language: Option<String>,
    /// What is logged, such as info or signet=debug
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// text or json
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<String>,
}
