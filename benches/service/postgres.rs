//! A PostgreSQL database of the run's own, looked at through `psql` and measured with `pgbench`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::{ceilings::Slices, load::IN_FLIGHT};

/// Measurements of `pgbench` with the same settings in a row.
const SLICES: u32 = 2;

/// A database that is dropped with the value.
#[derive(Debug)]
pub struct Database {
    admin: String,
    name: String,
    /// How to reach it.
    pub url: String,
}

impl Database {
    /// Makes an empty database on the server whose superuser URL is given.
    ///
    /// # Errors
    /// `psql`'s words.
    pub fn create(admin: &str, name: &str) -> anyhow::Result<Self> {
        let name = format!("signet_bench_{}_{name}", std::process::id());
        sql(admin, &format!("CREATE DATABASE {name}"))?;
        let (address, query) = admin.split_once('?').map_or((admin, String::new()), |(a, q)| (a, format!("?{q}")));
        let (server, _) = address.rsplit_once('/').context("the URL names no database")?;
        let url = format!("{server}/{name}{query}");
        Ok(Self { admin: admin.to_owned(), name, url })
    }

    /// The server's processes that work for somebody: connections, the WAL writer and their like. Their CPU can be read
    /// when the server runs on this machine.
    ///
    /// # Errors
    /// `psql`'s words.
    pub fn processes(&self) -> anyhow::Result<Vec<u32>> {
        let pids = sql(&self.url, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")?;
        Ok(pids.lines().filter_map(|pid| pid.trim().parse().ok()).filter(|pid| is_postgres(*pid)).collect())
    }

    /// A number that every transaction which writes counts up by one, also one that is rolled back and repeated.
    ///
    /// # Errors
    /// `psql`'s words.
    pub fn write_transactions(&self) -> anyhow::Result<u64> {
        let text = sql(&self.url, "SELECT pg_snapshot_xmax(pg_current_snapshot())")?;
        text.trim().parse().with_context(|| format!("`{text}` is no transaction id"))
    }

    /// The folder of the server's data.
    ///
    /// # Errors
    /// `psql`'s words.
    pub fn folder(&self) -> anyhow::Result<PathBuf> {
        Ok(PathBuf::from(sql(&self.url, "SHOW data_directory")?.trim()))
    }

    /// Transactions a second that insert one row each, over that many connections.
    ///
    /// # Errors
    /// `pgbench`'s words.
    fn commits_per_second(&self, folder: &Path, clients: usize, seconds: u64) -> anyhow::Result<f64> {
        let pgbench = program("pgbench").context("pgbench is not installed")?;
        sql(&self.url, "CREATE TABLE IF NOT EXISTS raw (id bigserial PRIMARY KEY, who int, said text)")?;
        let script = folder.join("commit.sql");
        fs::write(&script, "INSERT INTO raw (who, said) VALUES (:client_id, 'one row, one commit');\n")?;
        let mut command = Command::new(pgbench);
        command.args(["-n", "-M", "prepared", "-j", "1", "-c", &clients.to_string(), "-T", &seconds.to_string()]);
        let text = output(command.arg("-f").arg(&script).arg(&self.url))?;
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
        tps.context("pgbench told no tps")
    }

    /// Adds to the slices of [`Self::commits_per_second`]: with as many connections as the load has requests in flight,
    /// and with one.
    ///
    /// # Errors
    /// `pgbench`'s words.
    pub fn ceilings(&self, folder: &Path, seconds: u64, [many, one]: &mut [Slices; 2]) -> anyhow::Result<()> {
        if program("pgbench").is_none() {
            return Ok(());
        }
        many.add(SLICES, || self.commits_per_second(folder, IN_FLIGHT, seconds))?;
        one.add(SLICES, || self.commits_per_second(folder, 1, seconds))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = sql(&self.admin, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)) {
            eprintln!("the database {} is left behind: {error:#}", self.name);
        }
    }
}

fn is_postgres(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("postgres"))
}

fn sql(url: &str, statement: &str) -> anyhow::Result<String> {
    let psql = program("psql").context("psql is not installed: it comes with PostgreSQL's client package")?;
    output(Command::new(psql).args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]))
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {errors}", command.get_program().display());
    Ok(String::from_utf8(output.stdout)?)
}

/// The newest version that Debian installed, or whatever is on the PATH.
fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.filter_map(|entry| {
        let number = entry.file_name().to_string_lossy().parse::<u32>().ok()?;
        let path = entry.path().join("bin").join(name);
        path.is_file().then_some((number, path))
    });
    let on_path = || {
        std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
    };
    debian.max().map(|(_, path)| path).or_else(on_path)
}
