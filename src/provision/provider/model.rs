//! The words that all clouds share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    base::secret::{ExposeSecret, SecretString},
    provision::recipe::Architecture,
};

/// What opens a customer's account. Never stored in clear, never shown.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id (AK).
    pub access_key: String,
    /// The secret key (SK).
    pub secret_key: SecretString,
    /// The token of temporary credentials.
    pub session_token: Option<SecretString>,
}

impl Credentials {
    /// Credentials that could be some: texts of plausible lengths without control characters, cut of white space that was
    /// copied with them.
    ///
    /// # Errors
    /// Says which part cannot be one, and never what it is.
    pub fn checked(
        access_key: &str,
        secret_key: &SecretString,
        session_token: Option<&SecretString>,
    ) -> Result<Self, &'static str> {
        let plain =
            |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic());
        let access_key = access_key.trim().to_owned();
        let secret_key = SecretString::from(secret_key.expose_secret().trim());
        let session_token = session_token.map(|token| SecretString::from(token.expose_secret().trim()));
        let session_token = session_token.filter(|token| !token.expose_secret().is_empty());
        if !plain(&access_key, 128) {
            return Err("The access key (AK) has 1 to 128 plain characters.");
        }
        if !plain(secret_key.expose_secret(), 256) {
            return Err("The secret key (SK) has 1 to 256 plain characters.");
        }
        if session_token.as_ref().is_some_and(|token| !plain(token.expose_secret(), 8_192)) {
            return Err("The security token has at most 8,192 plain characters.");
        }
        Ok(Self { access_key, secret_key, session_token })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Who credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account, as its owner knows it.
    pub account: String,
    /// The user or role, where the cloud tells.
    pub user: Option<String>,
}

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Whether servers can be made there.
    pub available: bool,
}

/// A kind of server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavor {
    /// Its id, such as `s6.small.1` or `t3.micro`.
    pub id: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// Its processor.
    pub architecture: Architecture,
    /// Whether it can be had.
    pub stock: Stock,
}

/// Whether a flavor can be had in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stock {
    /// Yes, or the cloud does not tell before it is ordered.
    Normal,
    /// Not now.
    SoldOut,
    /// No longer offered to new servers.
    Retired,
}

/// A system to start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The system in the vendor's words, such as `Debian GNU/Linux 12.4 64bit`.
    pub system: String,
    /// Its processor.
    pub architecture: Architecture,
    /// The smallest system disk, GiB.
    pub minimum_disk_gib: u32,
    /// The smallest memory, MiB; 0: any.
    pub minimum_memory_mib: u32,
    /// Name of the system disk's device, where the cloud wants it named.
    pub root_device: Option<String>,
}

/// A virtual private cloud with its subnets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name, or its id where it has none.
    pub name: String,
    /// Its addresses, CIDR.
    pub cidr: String,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The id that an order names.
    pub id: String,
    /// Its name, or its id where it has none.
    pub name: String,
    /// Its addresses, CIDR.
    pub cidr: String,
    /// The zone it belongs to, where subnets do.
    pub zone: Option<String>,
    /// Addresses that are still free, where the cloud tells.
    pub free_addresses: Option<u64>,
    /// Whether it gives servers their addresses by DHCP, without which user-data is never read.
    pub dhcp: bool,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// TCP ports that the world may reach; `None` where the cloud did not tell.
    pub open_ports: Option<Vec<PortRange>>,
}

/// TCP ports from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A key pair for SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPair {
    /// The name that an order uses.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// What an account may still make. `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Servers.
    pub servers: Option<u32>,
    /// Virtual processors.
    pub vcpus: Option<u32>,
    /// Memory, MiB.
    pub memory_mib: Option<u64>,
}

/// What something costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Amount for an hour, as the cloud writes it (`0.1234`).
    pub per_hour: String,
    /// Amount for a month of 730 hours.
    pub per_month: String,
    /// ISO 4217.
    pub currency: String,
}

/// A server to be made. Never stored whole: the user-data holds a token.
#[derive(Debug, Clone)]
pub struct ServerOrder {
    /// Its name: letters, digits and `-`, at most 59 characters.
    pub name: String,
    /// The zone.
    pub zone: String,
    /// The flavor's id.
    pub flavor: String,
    /// The image's id.
    pub image: String,
    /// [`Image::root_device`].
    pub root_device: Option<String>,
    /// System disk, GiB.
    pub disk_gib: u32,
    /// The network's id.
    pub network: String,
    /// The subnet's id.
    pub subnet: String,
    /// The security group's id.
    pub security_group: String,
    /// Whether it gets a public address of its own, made and deleted with it, and how fast: Mbit/s.
    pub public_address_mbit: Option<u16>,
    /// The key pair's name.
    pub key_pair: Option<String>,
    /// What the machine runs at its first start, in clear: at most [`crate::base::limits::USER_DATA_BYTES`].
    pub user_data: SecretString,
    /// Tags: keys of at most 36 characters, values of at most 43, letters, digits, `-` and `_`.
    pub tags: BTreeMap<String, String>,
}

/// One attempt to order a server. Written down before the order is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// A UUID in lower case: the client token.
    pub token: String,
}

/// Name of the tag that carries an [`Attempt`]'s token, by which it is found on clouds that ignore client tokens.
pub const ATTEMPT_TAG: &str = "signet-attempt";

/// What a cloud answered to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The cloud's job, where orders are jobs.
    pub job: Option<String>,
    /// The server's id, as soon as it is known.
    pub server: Option<String>,
}

/// How far an order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Under way; the server's id as soon as it is known.
    Pending {
        /// The server's id.
        server: Option<String>,
    },
    /// The server is there.
    Created(Server),
    /// It was not made.
    Failed {
        /// Why.
        error: CloudError,
        /// What is left of it and must be removed.
        left: Vec<Resource>,
    },
}

use super::error::CloudError;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its id.
    pub id: String,
    /// What the cloud says it does.
    pub state: ServerState,
    /// Its address for the world.
    pub public_ip: Option<String>,
    /// Its address inside its network.
    pub private_ip: Option<String>,
    /// What was made with it and is paid for: the server itself, disks, addresses.
    pub resources: Vec<Resource>,
}

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Being made.
    Building,
    /// Running.
    Running,
    /// Stopped, or on its way.
    Stopped,
    /// Being deleted, or deleted.
    Gone,
    /// Broken.
    Broken,
}

impl ServerState {
    /// The name in answers and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Gone => "gone",
            Self::Broken => "broken",
        }
    }
}

impl std::fmt::Display for ServerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something at a cloud that a deployment made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// The cloud's id.
    pub id: String,
    /// A name or an address, for people.
    pub name: Option<String>,
}

/// Kinds of [`Resource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A server.
    Server,
    /// A disk.
    Disk,
    /// A public address.
    Address,
}

impl ResourceKind {
    /// The name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Disk => "disk",
            Self::Address => "address",
        }
    }
}

impl std::str::FromStr for ResourceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "server" => Ok(Self::Server),
            "disk" => Ok(Self::Disk),
            "address" => Ok(Self::Address),
            _ => Err(format!("`{text}` is no kind of resource")),
        }
    }
}

/// A removal that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The cloud's job, where removals are jobs.
    pub job: Option<String>,
    /// What is to be gone.
    pub resources: Vec<Resource>,
}

/// How far a removal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovalProgress {
    /// Under way.
    Pending,
    /// All of it is gone.
    Done,
    /// Some of it is left.
    Failed {
        /// Why.
        error: CloudError,
        /// What is left.
        left: Vec<Resource>,
    },
}
