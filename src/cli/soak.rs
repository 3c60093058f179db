//! `signet simulate koogallery soak`.

use std::process::ExitCode;

use clap::Args;

/// Arguments of the soak.
#[derive(Debug, Args)]
pub struct Soak {
    /// Minutes
    #[arg(long, default_value_t = 1)]
    minutes: u64,
}

/// Runs the soak.
///
/// # Errors
/// none yet
pub async fn run(_options: Soak) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
