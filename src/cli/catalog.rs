//! `signet catalog check|apply FILE`.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use crate::{
    catalog::diff,
    config::Config,
    store::{Access, DatabaseUrl},
};

use super::{
    open,
    terminal::{out, outln},
};

/// What to do with a catalog file.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a catalog file and show what applying it would change; changes nothing
    Check {
        /// The catalog (TOML)
        file: PathBuf,
    },
    /// Apply a catalog file; running servers notice it with their next call
    Apply {
        /// The catalog (TOML)
        file: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// Every problem of the file, with its line; the database's.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { file } => {
            let problem_free = |difference: &dyn std::fmt::Display| {
                out!("{difference}");
                outln!("{}: no problem found", file.display());
            };
            // A check leaves nothing behind: without a database there is nothing to compare with.
            if matches!(&config.database, DatabaseUrl::Sqlite(path) if !path.exists()) {
                let wanted = open::read_catalog(&file, &config.server_url())?;
                problem_free(&diff(None, &wanted));
            } else {
                let app = open::open(&config, Access::Tool).await?;
                let wanted = open::read_catalog(&file, app.public_url())?;
                problem_free(&diff(Some(app.installation().catalog.catalog()), &wanted));
            }
        }
        Command::Apply { file } => {
            let app = open::open(&config, Access::Tool).await?;
            let wanted = open::read_catalog(&file, app.public_url())?;
            out!("{}", open::apply_catalog(&app, wanted).await?);
            let installation = app.installation();
            for channel in &installation.catalog.catalog().channels {
                let slug = &channel.slug;
                let state = if installation.access_keys.contains_key(slug) { "ready" } else { "NO ACCESS KEY" };
                let asks = match &channel.open_api {
                    None => "",
                    Some(_) if installation.open_api_keys.contains_key(slug) => ", asks the marketplace",
                    Some(_) => ", NO KEYS FOR open_api",
                };
                outln!("{}{}  {state}{asks}", app.public_url(), channel.path());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
