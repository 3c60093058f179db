//! `signet mail preview|list`.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Subcommand, ValueEnum};

use crate::{
    base::{ids::LicenseId, limits, text::Language},
    config::Config,
    letters::{self, Kind},
    store::Access,
    usecase::{Actor, Failure, mail},
};

use super::{
    open, table,
    terminal::{out, outln},
};

/// A language that mail is written in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Tongue {
    /// 简体中文
    Zh,
    /// English
    En,
}

/// What to do with mail.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what a mail looks like; nothing is sent
    Preview {
        /// What it is about: license_delivered, license_expiring, license_renewed, license_released, deployment_done or call_failing
        kind: Kind,
        /// In which language
        #[arg(long, value_enum, default_value = "zh")]
        language: Tongue,
        /// Of this license (absent: of a made-up one)
        #[arg(long)]
        license: Option<LicenseId>,
        /// The HTML instead of the text
        #[arg(long)]
        html: bool,
    },
    /// List mail, newest first
    List {
        /// Only those that stand so: pending, sending, sent, failed or unknown
        #[arg(long, value_parser = ["pending", "sending", "sent", "failed", "unknown"])]
        state: Option<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// The database's.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let app = open::open(&config, Access::Tool).await?;
    match command {
        Command::Preview { kind, language, license, html } => {
            let facts: Result<_, Failure> =
                app.read(Actor::CommandLine, move |tx, ctx| mail::sample(tx, ctx, license)).await;
            let facts = facts?.ok_or_else(|| anyhow!("there is no such license, or the catalog has no product"))?;
            let language = match language {
                Tongue::Zh => Language::Zh,
                Tongue::En => Language::En,
            };
            let letter = letters::write(kind, language, &facts)?;
            if html {
                out!("{}", letter.html);
            } else {
                outln!("{}\n\n{}", letter.subject, letter.text);
            }
        }
        Command::List { state } => {
            let found: Result<_, Failure> = app
                .read(Actor::CommandLine, move |tx, _| Ok(tx.mail_page(state.as_deref(), None, limits::PAGE_ROWS)?))
                .await;
            let mut shown = table::with_columns(&["ID", "WHAT", "LICENSE", "STATE", "TRIES", "WRITTEN", "ERROR"]);
            for it in found? {
                let license = it.license_id.map(|id| id.to_string()).unwrap_or_default();
                let (tries, at) = (it.tries.to_string(), it.created_at.to_string());
                shown.add_row([it.id.to_string(), it.kind, license, it.state, tries, at, it.error.unwrap_or_default()]);
            }
            outln!("{shown}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
