//! `signet key list|root|door|rotate|rotate-door|revoke|take-root`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::{
    app::App,
    base::{ids::LicenseId, secret::Key32, slug::Slug},
    config::Config,
    license::keys::PublicKey,
    store::{Access, SigningKeyRecord},
    usecase::{Actor, Failure, keys},
};

use super::{
    open, secret_file, table,
    terminal::{errln, outln},
};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the keys of all products
    List,
    /// Print the public half of a product's root: what software pins to verify everything else by
    Root {
        /// The product
        product: Slug,
    },
    /// Print what software written for Keygen is pointed at: address, account, and the public key it pins
    Door {
        /// The product
        product: Slug,
    },
    /// Make a new signing key; the one before verifies from now on and signs no more
    Rotate {
        /// The product
        product: Slug,
        /// File with the root's seed, when the root is kept offline
        #[arg(long)]
        root: Option<PathBuf>,
    },
    /// Give a product's door another key: all software that pins the one before refuses the door until it is changed too
    RotateDoor {
        /// The product
        product: Slug,
        /// Do it: there is no way back
        #[arg(long)]
        yes: bool,
    },
    /// Revoke a signing key that was rotated out: codes it signed no longer verify
    Revoke {
        /// Its kid
        // One in 64 begins with a dash.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// File with the root's seed, when the root is kept offline
        #[arg(long)]
        root: Option<PathBuf>,
    },
    /// Take the product's root offline: writes its seed to a file and forgets it here
    TakeRoot {
        /// The product
        product: Slug,
        /// A new file, made with mode 0600
        file: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// The database's; what stands against it.
pub async fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let app = open::open(&config, Access::Tool).await?;
    match command {
        Command::List => {
            let keys: Result<Vec<SigningKeyRecord>, Failure> =
                app.read(Actor::CommandLine, |tx, _| Ok(tx.key_list(None)?)).await;
            outln!("{}", listed(&keys?));
        }
        Command::Root { product } => {
            let root: Result<PublicKey, Failure> =
                app.read(Actor::CommandLine, move |tx, _| keys::root_public(tx, &product)).await;
            outln!("{}", root?.x());
        }
        Command::Door { product } => {
            let installation = app.installation();
            let door = installation.keys.door(&product)?;
            outln!("api_url     {}/keygen/{product}", app.public_url());
            outln!("account     {product}");
            outln!("public_key  {}", HEXLOWER.encode(door.public().as_bytes()));
        }
        Command::Rotate { product, root } => {
            let root = root.as_deref().map(read_seed).transpose()?;
            let rotate = app.write(Actor::CommandLine, move |tx, ctx| keys::rotate(tx, ctx, &product, root.as_ref()));
            let kid: Result<String, Failure> = rotate.await;
            outln!("new codes are signed by {}", kid?);
        }
        Command::RotateDoor { product, yes } => {
            anyhow::ensure!(
                yes,
                "software that pins the door key of {product} would refuse every answer from now on, and the files and signed \
                 keys that it has would no longer be believed; ship the new key with it and say --yes"
            );
            let named = product.clone();
            let rotate = app.write(Actor::CommandLine, move |tx, ctx| keys::rotate_door(tx, ctx, &named));
            let public: Result<Vec<u8>, Failure> = rotate.await;
            outln!("{}", HEXLOWER.encode(&public?));
            errln!("the door of {product} has this key from now on: give it to all software that pins the one before");
        }
        Command::Revoke { kid, root } => {
            let root = root.as_deref().map(read_seed).transpose()?;
            let named = kid.clone();
            let revoke = app.write(Actor::CommandLine, move |tx, ctx| keys::revoke(tx, ctx, &named, root.as_ref()));
            let product: Result<Slug, Failure> = revoke.await;
            let product = product?;
            outln!("key {kid} of {product} is revoked");
            app.reload().await?;
            outln!("{} license codes signed anew", sign_anew(&app, &product).await?);
        }
        Command::TakeRoot { product, file } => {
            // The file first: a seed that was forgotten before it was written down would be lost.
            let (named, path) = (product.clone(), file.clone());
            let seed: Result<Key32, Failure> =
                app.read(Actor::CommandLine, move |tx, ctx| keys::root_seed(tx, ctx, &named)).await;
            write_seed(&path, &seed?)?;
            let named = product.clone();
            let forget = app.write(Actor::CommandLine, move |tx, ctx| keys::forget_root(tx, ctx, &named));
            let forgotten: Result<(), Failure> = forget.await;
            forgotten?;
            outln!("the root of {product} is in {} and no longer here: keep it safe and apart", file.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives every license whose code was signed by a revoked key a new code, page by page.
async fn sign_anew(app: &App, product: &Slug) -> Result<usize, Failure> {
    let (mut signed, mut after) = (0, None);
    loop {
        let named = product.clone();
        let page = app.write(Actor::CommandLine, move |tx, ctx| keys::sign_anew(tx, ctx, &named, after));
        let (count, last): (usize, Option<LicenseId>) = page.await?;
        signed += count;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(signed),
        }
    }
}

fn listed(keys: &[SigningKeyRecord]) -> comfy_table::Table {
    let mut shown = table::with_columns(&["product", "role", "state", "kid", "made", "changed", "seed"]);
    for key in keys {
        let seed = if key.sealed_seed.is_some() { "here, sealed" } else { "offline" };
        shown.add_row([
            key.product.to_string(),
            key.role.as_str().to_owned(),
            key.state.as_str().to_owned(),
            key.kid.clone(),
            key.created_at.to_string(),
            key.changed_at.to_string(),
            seed.to_owned(),
        ]);
    }
    shown
}

fn read_seed(file: &Path) -> anyhow::Result<Key32> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let bytes = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    Ok(Key32::new(bytes.with_context(|| format!("{} does not hold 64 hexadecimal characters", file.display()))?))
}

fn write_seed(file: &Path, seed: &Key32) -> anyhow::Result<()> {
    let text = Zeroizing::new(format!("{}\n", HEXLOWER.encode(seed.expose())));
    secret_file::create(file, &text).with_context(|| format!("{} cannot be written", file.display()))
}
