//! `signet simulate koogallery soak`: random customers with retries, duplicates, reorderings, lost answers and clock
//! skew; at the end the service's own records are held against what was acknowledged.
//!
//! [`records`] fetches, [`compare`] judges and touches nothing.

pub mod compare;
pub mod records;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use koogallery_simulator::{
    AccessKey, Line, Marketplace,
    play::Goods,
    report::{self, Style},
    soak::{Product, SoakOptions, Until, soak},
};

use crate::base::clock::{Clock, SystemClock};

use self::{
    compare::{Difference, compare_all},
    records::{Api, Records, channel_of},
};
use super::{
    simulate::read_key,
    terminal::{errln, out, outln},
};

/// The service's clock may be behind ours by so much; records a little older are looked at too.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// Differences printed in full.
const SHOWN: usize = 50;

/// Arguments of the soak.
#[derive(Debug, Args)]
pub struct Soak {
    /// How long new customers come, in minutes; 0.5 is half a minute
    #[arg(long, default_value = "1", value_parser = minutes)]
    minutes: Duration,
    /// Customers at once
    #[arg(long, default_value_t = 4)]
    parallel: usize,
    /// Repeats the decisions of an earlier soak
    #[arg(long)]
    seed: Option<u64>,
    /// A product to soak: its line, its address, the file with its access key, a productId of its catalog; repeatable
    #[arg(long = "target", num_args = 4, value_names = ["LINE", "URL", "KEY_FILE", "PRODUCT_ID"], required = true)]
    targets: Vec<String>,
    /// The productId to which a SaaS line upgrades; repeatable
    #[arg(long = "upgrade", num_args = 2, value_names = ["LINE", "PRODUCT_ID"])]
    upgrades: Vec<String>,
    /// The management API's address (absent: where the first target is)
    #[arg(long)]
    api: Option<String>,
    /// File with a token for licenses:read and orders:read (absent: SIGNET_TOKEN)
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Judge the answers only, for a service that is not Signet
    #[arg(long)]
    no_records: bool,
    /// Missing answers and 000005 are retried and are no fault, for a service that is being restarted
    #[arg(long)]
    tolerate_outages: bool,
}

/// Soaks, then compares. Ctrl-C ends the soak early and still compares. Exit code 1 on any violation or difference.
///
/// # Errors
/// When it cannot start, or the records cannot be fetched.
pub async fn run(options: Soak) -> anyhow::Result<ExitCode> {
    let products = products(&options)?;
    let api = if options.no_records { None } else { Some(api(&options)?) };
    if let Some(api) = &api {
        api.check().await?;
    }
    let channels = products.iter().map(|product| channel_of(product.marketplace.url().as_str())).collect::<Vec<_>>();
    let mut settings = SoakOptions::new(products, Until::Elapsed(options.minutes));
    settings.parallel = options.parallel;
    settings.tolerate_outages = options.tolerate_outages;
    if let Some(seed) = options.seed {
        settings.seed = seed;
    }
    outln!("soaking for {:?} with seed {}; Ctrl-C ends early and still compares", options.minutes, settings.seed);
    let since = now() - CLOCK_MARGIN;
    let interrupt = end_on_interrupt(Arc::clone(&settings.stop));
    let report = soak(settings).await;
    interrupt.abort();
    out!("{}", report::soak(&report, Style::default()));
    let Some(api) = api else {
        outln!("The service's records were not asked for.");
        return Ok(exit(report.passed()));
    };
    let mut records = Records::default();
    for channel in channels {
        tokio::select! {
            fetched = records.fetch(&api, &channel, since) => fetched?,
            _ = tokio::signal::ctrl_c() => bail!("interrupted before the records were compared"),
        }
    }
    let differences = compare_all(&report.expectations, &report.run, &records);
    out!("{}", shown(&records, report.expectations.len(), &differences));
    Ok(exit(report.passed() && differences.is_empty()))
}

/// What the comparison found, for people.
fn shown(records: &Records, customers: usize, differences: &[Difference]) -> String {
    let mut out = format!(
        "records: {} licenses and {} orders held against {customers} customers\n",
        records.licenses().len(),
        records.orders().len()
    );
    if differences.is_empty() {
        out.push_str("  no difference\n");
        return out;
    }
    out.push_str(&format!("  {} DIFFERENCES, the first of them:\n", differences.len()));
    for difference in differences.iter().take(SHOWN) {
        out.push_str(&format!("    {difference}\n"));
    }
    out
}

fn end_on_interrupt(stop: Arc<std::sync::atomic::AtomicBool>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            errln!("ending: steps that have begun may finish");
            stop.store(true, Ordering::Relaxed);
        }
    })
}

fn products(options: &Soak) -> anyhow::Result<Vec<Product>> {
    let mut upgrades = BTreeMap::new();
    for pair in options.upgrades.chunks_exact(2) {
        upgrades.insert(pair[0].parse::<Line>()?, pair[1].clone());
    }
    let mut products = Vec::new();
    for target in options.targets.chunks_exact(4) {
        let [line, url, key_file, product_id] = target else { continue };
        let line: Line = line.parse()?;
        let key = AccessKey::new(read_key(Path::new(key_file))?);
        let upgrade_product_id = upgrades.get(&line).cloned();
        let goods = Goods { upgrade_product_id, ..Goods::of_product(product_id) };
        products.push(Product { marketplace: Marketplace::builder(url, key, line).build()?, goods });
    }
    ensure!(
        upgrades.keys().all(|line| products.iter().any(|product| product.marketplace.line() == *line)),
        "--upgrade names a line that no --target has"
    );
    Ok(products)
}

fn api(options: &Soak) -> anyhow::Result<Api> {
    let token = match &options.token_file {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("the token in {} cannot be read", file.display()))?
        }
        None => std::env::var("SIGNET_TOKEN").context(
            "the comparison with the service's records needs a token: make one with `signet token create soak --scope \
             licenses:read,orders:read` and name it with --token-file or SIGNET_TOKEN, or say --no-records",
        )?,
    };
    let base = match &options.api {
        Some(base) => base.clone(),
        None => origin(&options.targets[1])?,
    };
    Api::new(&base, token.trim())
}

/// `http://host:port` of an address.
fn origin(url: &str) -> anyhow::Result<String> {
    let (scheme, rest) = url.split_once("://").with_context(|| format!("`{url}` is not an address"))?;
    let host = rest.split('/').next().unwrap_or_default();
    Ok(format!("{scheme}://{host}"))
}

fn minutes(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a number of minutes from 0.01 to 100000");
    let minutes: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.01..=100_000.0).contains(&minutes) {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(minutes * 60.0))
}

fn now() -> Timestamp {
    Timestamp::from_microsecond(SystemClock.now().as_micros()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn exit(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_may_be_parts_and_nonsense_is_refused() {
        assert_eq!(minutes("0.5").unwrap(), Duration::from_secs(30));
        assert_eq!(minutes("10").unwrap(), Duration::from_secs(600));
        for text in ["0", "-1", "NaN", "inf", "ten", ""] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_api_is_where_the_target_is() {
        assert_eq!(origin("http://127.0.0.1:8080/marketplace/koogallery/x").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(origin("https://license.example.com").unwrap(), "https://license.example.com");
        assert!(origin("license.example.com").is_err());
    }
}
