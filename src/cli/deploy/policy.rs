//! `signet deploy policy`: the rights that the credentials of a deployment need.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::{client::server::shown, terminal::outln};

use super::{Cloud, Common, Outcome};

/// Arguments of `signet deploy policy`.
#[derive(Debug, Args)]
pub struct Policy {
    #[command(flatten)]
    common: Common,
    /// The cloud
    #[arg(long)]
    cloud: Cloud,
    /// The region's id, such as cn-north-4
    #[arg(long, value_parser = plain)]
    region: String,
}

/// It stands in an address.
fn plain(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let sound = !text.is_empty() && text.len() <= 64 && text.bytes().all(plain);
    if sound { Ok(text.to_owned()) } else { Err("a region has 1 to 64 letters, digits, `-`, `_` and `.`".to_owned()) }
}

#[derive(Debug, Deserialize)]
struct Told {
    policy: Value,
}

/// Prints it, as the cloud's console takes it.
///
/// # Errors
/// The service's; it may not deploy there.
pub async fn run(command: Policy) -> anyhow::Result<Outcome> {
    let Policy { common, cloud, region } = command;
    let path = format!("/policy?cloud={}&region={region}", cloud.as_str());
    let told: Told = common.service(false)?.get(&path).await?;
    for line in format!("{:#}", told.policy).lines() {
        outln!("{}", shown(line));
    }
    Ok(Outcome::Done)
}
