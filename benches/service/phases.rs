//! One service on one database: every phase, its figures, and the checks of its answers.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use signet::license::jwks::Jwks;

use crate::{
    calls::{self, Caller},
    load::{self, Answer, Request},
    machine::CpuTimes,
    postgres::Database,
    server::{self, Server},
};

/// Requests sent before the clock starts, to warm up and to choose how many follow.
const WARM_UP: usize = 512;
/// Phases that share the time.
const PHASES: u32 = 6;

/// The figures of one phase.
#[derive(Debug)]
pub struct Figures {
    /// What was asked.
    pub name: &'static str,
    /// How often.
    pub requests: usize,
    /// Answers a second.
    pub per_second: f64,
    /// Half of all answers came within these milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 answers did.
    pub p99_ms: f64,
    /// Microseconds of CPU a request in the service.
    pub service_cpu: f64,
    /// The same in the database's processes.
    pub database_cpu: Option<f64>,
    /// The same in the load generator.
    pub generator_cpu: f64,
    /// Write transactions a request; only PostgreSQL tells.
    pub transactions: Option<f64>,
}

/// What a service did, and what is needed to verify its licenses.
#[derive(Debug)]
pub struct Results {
    /// In the order of running.
    pub phases: Vec<Figures>,
    /// License codes as they were answered.
    pub codes: Vec<String>,
    /// The published keys.
    pub keys: Jwks,
}

/// A service on one database, and the figures so far.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The service.
    pub server: Server,
    database: Option<&'a Database>,
    phase_time: Duration,
    /// In the order of running.
    pub phases: Vec<Figures>,
}

/// Runs everything on SQLite in `folder`, or on `database`, in about `time`.
///
/// # Errors
/// Whatever went wrong: a wrong answer counts as much as none.
pub async fn run(folder: &Path, database: Option<&Database>, time: Duration) -> anyhow::Result<Results> {
    let mut bench = Bench::start(folder, database, time / PHASES).await?;
    let keys = bench.reads().await?;
    let codes = bench.licenses().await?;
    Ok(Results { phases: bench.phases, codes, keys })
}

impl<'a> Bench<'a> {
    /// Starts the service.
    ///
    /// # Errors
    /// With the end of its log when it does not become ready.
    pub async fn start(folder: &Path, database: Option<&'a Database>, phase_time: Duration) -> anyhow::Result<Self> {
        let server = Server::start(folder, database.map(|database| database.url.as_str())).await?;
        Ok(Self { server, database, phase_time, phases: Vec::new() })
    }

    /// What needs no database (`/healthz`) and what only reads from it: the least that HTTP costs here.
    async fn reads(&mut self) -> anyhow::Result<Jwks> {
        let mut last = Vec::new();
        for (name, path) in [("GET /healthz", "/healthz"), ("GET /.well-known/jwks.json", "/.well-known/jwks.json")] {
            let request = server::get(path, self.server.address);
            let count = self.count(vec![request.clone(); WARM_UP]).await?;
            let answers = self.phase(name, vec![request; count]).await?;
            ensure!(answers.iter().all(|answer| answer.status == 200), "{path} did not always answer 200");
            last = answers.into_iter().next_back().context("no answer")?.body;
        }
        Ok(Jwks::parse(&last)?)
    }

    /// Licenses are sold, asked for again, renewed and expired. Gives their codes.
    async fn licenses(&mut self) -> anyhow::Result<Vec<String>> {
        let caller = Caller::new(self.server.address)?;
        let count = self.count(caller.buy(&calls::orders("W", WARM_UP))?).await?;
        let orders = calls::orders("B", count);
        let answers = self.phase("getLicense, new order", caller.buy(&orders)?).await?;
        let sold = calls::sold(&orders, &answers).context("getLicense")?;
        let answers = self.phase("getLicense, repeated", caller.buy(&orders)?).await?;
        ensure!(calls::sold(&orders, &answers)? == sold, "a repeated getLicense was answered with something else");
        let answers = self.phase("refreshLicense (renewal)", caller.renew(&sold)).await?;
        calls::all_succeeded(&answers).context("refreshLicense")?;
        let answers = self.phase("expireLicense", caller.expire(&sold)?).await?;
        calls::all_succeeded(&answers).context("expireLicense")?;
        Ok(sold.into_iter().map(|sold| sold.code).collect())
    }

    /// How many such requests fill a phase, by what a warm-up says.
    ///
    /// # Errors
    /// A connection or answer that fails.
    pub async fn count(&self, warm_up: Vec<Request>) -> anyhow::Result<usize> {
        let run = load::drive(self.server.address, warm_up).await.context("warm-up")?;
        let rate = run.answers.len() as f64 / run.elapsed.as_secs_f64();
        Ok(((rate * self.phase_time.as_secs_f64()) as usize).clamp(WARM_UP, 500_000))
    }

    /// Sends the requests, all of them, and keeps the figures.
    ///
    /// # Errors
    /// A connection or answer that fails.
    pub async fn phase(&mut self, name: &'static str, requests: Vec<Request>) -> anyhow::Result<Vec<Answer>> {
        let before = self.counters()?;
        let run = load::drive(self.server.address, requests).await.context(name)?;
        let after = self.counters()?;
        let mut times: Vec<_> = run.answers.iter().map(|answer| answer.elapsed).collect();
        times.sort_unstable();
        let requests = run.answers.len();
        let each = |total: u64| total as f64 / requests as f64;
        self.phases.push(Figures {
            name,
            requests,
            per_second: requests as f64 / run.elapsed.as_secs_f64(),
            p50_ms: percentile(&times, 50).as_secs_f64() * 1e3,
            p99_ms: percentile(&times, 99).as_secs_f64() * 1e3,
            service_cpu: each(after.service.since(&before.service)),
            database_cpu: after.database.zip(before.database).map(|(after, before)| each(after.since(&before))),
            generator_cpu: each(after.generator.since(&before.generator)),
            transactions: after.transactions.zip(before.transactions).map(|(after, before)| each(after - before)),
        });
        Ok(run.answers)
    }

    fn counters(&self) -> anyhow::Result<Counters> {
        let pids = self.database.map(Database::processes).transpose()?.filter(|pids| !pids.is_empty());
        Ok(Counters {
            transactions: self.database.map(Database::write_transactions).transpose()?,
            database: pids.map(|pids| CpuTimes::of(&pids)),
            service: CpuTimes::of(&[self.server.pid()]),
            generator: CpuTimes::of(&[std::process::id()]),
        })
    }
}

#[derive(Debug)]
struct Counters {
    service: CpuTimes,
    database: Option<CpuTimes>,
    generator: CpuTimes,
    transactions: Option<u64>,
}

/// The smallest time within which `percent` of all `sorted` times lie (nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}
