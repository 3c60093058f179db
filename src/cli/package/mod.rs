//! `signet package publish|list|withdraw|verify|export`.

mod export;
pub(super) mod publish;

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    base::slug::Slug,
    config::Config,
    store::{Access, PackageRecord},
    usecase::{Actor, Failure, package},
};

use super::{open, table, terminal::outln};

/// What to do with packages.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish a version: what customers deploy from now on
    Publish(publish::Publish),
    /// List what is published
    List {
        /// Of this product only
        #[arg(long)]
        product: Option<Slug>,
    },
    /// Withdraw a version: nobody installs it any more
    #[command(disable_version_flag = true)]
    Withdraw {
        /// The product
        #[arg(long)]
        product: Slug,
        /// The version
        #[arg(long, value_name = "VERSION")]
        version: String,
    },
    /// Check that the package store holds what was published, or that a file is the version it claims to be
    #[command(disable_version_flag = true)]
    Verify {
        /// The product
        #[arg(long)]
        product: Slug,
        /// The version
        #[arg(long, value_name = "VERSION")]
        version: String,
        /// A file to compare, in place of what the package store holds
        file: Option<PathBuf>,
    },
    /// Write the archive and the template for the marketplace's own deployment
    Export(export::Export),
}

/// Runs the command.
///
/// # Errors
/// The database's, the package store's; what stands against it.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let app = open::open(&config, Access::Tool).await?;
    match command {
        Command::Publish(command) => publish::run(&app, command, config.package_bytes).await?,
        Command::List { product } => {
            let list: Result<Vec<PackageRecord>, Failure> =
                app.read(Actor::CommandLine, move |tx, _| Ok(tx.package_list(product.as_ref())?)).await;
            outln!("{}", listed(&app, &list?));
        }
        Command::Withdraw { product, version } => {
            let withdraw = app.write(Actor::CommandLine, move |tx, ctx| package::withdraw(tx, ctx, &product, &version));
            let withdrawn: Result<_, Failure> = withdraw.await;
            let record = withdrawn??;
            outln!("{} {} is withdrawn: no deployment installs it any more", record.product, record.version);
        }
        Command::Export(command) => export::run(&app, command).await?,
        Command::Verify { product, version, file } => verify(&app, product, version, file.as_deref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(app: &App, list: &[PackageRecord]) -> comfy_table::Table {
    let mut table = table::with_columns(&["PRODUCT", "VERSION", "STATE", "BYTES", "SHA-256", "PUBLISHED"]);
    for it in list {
        let state = match (it.withdrawn_at, it.expires_at) {
            (Some(_), _) => "withdrawn",
            (None, Some(end)) if end <= app.now() => "expired",
            _ => "published",
        };
        table.add_row([
            it.product.to_string(),
            it.version.clone(),
            state.to_owned(),
            it.size.to_string(),
            it.sha256.clone(),
            it.published_at.to_string(),
        ]);
    }
    table
}

async fn verify(app: &App, product: Slug, version: String, file: Option<&Path>) -> anyhow::Result<()> {
    let wanted = (product.clone(), version.clone());
    let find = app.read(Actor::CommandLine, move |tx, _| Ok(tx.package_find(&wanted.0, &wanted.1)?));
    let found: Result<Option<PackageRecord>, Failure> = find.await;
    let Some(record) = found? else { bail!("there is no version {version} of {product}: see `signet package list`") };
    let (size, sha256) = match file {
        Some(file) => measure(file)?,
        None => {
            let mut reading = app.depot().read(&product, &record.sha256, None).await?;
            let mut hash = Sha256::new();
            while let Some(piece) = futures_util::TryStreamExt::try_next(&mut reading.stream).await? {
                hash.update(&piece);
            }
            (reading.size, HEXLOWER.encode(&hash.finalize()))
        }
    };
    if (size, &sha256) != (record.size.unsigned_abs(), &record.sha256) {
        bail!(
            "it is not {product} {version}: that has {} bytes and SHA-256 {}, this has {size} bytes and SHA-256 {sha256}",
            record.size,
            record.sha256
        );
    }
    outln!("it is {product} {version}: {size} bytes, SHA-256 {sha256}");
    Ok(())
}

/// Size and SHA-256 of a file.
fn measure(file: &Path) -> anyhow::Result<(u64, String)> {
    let unreadable = || format!("{} cannot be read", file.display());
    let mut source = File::open(file).with_context(unreadable)?;
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1024 * 1024]);
    loop {
        let count = source.read(&mut buffer).with_context(unreadable)?;
        if count == 0 {
            return Ok((size, HEXLOWER.encode(&hash.finalize())));
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
}
