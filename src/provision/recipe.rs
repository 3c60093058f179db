//! A recipe (部署方案): how a product is installed, what it needs, and what it shows when it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{text::Localized, time::Time};

/// How a product is installed. Part of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// What is installed.
    pub package: PackageSource,
    /// Command that installs, run as root with `sh -c` in the folder of the unpacked package.
    pub install: String,
    /// Command that succeeds once the software is healthy; asked again until [`Recipe::health_seconds`] are over.
    pub health: String,
    /// Seconds from the end of the installation until the software must be healthy.
    pub health_seconds: u32,
    /// Seconds that the installation may take.
    pub install_seconds: u32,
    /// TCP ports on which customers reach it.
    pub ports: Vec<u16>,
    /// The smallest server it runs on.
    pub minimum: Minimum,
    /// Operating systems it runs on, as words of their names (`debian 12`, `ubuntu`); lower case. Empty: any Linux.
    pub systems: Vec<String>,
    /// Processors it runs on. Never empty.
    pub architectures: Vec<Architecture>,
    /// What the customer is shown when it runs.
    pub outputs: Vec<Output>,
    /// What the customer is asked before.
    pub parameters: Vec<Parameter>,
}

impl Recipe {
    /// Whether it runs on `system`, in a vendor's words such as `Debian GNU/Linux 12.4 64bit`: one of [`Recipe::systems`] has
    /// all its words in it, in their order.
    pub fn runs_on(&self, system: &str) -> bool {
        let system = system.to_lowercase();
        let has_words = |wanted: &String| {
            let mut rest = system.as_str();
            wanted.split_whitespace().all(|word| match rest.split_once(word) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        };
        self.systems.is_empty() || self.systems.iter().any(has_words)
    }
}

/// Where the package comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageSource {
    /// Published with `signet package publish`: the newest version, or one that is named.
    Published {
        /// `None`: the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// Kept elsewhere; this service passes it on and checks it.
    Url {
        /// An `https` address.
        url: String,
        /// Its version.
        version: String,
        /// SHA-256, 64 hexadecimal digits in lower case.
        sha256: String,
        /// Bytes.
        size: u64,
        /// Nothing older is installed any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum_version: Option<String>,
        /// Not installed from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Time>,
    },
}

/// A processor's architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm (Kunpeng, Graviton).
    #[serde(rename = "arm64")]
    Arm64,
}

impl Architecture {
    /// The name in files, addresses and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The smallest server that will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minimum {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// System disk, GiB.
    pub disk_gib: u32,
}

/// Something to show when the software runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What it is.
    pub label: Localized,
    /// Its value: `{ip}` stands for the server's address, `{name}` for the parameter of that name.
    pub value: String,
}

/// Something to ask the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name: the installation gets it as the environment variable `SIGNET_PARAM_<NAME>`.
    pub name: String,
    /// What the customer reads.
    pub label: Localized,
    /// The value that stands there already; without one the customer must choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The values to choose from; empty: free text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Recipe {
    /// Answers with what stands there already where nothing was answered.
    pub fn filled(&self, mut answers: Answers) -> Answers {
        for parameter in &self.parameters {
            if let Some(default) = parameter.default.as_ref().filter(|_| !answers.contains_key(&parameter.name)) {
                answers.insert(parameter.name.clone(), default.clone());
            }
        }
        answers
    }
}

/// What the customer answered, by parameter.
pub type Answers = BTreeMap<String, String>;
