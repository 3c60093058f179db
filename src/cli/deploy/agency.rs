//! `signet deploy agency`: what the holder of a license creates at Huawei Cloud, so that no keys are needed.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::{client::server::shown, terminal::outln};

use super::{Common, Outcome, api::words};

/// Arguments of `signet deploy agency`.
#[derive(Debug, Args)]
pub struct Agency {
    #[command(flatten)]
    common: Common,
    /// As one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Trust {
    #[serde(deserialize_with = "words")]
    account: String,
    #[serde(deserialize_with = "words")]
    account_id: String,
    #[serde(deserialize_with = "words")]
    external_id: String,
    #[serde(deserialize_with = "words")]
    name: String,
    identity_policy: Value,
    policy: Value,
}

/// Prints it.
///
/// # Errors
/// The service's; it may take no agencies.
pub async fn run(command: Agency) -> anyhow::Result<Outcome> {
    let told: Value = command.common.service(false)?.get("/agency").await?;
    if command.json {
        outln!("{told}");
        return Ok(Outcome::Done);
    }
    let trust: Trust = serde_json::from_value(told)?;
    outln!("Trust agency, in the new IAM console (best):");
    outln!("  1. Agencies, Create Trust Agency; any name; agency type: Account");
    outln!("     account ID   {}", trust.account_id);
    outln!("     External ID  {}   (your license's: without it others could use the agency)", trust.external_id);
    outln!("  2. Give it this identity policy and nothing else:");
    outln!("{}", indented(&trust.identity_policy));
    outln!("  3. signet deploy run --agency <URN of the agency>");
    outln!("");
    outln!("Or an agency in the older IAM console:");
    outln!("  1. Agencies, Create Agency; agency type: Account; validity: 1 day");
    outln!("     name               {}   (your license's: no other is ever used)", trust.name);
    outln!("     delegated account  {}", trust.account);
    outln!("  2. Give it this custom policy and nothing else:");
    outln!("{}", indented(&trust.policy));
    outln!("  3. signet deploy run --agency-account <your own account ID>");
    Ok(Outcome::Done)
}

fn indented(policy: &Value) -> String {
    let text = format!("{policy:#}");
    text.lines().map(|line| format!("     {}", shown(line))).collect::<Vec<_>>().join("\n")
}
