//! `signet package publish`: measures the file, writes its bytes, then the row that makes them a package.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;

use crate::{
    app::App,
    base::slug::Slug,
    cli::terminal::{errln, outln},
    usecase::{
        Actor, Failure,
        package::{self, Published, Refused, Wanted},
    },
};

/// An upload that takes less than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that no row names are somebody's upload under way, until they are this old.
const ORPHAN: SignedDuration = SignedDuration::from_hours(24);

/// What to publish.
#[derive(Debug, clap::Args)]
// `--version` is the package's here.
#[command(disable_version_flag = true)]
pub struct Publish {
    /// The product
    #[arg(long)]
    product: Slug,
    /// Its version, such as 1.4.0; it never changes once published
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// Software older than this is not to be installed any more
    #[arg(long, value_name = "VERSION")]
    minimum_version: Option<String>,
    /// Days from now after which it is not to be installed any more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3_660))]
    expires_days: Option<u16>,
    /// The package: a .tar.gz that is unpacked on the customer's server
    file: PathBuf,
}

impl Publish {
    /// `file` as `version` of `product`, for good.
    pub fn new(product: Slug, version: &str, file: PathBuf) -> Self {
        Self { product, version: version.to_owned(), minimum_version: None, expires_days: None, file }
    }
}

/// Publishes.
///
/// # Errors
/// What stands against it; nothing is published then.
pub async fn run(app: &App, command: Publish, limit: u64) -> anyhow::Result<()> {
    let wanted = measured(app, &command, limit).await?;
    let look = wanted.clone();
    let check = app.read(Actor::CommandLine, move |tx, ctx| package::check(tx, ctx, &look));
    let checked: Result<Result<_, Refused>, Failure> = check.await;
    checked??;
    if !app.depot().has(&wanted.product, &wanted.sha256, wanted.size).await? {
        upload(app, &command, &wanted).await?;
    }
    let row = wanted.clone();
    let publish = app.write(Actor::CommandLine, move |tx, ctx| package::publish(tx, ctx, &row));
    let published: Result<Result<Published, Refused>, Failure> = publish.await;
    let Published { record, unchanged } = published??;
    let how = if unchanged { "is published already: nothing changed" } else { "is published" };
    outln!("{} {} {how} ({} bytes, SHA-256 {})", record.product, record.version, record.size, record.sha256);
    if let Err(error) = clean(app).await {
        errln!("signet: bytes of earlier uploads that broke off could not be removed: {error:#}");
    }
    Ok(())
}

async fn measured(app: &App, command: &Publish, limit: u64) -> anyhow::Result<Wanted> {
    let file = &command.file;
    let name = file.file_name().and_then(|name| name.to_str()).context("the file's name is not UTF-8")?.to_owned();
    let meta = std::fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?;
    if !meta.is_file() {
        bail!("{} is no file: pack the folder first, `tar czf`", file.display());
    }
    if meta.len() > limit {
        bail!("{} has {} bytes, at most {limit} are taken: see the setting `package_gib`", file.display(), meta.len());
    }
    let path = file.clone();
    let (size, sha256) = tokio::task::spawn_blocking(move || super::measure(&path)).await??;
    Ok(Wanted {
        product: command.product.clone(),
        version: command.version.clone(),
        sha256,
        size,
        file: name,
        min_version: command.minimum_version.clone(),
        expires_at: command.expires_days.map(|days| app.now().plus_days(days.into())),
    })
}

async fn upload(app: &App, command: &Publish, wanted: &Wanted) -> anyhow::Result<()> {
    let bytes = tokio::fs::File::open(&command.file).await?;
    let bar = ProgressBar::hidden();
    let style = "{bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?);
    bar.set_length(wanted.size);
    let show = |count: u64| {
        if bar.is_hidden() && bar.elapsed() > PATIENCE {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_position(count);
    };
    let put = app.depot().put(&wanted.product, &wanted.sha256, wanted.size, bytes, show).await;
    bar.finish_and_clear();
    Ok(put?)
}

/// Removes bytes that no version names: what is left of uploads that were cut off before their row was written.
async fn clean(app: &App) -> anyhow::Result<()> {
    let needed: Result<_, Failure> = app.read(Actor::CommandLine, |tx, _| package::needed(tx)).await;
    let (needed, old) = (needed?, app.now().saturating_add(-ORPHAN));
    let mut kept = std::pin::pin!(app.depot().list());
    while let Some(object) = kept.try_next().await? {
        if object.written_at < old && !needed.contains(&format!("{}/{}", object.product, object.sha256)) {
            app.depot().remove(&object).await?;
        }
    }
    Ok(())
}
