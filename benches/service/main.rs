//! `make bench`: throughput, latency and CPU per request of the real executable on both databases, beside what this
//! machine could do at best. `docs/benchmarks.md` says how to read it.
//!
//! * [`server`] starts the service, [`calls`] signs what is sent, [`load`] sends it, [`phases`] puts these together
//! * [`software`] is what licensed software asks, beside many other licenses
//! * [`postgres`] is the run's own database, [`machine`] tells CPU times and facts
//! * [`ceilings`] measures the machine itself, [`table`] prints
//!
//! Any wrong answer fails the run: a fast service that answers wrongly has no figures.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people: its output is its result")]

mod calls;
mod ceilings;
mod load;
mod machine;
mod phases;
mod postgres;
mod server;
mod software;
mod table;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use self::{ceilings::Slices, load::IN_FLIGHT, phases::Results, postgres::Database, table::Ceilings};

/// Seconds for the phases of one database, without start and ceilings.
const DEFAULT_SECONDS: u64 = 10;
/// A V1 call may be ten minutes old at most, and calls are signed before the clock starts.
const MOST_SECONDS: u64 = 600;
/// Measurements of one ceiling in a row.
const SLICES: u32 = 3;

fn main() -> ExitCode {
    // One thread for the generator: the cores are for the service.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.context("no runtime").and_then(|runtime| runtime.block_on(interruptible()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe benchmark failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Dropping the run kills the service and removes folder and database, so a signal must not end the process itself.
async fn interruptible() -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        result = run() => result,
        _ = terminate.recv() => bail!("stopped by SIGTERM"),
        _ = interrupt.recv() => bail!("stopped by SIGINT"),
    }
}

async fn run() -> anyhow::Result<()> {
    let time = Duration::from_secs(seconds()?);
    // Ceilings get a share of the time each, and enough of it to mean something.
    let slice = (time / 20).max(Duration::from_millis(500));
    println!("\nMachine\n{}", table::pairs(machine::facts()));
    let signatures = sqlite(time, slice).await?;
    match std::env::var("SIGNET_TEST_POSTGRES_URL") {
        Ok(url) => on_postgres(&url, time, slice, signatures).await?,
        Err(_) => {
            println!("\nPostgreSQL: not measured. `make bench` starts a server, or set SIGNET_TEST_POSTGRES_URL.");
        }
    }
    println!("\nservice, database, generator: microseconds of CPU a request.");
    println!("—: cannot be told, or the ceiling was unsteady and a share of it would mean nothing.");
    println!("write tx: transaction ids used a request, those of repeated transactions included.");
    Ok(())
}

fn seconds() -> anyhow::Result<u64> {
    match std::env::var("SIGNET_BENCH_SECONDS") {
        Err(_) => Ok(DEFAULT_SECONDS),
        Ok(text) => match text.parse() {
            Ok(seconds @ 1..=MOST_SECONDS) => Ok(seconds),
            _ => bail!("SIGNET_BENCH_SECONDS is `{text}`, but must be a whole number from 1 to {MOST_SECONDS}"),
        },
    }
}

/// Gives the raw signatures a second as well.
async fn sqlite(time: Duration, slice: Duration) -> anyhow::Result<Option<f64>> {
    let folder = tempfile::tempdir()?;
    let mut appends = Slices::default();
    appends.add(SLICES, || ceilings::durable_appends(folder.path(), slice))?;
    let results = phases::run(folder.path(), None, time).await.context("on SQLite")?;
    appends.add(SLICES, || ceilings::durable_appends(folder.path(), slice))?;
    let signatures = one_core(&results, slice)?;
    let many = tempfile::tempdir()?;
    software::run("SQLite", many.path(), None, time).await.context("software on SQLite")?;
    let commits = [("4 KiB appends with fdatasync/s, one at a time", appends.shown())];
    show("SQLite", folder.path(), &results, commits, Ceilings { commits: appends.steady(), signatures });
    Ok(signatures)
}

/// What one core does with licenses, without HTTP and database. In turns, so that all three see the same machine.
fn one_core(results: &Results, slice: Duration) -> anyhow::Result<Option<f64>> {
    let code = results.codes.first().context("no license was sold")?;
    let (signed, _) = code.rsplit_once('.').context("a license code has three parts")?;
    let [mut signatures, mut raw, mut whole] = <[Slices; 3]>::default();
    for _ in 0..SLICES {
        signatures.add(1, || ceilings::signatures(signed.len(), slice))?;
        raw.add(1, || ceilings::raw_verifications(signed.len(), slice))?;
        whole.add(1, || ceilings::verifications(&results.codes, &results.keys, slice))?;
    }
    let share = whole.steady().zip(raw.steady()).map(|(whole, raw)| format!("{:.1} %", 100.0 * whole / raw));
    let rows = [
        ("bytes that a license code signs", signed.len().to_string()),
        ("raw Ed25519 signatures/s", signatures.shown()),
        ("raw Ed25519 verifications/s", raw.shown()),
        ("license codes verified offline/s", whole.shown()),
        ("… of raw verifications", share.unwrap_or_else(|| "unsteady".to_owned())),
    ];
    println!("\nOne core\n{}", table::pairs(rows));
    Ok(signatures.steady())
}

async fn on_postgres(url: &str, time: Duration, slice: Duration, signatures: Option<f64>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let seconds = slice.as_secs().max(1);
    let mut slices = [Slices::default(), Slices::default()];
    let raw = Database::create(url, "raw")?;
    raw.ceilings(folder.path(), seconds, &mut slices)?;
    let many = tempfile::tempdir()?;
    software::run("PostgreSQL", many.path(), Some(&Database::create(url, "software")?), time)
        .await
        .context("software on PostgreSQL")?;
    let database = Database::create(url, "service")?;
    let results = phases::run(folder.path(), Some(&database), time).await.context("on PostgreSQL")?;
    raw.ceilings(folder.path(), seconds, &mut slices)?;
    let [many, one] = slices;
    let commits = [
        ("pgbench one-row commits/s, 32 connections", many.shown()),
        ("pgbench one-row commits/s, 1 connection", one.shown()),
    ];
    show("PostgreSQL", &database.folder()?, &results, commits, Ceilings { commits: many.steady(), signatures });
    Ok(())
}

fn show<'a>(
    name: &str,
    folder: &Path,
    results: &Results,
    commits: impl IntoIterator<Item = (&'a str, String)>,
    ceilings: Ceilings,
) {
    println!("\n{name}, {IN_FLIGHT} requests in flight, on {}", machine::file_system(folder));
    println!("{}", table::figures(&results.phases));
    println!("{}", table::pairs(commits));
    println!("{}", table::ratios(&results.phases, ceilings));
}
