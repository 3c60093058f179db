//! `signet-fuzz [--seconds N] [--seed S] [TARGET]…`

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use clap::Parser;
use signet_fuzz::{
    TARGETS,
    driver::{self, Until},
};

/// Hands broken input to the readers of what comes from outside.
#[derive(Debug, Parser)]
struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What decides how input is broken; another one with every run unless it is given
    #[arg(long)]
    seed: Option<u64>,
    /// Targets; all unless some are named
    targets: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "a tool for the terminal")]
fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    for name in &options.targets {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        ensure!(names.contains(&name.as_str()), "{name} is not one of {names:?}");
    }
    let seed = options.seed.map_or_else(fresh_seed, Ok)?;
    for target in TARGETS {
        if options.targets.is_empty() || options.targets.iter().any(|name| name == target.name) {
            println!("{}: seed {seed} …", target.name);
            let end = Instant::now() + Duration::from_secs(options.seconds);
            println!("{}: {} inputs", target.name, driver::run(target, seed, Until::Deadline(end))?);
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "any number will do, if only it is another one each time")]
fn fresh_seed() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(u64::from(since.subsec_nanos()))
}
