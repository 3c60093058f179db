//! The command line: one file per command. A command reads its arguments, calls use cases and prints; rules live
//! elsewhere. Only this room prints, by `terminal` alone, and only here and in `main` an error may be an
//! [`anyhow::Error`].

mod catalog;
mod client;
mod demo;
mod deploy;
mod depot;
mod key;
mod mail;
mod master_key;
mod open;
mod open_files;
mod package;
mod secret_file;
mod serve;
mod simulate;
pub mod soak;
mod table;
mod terminal;
mod token;
mod verify;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::terminal::errln;
use crate::config::{Config, Flags};

/// Issues license keys behind a marketplace product and keeps every license true.
#[derive(Debug, Parser)]
#[command(name = "signet", version, propagate_version = true)]
struct Cli {
    /// Settings file (TOML)
    #[arg(long, global = true, env = "SIGNET_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve,
    /// Start the service with a sample catalog and play a marketplace against it
    Demo(demo::Demo),
    /// Check or apply the catalog: products, plans and channels
    #[command(subcommand)]
    Catalog(catalog::Command),
    /// Signing keys: list, rotate, revoke, take the root offline
    #[command(subcommand)]
    Key(key::Command),
    /// Packages of software that customers deploy: publish, list, withdraw, verify, export
    #[command(subcommand)]
    Package(package::Command),
    /// Tokens of the management API
    #[command(subcommand)]
    Token(token::Command),
    /// Your own systems that are told what happens
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Mail to the holders of licenses: what it looks like, what was sent
    #[command(subcommand)]
    Mail(mail::Command),
    /// On a licensed machine: activate it, ask whether software may run
    #[command(subcommand)]
    Client(client::Command),
    /// With a license: put its software onto a server, watch and remove it
    #[command(subcommand)]
    Deploy(deploy::Command),
    /// Verify a license code offline
    Verify(verify::Verify),
    /// Play a marketplace against any address
    #[command(subcommand)]
    Simulate(Simulate),
}

#[derive(Debug, Subcommand)]
enum Simulate {
    /// Huawei Cloud KooGallery
    Koogallery(simulate::Koogallery),
}

/// What reads the arguments: documents and pages that show commands are compared with it.
pub fn parser() -> clap::Command {
    let mut parser = Cli::command();
    // Settings are added to all commands here, so that they can be taken out of some pages again.
    parser.build();
    ["client", "deploy", "simulate", "verify"]
        .into_iter()
        .fold(parser, |it, name| it.mut_subcommand(name, without_settings))
}

/// Those who hold a license, not an installation, are not shown its settings.
fn without_settings(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let command = command.mut_args(|it| if it.is_global_set() { it.hide(true) } else { it });
    names.into_iter().fold(command, |it, name| it.mut_subcommand(name, without_settings))
}

/// Runs the command that the arguments name. Exit codes: 0 done, 1 it failed or the answer is no, 2 wrong
/// arguments.
pub fn run() -> ExitCode {
    let cli = Cli::from_arg_matches(&parser().get_matches()).unwrap_or_else(|error| error.exit());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            errln!("signet: the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(dispatch(cli));
    let printed = terminal::result().context("what it printed is not complete: standard output cannot be written");
    match (ended, printed) {
        (Ok(code), Ok(())) => code,
        (Err(error), _) | (Ok(_), Err(error)) => {
            errln!("signet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    // Set but empty is how Compose passes on what is not set.
    let file = cli.config.as_deref().filter(|file| !file.as_os_str().is_empty());
    let config = || Config::load(file, &cli.flags);
    match cli.command {
        Command::Serve => serve::run(config()?).await,
        Command::Demo(command) => Box::pin(demo::run(command, file, cli.flags)).await,
        Command::Catalog(command) => catalog::run(command, config()?).await,
        Command::Key(command) => key::run(command, config()?).await,
        Command::Package(command) => Box::pin(package::run(command, config()?)).await,
        Command::Token(command) => token::run(command, config()?).await,
        Command::Webhook(command) => webhook::run(command, config()?).await,
        Command::Mail(command) => mail::run(command, config()?).await,
        Command::Client(command) => Box::pin(client::run(command)).await,
        Command::Deploy(command) => Box::pin(deploy::run(command)).await,
        Command::Verify(command) => verify::run(command).await,
        Command::Simulate(Simulate::Koogallery(command)) => Box::pin(simulate::run(command)).await,
    }
}
