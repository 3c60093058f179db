//! `signet deploy offer`: what can be chosen at the cloud, and what does not fit.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::{client::server::shown, table, terminal::outln};

use super::{Common, Outcome, Place, api::words, secrets::CredentialsFrom};

/// Arguments of `signet deploy offer`.
#[derive(Debug, Args)]
pub struct Offer {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    credentials: CredentialsFrom,
    /// The zone: lists flavors and subnets too
    #[arg(long)]
    zone: Option<String>,
    /// The flavor: lists images too
    #[arg(long, requires = "zone")]
    flavor: Option<String>,
    /// The network: lists security groups too
    #[arg(long)]
    network: Option<String>,
    /// Leave out what does not fit
    #[arg(long)]
    fitting: bool,
}

#[derive(Debug, Deserialize)]
struct Offered {
    #[serde(deserialize_with = "words")]
    account: String,
    zones: Vec<Choice>,
    flavors: Vec<Choice>,
    images: Vec<Choice>,
    subnets: Vec<Choice>,
    security_groups: Vec<Choice>,
    key_pairs: Vec<Choice>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(deserialize_with = "words")]
    id: String,
    #[serde(deserialize_with = "words")]
    name: String,
    #[serde(default)]
    network: Option<String>,
    #[serde(default)]
    unfit: Option<String>,
    #[serde(default)]
    closed_ports: Vec<u16>,
}

impl Choice {
    /// Why it does not fit, or what to see to.
    fn remark(&self) -> String {
        let ports = self.closed_ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        match (&self.unfit, ports.is_empty()) {
            (Some(why), _) => format!("does not fit: {}", shown(why).replace('_', " ")),
            (None, false) => format!("open these ports: {ports}"),
            (None, true) => String::new(),
        }
    }
}

/// Lists.
///
/// # Errors
/// The service's, the cloud's.
pub async fn run(command: Offer) -> anyhow::Result<Outcome> {
    let body = json!({
        "place": command.place.json(), "credentials": command.credentials.read(command.place.cloud)?,
        "zone": command.zone, "flavor": command.flavor, "network": command.network,
    });
    let offered: Offered = command.common.service(false)?.post("/offer", &body).await?;
    outln!("account {}", offered.account);
    let lists = [
        ("zone", &offered.zones),
        ("flavor", &offered.flavors),
        ("image", &offered.images),
        ("subnet", &offered.subnets),
        ("security group", &offered.security_groups),
        ("key pair", &offered.key_pairs),
    ];
    let mut shown_all = table::with_columns(&["WHAT", "ID", "NAME", "NETWORK", "REMARK"]);
    for (what, list) in lists {
        for choice in list.iter().filter(|it| !command.fitting || it.unfit.is_none()) {
            let network = choice.network.as_deref().map(shown).unwrap_or_default();
            shown_all.add_row([what, &choice.id, &choice.name, &network, &choice.remark()]);
        }
    }
    outln!("{shown_all}");
    Ok(Outcome::Done)
}
