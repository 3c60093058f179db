//! What is ordered at a cloud, what comes of it, and how it is removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::secret::SecretString;

use super::error::CloudError;

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
