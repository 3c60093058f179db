//! What the machine is and how much CPU a process used, as Linux tells it in `/proc`.

use std::{collections::HashMap, fs, path::Path};

use anyhow::Context as _;

/// Microseconds of one tick of `/proc/PID/stat`: Linux counts in 1/100 s for programs on every architecture.
const TICK_MICROS: u64 = 10_000;

/// CPU time of processes so far, user and system together, in microseconds by process id.
#[derive(Debug, Clone, Default)]
pub struct CpuTimes(HashMap<u32, u64>);

impl CpuTimes {
    /// Reads the counters. Processes that are gone are left out.
    pub fn of(pids: &[u32]) -> Self {
        Self(pids.iter().filter_map(|pid| Some((*pid, cpu_micros(*pid).ok()?))).collect())
    }

    /// Microseconds used since `earlier`; a process that was not there before counts from its start.
    pub fn since(&self, earlier: &Self) -> u64 {
        let used = |(pid, now): (&u32, &u64)| now.saturating_sub(earlier.0.get(pid).copied().unwrap_or(0));
        self.0.iter().map(used).sum()
    }
}

fn cpu_micros(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let (_, fields) = text.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (ticks.next().context("no utime")??, ticks.next().context("no stime")??);
    Ok((user + system) * TICK_MICROS)
}

/// The machine in one line each: processor, kernel, how busy it was before the run.
pub fn facts() -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load: Vec<_> = read("/proc/loadavg").split_whitespace().take(3).map(str::to_owned).collect();
    vec![
        ("processor", model.map_or("unknown", |(_, name)| name.trim()).to_owned()),
        ("cores", cores.to_string()),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("load before the run (1, 5, 15 min)", load.join(" ")),
        (
            "build",
            if cfg!(debug_assertions) { "NOT OPTIMISED: the figures mean nothing" } else { "optimised" }.to_owned(),
        ),
    ]
}

/// The kind of file system that holds `folder`: on `tmpfs` a commit costs nothing and the figures say nothing.
pub fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let held = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(point).then_some((point.len(), kind))
    });
    held.max_by_key(|(length, _)| *length).map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}
