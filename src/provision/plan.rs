//! What a customer chose for a deployment, and what was fixed with it: everything that is needed to do the same again
//! after a crash, and nothing secret.

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{
    provider::{Entry, Flavor, Image, Price},
    recipe::{Answers, Recipe},
    run::Stage,
};

/// A kind of place to deploy to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Huawei Cloud ECS.
    Huawei,
    /// AWS and clouds that speak its EC2 interface.
    Ec2,
    /// Nowhere: for trying things out.
    Simulated,
    /// A server that exists; somebody runs the bootstrap there by hand.
    Own,
}

impl Cloud {
    /// The name in the database, in addresses and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Huawei => "huawei",
            Self::Ec2 => "ec2",
            Self::Simulated => "simulated",
            Self::Own => "own",
        }
    }

    /// Whether a server is made there, with credentials.
    pub fn makes_servers(self) -> bool {
        self != Self::Own
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Cloud {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Huawei, Self::Ec2, Self::Simulated, Self::Own];
        all.into_iter()
            .find(|cloud| cloud.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no cloud: use `huawei`, `ec2`, or `own` for a server that exists"))
    }
}

/// Where: a region of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The cloud.
    pub cloud: Cloud,
    /// The region's id; empty for a server that exists.
    pub region: String,
    /// An endpoint that is none of the known ones: an `https` address that the operator allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Whether the token of temporary credentials may be sent to [`Place::endpoint`]: whoever answers there can use it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_tokens: bool,
}

impl Place {
    /// Whether `entry` holds the token of temporary credentials, and nobody confirmed that it may be sent there.
    pub fn refuses(&self, entry: &Entry) -> bool {
        let Entry::Keys(credentials) = entry else { return false };
        credentials.session_token.is_some() && self.endpoint.is_some() && !self.session_tokens
    }
}

/// Something at the cloud, by its id and with the name that people know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The server that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerChoice {
    /// Its name: letters, digits and `-`, at most 59 characters.
    pub name: String,
    /// The zone's id.
    pub zone: String,
    /// The flavor.
    pub flavor: Flavor,
    /// The image.
    pub image: Image,
    /// System disk, GiB.
    pub disk_gib: u32,
    /// The network.
    pub network: Named,
    /// Its subnet.
    pub subnet: Named,
    /// The security group.
    pub security_group: Named,
    /// A public address of its own, and how fast: Mbit/s.
    pub public_address_mbit: Option<u16>,
    /// The key pair's name.
    pub key_pair: Option<String>,
    /// Whether root gets a password.
    pub password: bool,
    /// What it would cost, as it was shown.
    pub price: Option<Price>,
}

/// The package that is installed, as it was when the deployment began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagePin {
    /// Its version.
    pub version: String,
    /// The key that signed its manifest.
    pub kid: String,
    /// SHA-256 of the manifest's text, 64 hexadecimal digits.
    pub manifest_sha256: String,
    /// Bytes of the package.
    pub size: u64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where.
    pub place: Place,
    /// The account, as the cloud names it; `None`: not asked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What is made; `None`: a server exists.
    pub server: Option<ServerChoice>,
    /// The recipe as it was when the deployment began.
    pub recipe: Recipe,
    /// What the customer answered.
    pub answers: Answers,
    /// The package.
    pub package: PackagePin,
}

impl Plan {
    /// How long a stage may take.
    pub fn allowed(&self, stage: Stage) -> SignedDuration {
        match stage {
            Stage::Installing => SignedDuration::from_secs(self.recipe.install_seconds.into()),
            // The machine asks for as long; its last report takes a moment more.
            Stage::Healthy => SignedDuration::from_secs(i64::from(self.recipe.health_seconds) + 60),
            // Somebody has to log in first.
            Stage::BootstrapCalled if self.place.cloud == Cloud::Own => SignedDuration::from_hours(24),
            stage => stage.allowed(),
        }
    }

    /// The recipe's outputs for a server at `address`: label and value.
    pub fn outputs(&self, address: Option<&str>) -> Vec<(crate::base::text::Localized, String)> {
        let filled = |value: &str| {
            let value = value.replace("{ip}", address.unwrap_or("<IP>"));
            self.answers.iter().fold(value, |value, (name, answer)| value.replace(&format!("{{{name}}}"), answer))
        };
        self.recipe.outputs.iter().map(|output| (output.label.clone(), filled(&output.value))).collect()
    }
}
