//! `signet deploy`: the holder of a license puts its software onto a server, for people who automate.
//!
//! It speaks `/api/v1/deployments` and nothing else: nothing here opens an installation. [`api`] asks, [`secrets`] reads
//! what must never stand on a command line, [`follow`] watches; one file per verb or family of verbs. Every secret comes
//! from a file, the environment or standard input.

mod agency;
pub(super) mod api;
mod begin;
pub(super) mod follow;
mod offer;
mod policy;
mod script;
mod secrets;
mod show;
mod wish;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand, ValueEnum};

use crate::base::ids::DeploymentId;

use super::{
    client::{license, server},
    terminal::errln,
};

use api::{Service, Whole};

/// Exit codes: 0 done, healthy or removed; 1 something failed; 2 wrong arguments; 10 under way; 20 failed; 21 it needs
/// credentials; 22 kept; 23 its server is gone; 24 the service or the cloud refused
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a server in the customer's cloud account and put the software onto it
    Run(begin::Run),
    /// List what can be chosen at the cloud, with what does not fit and why
    Offer(offer::Offer),
    /// Print the rights that the credentials need, as a policy for the cloud's console
    Policy(policy::Policy),
    /// Say what to create at Huawei Cloud, so that no keys are needed
    Agency(agency::Agency),
    /// List the license's deployments
    List(show::List),
    /// Show a deployment: stages, log, inventory, outputs
    Show(show::Show),
    /// Go on where a deployment stopped, with credentials if there are some
    Resume(wish::Resume),
    /// Leave what a failed deployment made, to be looked at
    Keep(wish::Keep),
    /// Remove everything that a deployment made: also while it is under way
    Remove(wish::Remove),
    /// Look at the cloud whether a deployment's server is still there, with credentials; nothing is changed
    Check(wish::Check),
    /// Print the script that deploys onto a server that exists
    Script(script::Script),
}

/// What every verb needs.
#[derive(Debug, Args)]
pub struct Common {
    /// The service, such as https://license.example.com
    #[arg(long, env = "SIGNET_SERVER", value_parser = server::address)]
    server: String,
    /// File with the license code or key; without it SIGNET_LICENSE or standard input
    #[arg(long, value_name = "FILE")]
    license_file: Option<PathBuf>,
}

/// Which deployment.
#[derive(Debug, Args)]
pub struct Which {
    /// The deployment's id
    #[arg(value_name = "ID")]
    id: DeploymentId,
}

/// Where to.
#[derive(Debug, Args)]
pub struct Place {
    /// The cloud
    #[arg(long)]
    cloud: Cloud,
    /// The region's id, such as cn-north-4
    #[arg(long)]
    region: String,
    /// An endpoint that is none of the known ones; the service's operator must allow it
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The token of temporary credentials may be sent to that endpoint: whoever answers there can use it
    #[arg(long, requires = "endpoint")]
    session_tokens: bool,
}

/// Clouds that make servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Cloud {
    /// Huawei Cloud
    Huawei,
    /// AWS and clouds that speak its EC2 interface
    Ec2,
    /// Nowhere: for trying things out, where the service offers it
    Simulated,
}

impl Cloud {
    fn as_str(self) -> &'static str {
        match self {
            Self::Huawei => "huawei",
            Self::Ec2 => "ec2",
            Self::Simulated => "simulated",
        }
    }
}

impl Place {
    fn json(&self) -> serde_json::Value {
        serde_json::json!({ "cloud": self.cloud.as_str(), "region": self.region, "endpoint": self.endpoint,
            "session_tokens": self.session_tokens })
    }
}

impl Common {
    /// The service, with the license that was given. `stdin_taken`: standard input holds something else.
    fn service(&self, stdin_taken: bool) -> anyhow::Result<Service> {
        let elsewhere = self.license_file.is_some() || std::env::var("SIGNET_LICENSE").is_ok_and(|it| !it.is_empty());
        if stdin_taken && !elsewhere {
            anyhow::bail!("standard input holds the password: give the license by --license-file or SIGNET_LICENSE");
        }
        if server::in_clear(&self.server) {
            errln!("signet: warning: {} is not encrypted: license and credentials can be read on the way", self.server);
        }
        let license = license::read(self.license_file.as_deref().map(Path::new))?;
        Service::new(&self.server, license)
    }
}

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What was asked is done, or accepted.
    Done,
    /// It is under way.
    Running,
    /// A stage failed.
    Failed,
    /// It waits for credentials.
    NeedsCredentials,
    /// It failed and is kept.
    Kept,
    /// Its server is gone.
    Gone,
    /// The service or the cloud refused; nothing began.
    Refused,
}

impl Outcome {
    /// The documented exit code.
    fn exit(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Running => 10,
            Self::Failed => 20,
            Self::NeedsCredentials => 21,
            Self::Kept => 22,
            Self::Gone => 23,
            Self::Refused => 24,
        }
    }

    /// How a deployment stands. A status that a newer service has is no success.
    fn of(whole: &Whole) -> Self {
        match whole.status.as_str() {
            _ if whole.checking => Self::Running,
            "healthy" | "removed" => Self::Done,
            "running" => Self::Running,
            "needs_credentials" => Self::NeedsCredentials,
            "kept" => Self::Kept,
            "gone" => Self::Gone,
            _ => Self::Failed,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What stands against it, and what to do.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let ended = match command {
        Command::Run(command) => begin::run(command).await,
        Command::Offer(command) => offer::run(command).await,
        Command::Policy(command) => policy::run(command).await,
        Command::Agency(command) => agency::run(command).await,
        Command::List(command) => show::list(command).await,
        Command::Show(command) => show::run(command).await,
        Command::Resume(command) => wish::resume(command).await,
        Command::Keep(command) => wish::keep(command).await,
        Command::Remove(command) => wish::remove(command).await,
        Command::Check(command) => wish::check(command).await,
        Command::Script(command) => script::run(command).await,
    };
    match ended {
        Ok(outcome) => Ok(ExitCode::from(outcome.exit())),
        Err(error) => match error.downcast::<api::Refused>() {
            Ok(refused) => {
                errln!("signet: {refused}");
                Ok(ExitCode::from(Outcome::Refused.exit()))
            }
            Err(error) => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_the_exit_code_that_the_help_names() {
        let exit = |status: &str| {
            let whole = format!(
                r#"{{"id":"0198c0de-0000-7000-8000-000000000000","goal":"deploy","status":"{status}","stage":"healthy",
                "cloud":"own","region":"","version":"1"}}"#
            );
            Outcome::of(&serde_json::from_str(&whole).unwrap()).exit()
        };
        let codes = ["healthy", "removed", "running", "failed", "needs_credentials", "kept", "gone", "new"].map(exit);
        assert_eq!(codes, [0, 0, 10, 20, 21, 22, 23, 20]);
    }
}
