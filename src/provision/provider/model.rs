//! What all clouds have to choose from, and what opens an account there.

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
    /// Whether a server in it may reach anything by TCP: its user-data, and this service. `None` where the cloud did not tell.
    pub lets_out: Option<bool>,
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
    /// Public addresses.
    pub addresses: Option<u32>,
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
