//! `signet client fingerprint`: what this machine is recognised by.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::terminal::{errln, outln};

use super::Identity;

/// Arguments of `signet client fingerprint`.
#[derive(Debug, Args)]
pub struct Identify {
    #[command(flatten)]
    identity: Identity,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the components: names and digests, which are all that ever leaves the machine.
///
/// # Errors
/// None but a broken standard output.
#[expect(clippy::unnecessary_wraps, reason = "as every verb")]
pub fn run(command: &Identify) -> anyhow::Result<ExitCode> {
    let machine = command.identity.read();
    if command.json {
        outln!("{:#}", json!({ "components": machine.components, "container": machine.container }));
        return Ok(ExitCode::SUCCESS);
    }
    for (name, digest) in &machine.components {
        outln!("{name} {digest}");
    }
    if machine.container && machine.components.is_empty() {
        errln!("signet: this is a container, and nothing in it outlives a restart: set SIGNET_MACHINE_ID");
    }
    Ok(ExitCode::SUCCESS)
}
