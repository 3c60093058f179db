//! `signet deploy run`: begins a deployment, or says with `--dry-run` what it would be.

use std::collections::BTreeMap;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    base::{
        clock::{Clock, SystemClock},
        entropy::SystemEntropy,
        ids::DeploymentId,
    },
    cli::{
        table,
        terminal::{errln, outln},
    },
};

use super::{
    Common, Outcome, Place,
    api::{Whole, words},
    follow,
    secrets::{CredentialsFrom, PasswordFrom},
};

/// Arguments of `signet deploy run`.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    credentials: CredentialsFrom,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    password: PasswordFrom,
    #[command(flatten)]
    parameters: Parameters,
    /// The deployment's id: the same id again is the same deployment, never a second server
    #[arg(long)]
    id: Option<DeploymentId>,
    /// Check everything and print choice and price; nothing begins
    #[arg(long)]
    dry_run: bool,
    /// Watch it until it is healthy, failed or needs something
    #[arg(long)]
    follow: bool,
}

/// The server that is made: ids as `signet deploy offer` lists them.
#[derive(Debug, Args)]
pub struct Server {
    /// The server's name: letters, digits and dashes
    #[arg(long)]
    name: String,
    /// The zone
    #[arg(long)]
    zone: String,
    /// The flavor
    #[arg(long)]
    flavor: String,
    /// The image
    #[arg(long)]
    image: String,
    /// Size of the system disk, GiB; what the recipe needs by default
    #[arg(long, value_name = "GIB")]
    disk: Option<u32>,
    /// The subnet
    #[arg(long)]
    subnet: String,
    /// The security group
    #[arg(long)]
    security_group: String,
    /// A public address of its own, and how fast: Mbit/s
    #[arg(long, value_name = "MBITS")]
    public_address: Option<u16>,
    /// A key pair's name, to log in with
    #[arg(long)]
    key_pair: Option<String>,
}

/// Answers to the recipe's parameters.
#[derive(Debug, Args)]
pub struct Parameters {
    /// An answer to one of the recipe's parameters; once for each
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment)]
    given: Vec<(String, String)>,
}

impl Parameters {
    /// By name.
    pub fn json(&self) -> Value {
        let answers: BTreeMap<_, _> = self.given.iter().cloned().collect();
        json!(answers)
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Deserialize)]
struct Quote {
    #[serde(deserialize_with = "words")]
    version: String,
    simulated: bool,
    server: Option<Quoted>,
}

#[derive(Debug, Deserialize)]
struct Quoted {
    #[serde(deserialize_with = "words")]
    zone: String,
    #[serde(deserialize_with = "words")]
    flavor: String,
    #[serde(deserialize_with = "words")]
    image: String,
    disk_gib: u32,
    #[serde(deserialize_with = "words")]
    subnet: String,
    #[serde(deserialize_with = "words")]
    security_group: String,
    public_address_mbit: Option<u16>,
    price: Option<Price>,
}

#[derive(Debug, Deserialize)]
struct Price {
    #[serde(deserialize_with = "words")]
    per_hour: String,
    #[serde(deserialize_with = "words")]
    per_month: String,
    #[serde(deserialize_with = "words")]
    currency: String,
}

/// Begins.
///
/// # Errors
/// What stands against it; nothing began then, unless the answer was lost.
pub async fn run(command: Run) -> anyhow::Result<Outcome> {
    let service = command.common.service(command.password.password_stdin)?;
    let body = body(&command)?;
    if command.dry_run {
        let quote: Quote = service.post("/quote", &body.1).await?;
        print_quote(&command, &quote);
        return Ok(Outcome::Done);
    }
    let (id, body) = body;
    // Said before the call: when its answer is lost, the same command with this id is no second server.
    errln!("deployment {id} (should this command break off: the same with --id {id} goes on with it)");
    let begun: Whole = service.post("", &body).await?;
    outln!("{}", begun.id);
    if command.follow { follow::follow(&service, begun.id).await } else { Ok(Outcome::Done) }
}

fn body(command: &Run) -> anyhow::Result<(DeploymentId, Value)> {
    let id = command.id.unwrap_or_else(|| DeploymentId::new(SystemClock.now(), &SystemEntropy));
    let server = &command.server;
    let body = json!({
        "id": id,
        "place": command.place.json(),
        "credentials": command.credentials.read(command.place.cloud)?,
        "server": {
            "name": server.name, "zone": server.zone, "flavor": server.flavor, "image": server.image,
            "disk_gib": server.disk, "subnet": server.subnet, "security_group": server.security_group,
            "public_address_mbit": server.public_address, "key_pair": server.key_pair,
        },
        "password": command.password.read()?.as_deref(),
        "parameters": command.parameters.json(),
    });
    Ok((id, body))
}

fn print_quote(command: &Run, quote: &Quote) {
    let simulated = if quote.simulated { " (simulated: nothing of it is real)" } else { "" };
    let place = &command.place;
    let mut rows = vec![
        ("version", quote.version.clone()),
        ("place", format!("{} {}{simulated}", place.cloud.as_str(), place.region)),
    ];
    if let Some(server) = &quote.server {
        let address = server.public_address_mbit.map_or("none".to_owned(), |mbit| format!("{mbit} Mbit/s"));
        let price = server.price.as_ref().map_or("the cloud does not tell".to_owned(), |price| {
            format!("{0} {1} an hour, {2} {1} a month", price.per_hour, price.currency, price.per_month)
        });
        rows.extend([
            ("zone", server.zone.clone()),
            ("flavor", server.flavor.clone()),
            ("image", server.image.clone()),
            ("system disk", format!("{} GiB", server.disk_gib)),
            ("subnet", server.subnet.clone()),
            ("security group", server.security_group.clone()),
            ("public address", address),
            ("price", price),
        ]);
    }
    outln!("{}", table::of_pairs(rows));
    outln!("Nothing began: leave out --dry-run to deploy.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_hold_an_equals_sign_and_must_have_one() {
        assert_eq!(assignment("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert!(assignment("A").is_err());
    }
}
