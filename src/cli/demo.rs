//! `signet demo`: the whole way on real HTTP. Starts the service with a sample catalog, plays every product line of
//! the marketplace against it, verifies a license offline, and deploys the software to the simulated cloud.

mod deployment;
mod records;

use std::{
    fs::{DirBuilder, OpenOptions},
    io::Write,
    net::TcpListener,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use koogallery_simulator::{
    AccessKey, Call, Line, Marketplace, Reply,
    play::{self, Goods, StepReport},
    random::Random,
    report::{self, Style},
};

use crate::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        entropy::{Entropy, SystemEntropy},
        ids::LicenseId,
    },
    catalog::{self, Catalog, SecretRef},
    config::{Config, Flags},
    license::verify::{self, VerifyOptions},
    store::LicenseFilter,
    telemetry,
    usecase::{Actor, Failure},
};

use super::{
    open, serve,
    simulate::read_key,
    table,
    terminal::{out, outln},
    verify as verify_command,
};

const SAMPLE: &str = include_str!("../../deploy/sample-catalog.toml");
/// Licenses listed at the end.
const LISTED: u32 = 20;

/// Arguments of `signet demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Stop after the play; the exit code says whether everything was right
    #[arg(long)]
    exit: bool,
}

/// Runs the demo.
///
/// # Errors
/// When the service cannot start.
pub async fn run(command: Demo, file: Option<&Path>, flags: Flags) -> anyhow::Result<ExitCode> {
    let config = Config::load(file, &with_defaults(flags)?)?;
    telemetry::start_logging(&config.log, config.log_format).map_err(anyhow::Error::msg)?;
    let running = serve::start(&config).await?;
    let catalog = catalog::parse(SAMPLE, "sample-catalog.toml", &config.server_url())?;
    make_keys(&catalog, &config.data_dir)?;
    open::apply_catalog(&running.app, catalog.clone()).await?;
    outln!("Signet serves on {}, data in {}\n", config.server_url(), config.data_dir.display());

    let played = play_all(&catalog, &config).await?;
    let bought = buy_to_keep(&catalog, &config).await?;
    let subject = verify_offline(&config, bought.as_ref().map(|bought| bought.code.as_str())).await?;
    list_licenses(&running.app).await?;
    let deployed = match &bought {
        Some(bought) => deployment::deploy(&running.app, &config, &bought.code).await?,
        None => false,
    };
    let kept = bought.map(|bought| records::Kept { instance: bought.instance, subject });
    let differences = records::judge_records(&running.app, records::played(&played), kept).await?;
    for difference in &differences {
        outln!("WRONG: {difference}");
    }
    if !deployed {
        outln!("WRONG: the deployment to the simulated cloud did not become healthy");
    }
    let passed = deployed && differences.is_empty() && played.iter().all(StepReport::passed);
    out!("{}", report::summary(&played, Style::default()));
    if command.exit {
        running.stop().await;
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    where_to_look(&config);
    serve::Signals::listen()?.wait(&running.app).await;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A folder and quiet logs of its own, and another port when the usual one is taken.
fn with_defaults(flags: Flags) -> anyhow::Result<Flags> {
    let listen = match flags.listen {
        Some(listen) => listen,
        None => free_address()?,
    };
    Ok(Flags {
        listen: Some(listen),
        data_dir: Some(flags.data_dir.unwrap_or_else(|| "data/demo".to_owned())),
        metrics_listen: Some(flags.metrics_listen.unwrap_or_default()),
        log: Some(flags.log.unwrap_or_else(|| "error".to_owned())),
        simulated_cloud: Some(true),
        ..flags
    })
}

fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:8080").or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    Ok(listener.local_addr()?.to_string())
}

/// Makes the access keys that the sample catalog names. A real one is copied from the seller centre.
fn make_keys(catalog: &Catalog, data_dir: &Path) -> anyhow::Result<()> {
    for channel in &catalog.channels {
        let Some(path) = key_path(&channel.access_key, data_dir) else { continue };
        if path.exists() {
            continue;
        }
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let entropy: &dyn Entropy = &SystemEntropy;
        let key = crate::base::ids::uuid_v7(SystemClock.now(), entropy.bytes());
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{key}").with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn key_path(reference: &SecretRef, data_dir: &Path) -> Option<PathBuf> {
    match reference {
        SecretRef::File(path) => Some(data_dir.join(path)),
        SecretRef::Env(_) => None,
    }
}

async fn play_all(catalog: &Catalog, config: &Config) -> anyhow::Result<Vec<StepReport>> {
    let mut played = Vec::new();
    out!("{}", report::step_header());
    for line in Line::ALL {
        let (marketplace, goods) = marketplace(catalog, config, line)?;
        let show = |step: &StepReport| out!("{}", report::step(step, Style::default()));
        played.extend(play::play(&marketplace, &goods, show).await?);
    }
    outln!("");
    Ok(played)
}

/// The marketplace's side of the sample's channel for a line, and what it sells.
fn marketplace(catalog: &Catalog, config: &Config, line: Line) -> anyhow::Result<(Marketplace, Goods)> {
    let channel = catalog.channels.iter().find(|channel| channel.slug.as_str() == line.as_str());
    let channel = channel.with_context(|| format!("the sample catalog has no channel {line}"))?;
    let path = key_path(&channel.access_key, &config.data_dir).context("the sample's keys are in files")?;
    let url = format!("{}/marketplace/koogallery/{line}", config.server_url());
    let marketplace = Marketplace::builder(&url, AccessKey::new(read_key(&path)?), line).build()?;
    Ok((marketplace, goods(catalog, channel)?))
}

/// A purchase as it was answered.
struct Bought {
    instance: String,
    code: String,
}

/// Every play ends with a release, so one more license is bought for people to look at: of the plan that one upgrades to,
/// which has seats left for a deployment by the wizard.
async fn buy_to_keep(catalog: &Catalog, config: &Config) -> anyhow::Result<Option<Bought>> {
    let (marketplace, goods) = marketplace(catalog, config, Line::License1)?;
    let goods = Goods {
        product_id: goods.upgrade_product_id.clone().unwrap_or(goods.product_id),
        sku_code: goods.upgrade_sku_code.clone().or(goods.sku_code),
        ..goods
    };
    let order = format!("CS{}", Random::from_system().capitals(14));
    let exchange = marketplace.call(&goods.fill(Call::buy(Line::License1, &order)?.period("year", 1))).await;
    let bought = |reply: Reply| Some(Bought { instance: reply.instance_id()?, code: reply.license()? });
    Ok(exchange.answer.ok().and_then(bought))
}

/// What the channel sells first, and what one may upgrade to.
fn goods(catalog: &Catalog, channel: &catalog::Channel) -> anyhow::Result<Goods> {
    let products = catalog.products.iter().filter(|product| channel.products.contains(&product.slug));
    let mut plans = products.flat_map(|product| &product.plans).filter(|plan| !plan.product_ids.is_empty());
    let first = plans.next().with_context(|| format!("channel {} sells nothing", channel.slug))?;
    let next = plans.next();
    Ok(Goods {
        product_id: first.product_ids[0].clone(),
        sku_code: first.sku_codes.first().cloned(),
        upgrade_product_id: next.map(|plan| plan.product_ids[0].clone()),
        upgrade_sku_code: next.and_then(|plan| plan.sku_codes.first().cloned()),
        ..Goods::default()
    })
}

/// Verifies a license code with nothing but the published keys, as the customer's software does. Says for which license
/// a code is that holds.
async fn verify_offline(config: &Config, code: Option<&str>) -> anyhow::Result<Option<LicenseId>> {
    let Some(code) = code else {
        outln!("No license code was answered: there is nothing to verify.");
        return Ok(None);
    };
    let keys = verify_command::read_keys(&format!("{}/.well-known/jwks.json", config.server_url())).await?;
    outln!("A license code, as one more customer gets it:\n\n{code}\n");
    outln!("Verified offline with the keys published at {}/.well-known/jwks.json:", config.server_url());
    match verify::verify_code(code, &keys, &VerifyOptions::at(SystemClock.now())) {
        Ok(verified) => {
            outln!("{}\n", verify_command::shown(&verified));
            Ok(Some(verified.claims.sub))
        }
        Err(refusal) => {
            outln!("NOT VALID: {refusal}\n");
            Ok(None)
        }
    }
}

async fn list_licenses(app: &App) -> anyhow::Result<()> {
    let page = app.read(Actor::CommandLine, |tx, _| {
        let mut rows = tx.license_page(&LicenseFilter::default(), None, LISTED)?;
        rows.truncate(usize::try_from(LISTED).unwrap_or(usize::MAX));
        Ok(rows)
    });
    let licenses: Result<_, Failure> = page.await;
    outln!("What Signet's own records say:");
    let mut shown = table::with_columns(&["license", "channel", "plan", "state", "ends", "machines", "code rev"]);
    for license in licenses? {
        let day = |at: crate::base::time::Time| at.civil().strftime("%Y-%m-%d").to_string();
        let ends = license.expiry.at().map_or_else(|| "never".to_owned(), day);
        shown.add_row([
            license.id.to_string(),
            license.channel.map(|channel| channel.to_string()).unwrap_or_default(),
            format!("{} / {}", license.product, license.plan),
            license.standing.state().as_str().to_owned(),
            ends,
            license.machines.to_string(),
            license.rev.to_string(),
        ]);
    }
    outln!("{shown}\n");
    Ok(())
}

fn where_to_look(config: &Config) {
    let url = config.server_url();
    outln!(
        "\nThe service keeps running. Open\n\
         \x20 {url}/                        what there is\n\
         \x20 {url}/l                       a customer's look at a license: paste the code above; its\n\
         \x20                              deployment is there, and a wizard that begins another (simulated)\n\
         \x20 {url}/.well-known/jwks.json   the keys that verify it\n\
         \x20 {url}/api/v1/openapi.json     the management API\n\
         Ctrl-C stops it."
    );
}
