//! What a customer chose for a deployment, and what was fixed with it: everything that is needed to do the same again
//! after a crash, and nothing secret.

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::base::text::Localized;

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

impl ServerChoice {
    /// Who can log in over SSH with what was chosen; `None`: nobody, or a user that only the image's vendor knows.
    ///
    /// Images of Huawei Cloud let root in. Those of the others refuse root, and every password; a key pair opens the user
    /// that the image's vendor made, of whom they write in their documents.
    pub fn ssh_user(&self, cloud: Cloud) -> Option<&'static str> {
        if cloud == Cloud::Huawei {
            return (self.password || self.key_pair.is_some()).then_some("root");
        }
        self.key_pair.as_ref().filter(|_| cloud == Cloud::Ec2)?;
        const USERS: [(&str, &str); 3] = [("ubuntu", "ubuntu"), ("debian", "admin"), ("amazon linux", "ec2-user")];
        let system = self.image.system.to_lowercase();
        USERS.into_iter().find_map(|(vendor, user)| system.contains(vendor).then_some(user))
    }
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

    /// The recipe's outputs for a server at `address`, and how to log in there: label and value.
    pub fn outputs(&self, address: Option<&str>) -> Vec<(Localized, String)> {
        let filled = |value: &str| {
            let value = value.replace("{ip}", address.unwrap_or("<IP>"));
            self.answers.iter().fold(value, |value, (name, answer)| value.replace(&format!("{{{name}}}"), answer))
        };
        let outputs = self.recipe.outputs.iter().map(|output| (output.label.clone(), filled(&output.value)));
        let user = self.server.as_ref().and_then(|server| server.ssh_user(self.place.cloud));
        let login = user.map(|user| {
            let label = Localized { zh: "登录服务器".to_owned(), en: "Log in to the server".to_owned() };
            (label, filled(&format!("ssh {user}@{{ip}}")))
        });
        outputs.chain(login).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::{provider::Stock, recipe::Architecture};

    fn server(system: &str, key_pair: bool, password: bool) -> ServerChoice {
        let named = || Named { id: "x".to_owned(), name: "x".to_owned() };
        let (id, architecture) = ("x".to_owned(), Architecture::X86_64);
        ServerChoice {
            name: "atlas-1".to_owned(),
            zone: "a".to_owned(),
            flavor: Flavor { id: id.clone(), vcpus: 1, memory_mib: 1024, architecture, stock: Stock::Normal },
            image: Image {
                id,
                name: "x".to_owned(),
                system: system.to_owned(),
                architecture,
                minimum_disk_gib: 8,
                minimum_memory_mib: 0,
                root_device: None,
            },
            disk_gib: 40,
            network: named(),
            subnet: named(),
            security_group: named(),
            public_address_mbit: None,
            key_pair: key_pair.then(|| "mine".to_owned()),
            password,
            price: None,
        }
    }

    #[test]
    fn who_logs_in_depends_on_the_image_and_on_what_was_chosen() {
        for (cloud, system, key_pair, password, user) in [
            (Cloud::Huawei, "Ubuntu 22.04", false, true, Some("root")),
            (Cloud::Huawei, "Ubuntu 22.04", true, false, Some("root")),
            (Cloud::Huawei, "Ubuntu 22.04", false, false, None),
            (Cloud::Ec2, "Ubuntu 24.04", true, false, Some("ubuntu")),
            (Cloud::Ec2, "Debian 13", true, true, Some("admin")),
            (Cloud::Ec2, "Amazon Linux 2023", true, false, Some("ec2-user")),
            (Cloud::Ec2, "Debian 13", false, true, None),
            (Cloud::Ec2, "Of one's own", true, false, None),
            (Cloud::Simulated, "Debian 13", true, true, None),
        ] {
            assert_eq!(server(system, key_pair, password).ssh_user(cloud), user, "{cloud} {system}");
        }
    }
}
