//! `signet deploy script`: for a server that exists.

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{
    base::{
        clock::{Clock, SystemClock},
        entropy::SystemEntropy,
        ids::DeploymentId,
    },
    cli::terminal::{errln, out},
    provision::bootstrap,
};

use super::{Common, Outcome, api::Whole, begin::Parameters, secrets::PasswordFrom};

/// Arguments of `signet deploy script`.
#[derive(Debug, Args)]
pub struct Script {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    password: PasswordFrom,
    #[command(flatten)]
    parameters: Parameters,
    /// A deployment onto a server that exists, begun before; without it one begins
    #[arg(long, conflicts_with_all = ["given", "password_file", "password_stdin"])]
    id: Option<DeploymentId>,
    /// What to print
    #[arg(long, default_value = "sh")]
    format: Format,
}

/// What a script is printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The script: run it with sh as root, once
    Sh,
    /// User-data for cloud-init, to be merged with more of it
    CloudInit,
    /// A part of a Terraform configuration; not run by Signet
    Terraform,
}

/// Prints the script.
///
/// # Errors
/// The service's.
pub async fn run(command: Script) -> anyhow::Result<Outcome> {
    let service = command.common.service(command.password.password_stdin)?;
    let id = match command.id {
        Some(id) => id,
        None => {
            let id = DeploymentId::new(SystemClock.now(), &SystemEntropy);
            let body = json!({
                "id": id, "place": { "cloud": "own" }, "password": command.password.read()?.as_deref(),
                "parameters": command.parameters.json(),
            });
            let begun = service.post::<Whole>("", &body).await?.id;
            errln!(
                "deployment {begun}: works for one machine and for a day; watch it with `signet deploy show --follow {begun}`"
            );
            begun
        }
    };
    let script = bootstrap::Script::received(service.text(&format!("/{id}/script")).await?.into());
    match command.format {
        Format::Sh => out!("{}", script.text()),
        Format::CloudInit => out!("{}", script.cloud_config()),
        Format::Terraform => out!("{}", script.terraform()),
    }
    Ok(Outcome::Done)
}
