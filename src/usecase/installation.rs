//! The installation: catalog, keys and addresses, as one snapshot that a whole use case works with.
//!
//! Every change of catalog or keys raises a revision in the database. A transaction that finds another
//! revision than its snapshot's stops with [`Failure::Stale`]; the caller loads anew and tries again. So several
//! servers on one database never sign with a key, or sell by a catalog, that was replaced before.

use std::collections::HashMap;

use crate::{
    base::{secret::SecretString, slug::Slug},
    catalog::{Catalog, CatalogIndex},
    license::{
        plan::ExpirySlack,
        seal::{MasterKey, Purpose},
    },
    marketplace::koogallery::debug as published,
    store::Tx,
};

use super::{Done, Failure, keys::KeyRing, revocations::Kept};

/// Name of the row that counts changes of catalog and keys.
const REVISION: &str = "installation_revision";
/// Name of the row that remembers the server's public address.
const PUBLIC_URL: &str = "public_url";
/// Name of the row by which the right master key is recognised.
const MASTER_CHECK: &str = "master_key_check";

/// A snapshot of everything that use cases read and rarely changes.
#[derive(Debug)]
pub struct Installation {
    /// The revision it was loaded at.
    pub revision: u64,
    /// What is sold, and where.
    pub catalog: CatalogIndex,
    /// The products' keys.
    pub keys: KeyRing,
    /// The master key, under which everything secret is sealed.
    pub master: MasterKey,
    /// Public address of this service, without a slash at its end; `iss` of everything signed.
    pub issuer: String,
    /// The channels' access keys, as far as they could be read.
    pub access_keys: HashMap<Slug, SecretString>,
    /// Their keys for the marketplace's open interfaces, as far as they could be read.
    pub open_api_keys: HashMap<Slug, OpenApiKeys>,
    /// Revocation lists that were signed with these keys.
    pub revocations: Kept,
}

/// What signs calls to the marketplace's open interfaces.
#[derive(Debug, Clone)]
pub struct OpenApiKeys {
    /// The access key id.
    pub access_key: SecretString,
    /// The secret key.
    pub secret_key: SecretString,
}

impl Installation {
    /// Loads the snapshot. `access_keys` are read outside: they come from files and the environment.
    ///
    /// # Errors
    /// The database's; a sealed key that does not open.
    pub fn load(tx: &mut Tx, master: &MasterKey, issuer: &str) -> Done<Self> {
        let catalog = match tx.catalog_latest()? {
            Some(record) => serde_json::from_str(&record.body)
                .map_err(|error| Failure::Missing(format!("the stored catalog cannot be read: {error}")))?,
            None => Catalog::default(),
        };
        Ok(Self {
            revision: revision(tx)?,
            catalog: CatalogIndex::new(catalog),
            keys: KeyRing::load(tx, master)?,
            master: master.clone(),
            issuer: issuer.to_owned(),
            access_keys: HashMap::new(),
            open_api_keys: HashMap::new(),
            revocations: Kept::default(),
        })
    }

    /// Stops a transaction whose snapshot is out of date.
    ///
    /// # Errors
    /// [`Failure::Stale`], and the database's.
    pub fn check_current(&self, tx: &mut Tx) -> Done<()> {
        if revision(tx)? == self.revision { Ok(()) } else { Err(Failure::Stale) }
    }

    /// Address of the page where customers type what they have of their license.
    pub fn customer_page(&self) -> String {
        format!("{}/l", self.issuer)
    }

    /// Whether `id` was born in a debug call of `channel`, or is one the marketplace publishes for debugging.
    pub fn is_debug_instance(&self, channel: &Slug, id: &str) -> bool {
        self.master.is_debug_instance_id(channel, id) || published::is_debug_instance_id(id)
    }

    /// The secret from which initialisation vectors of answered credentials derive.
    pub fn credential_seed(&self) -> [u8; 32] {
        self.master.lookup(Purpose::CredentialIv, b"")
    }

    /// The slack of a plan; the default's when the catalog no longer has it.
    pub fn slack(&self, product: &Slug, plan: &Slug) -> ExpirySlack {
        self.catalog.plan(product, plan).map(|plan| plan.expiry_slack).unwrap_or_default()
    }
}

/// Says that catalog or keys changed.
///
/// # Errors
/// The database's.
pub fn raise_revision(tx: &mut Tx) -> Done<()> {
    let next = revision(tx)? + 1;
    Ok(tx.meta_set(REVISION, &next.to_string())?)
}

fn revision(tx: &mut Tx) -> Done<u64> {
    let Some(text) = tx.meta_get(REVISION)? else { return Ok(0) };
    text.parse().map_err(|_| Failure::Missing(format!("the revision `{text}` is not a number")))
}

/// The public address that a server used last.
///
/// # Errors
/// The database's.
pub fn remembered_url(tx: &mut Tx) -> Done<Option<String>> {
    Ok(tx.meta_get(PUBLIC_URL)?)
}

/// Remembers the public address of a server; answers the one before.
///
/// # Errors
/// The database's.
pub fn remember_url(tx: &mut Tx, url: &str) -> Done<Option<String>> {
    let before = tx.meta_get(PUBLIC_URL)?;
    tx.meta_set(PUBLIC_URL, url)?;
    Ok(before)
}

/// How the master key at hand stands to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MasterKeyFit {
    /// The database holds nothing sealed: any key will do, also a new one.
    Unused,
    /// The database was sealed under this key.
    Right,
    /// The database was sealed under another key.
    Wrong,
}

/// Whether the database holds anything sealed: then a missing master key is a reason not to start.
///
/// # Errors
/// The database's.
pub fn is_sealed(tx: &mut Tx) -> Done<bool> {
    Ok(tx.meta_get(MASTER_CHECK)?.is_some() || tx.key_any_sealed()?)
}

/// Compares the master key with the database, and makes the two belong together when the database is fresh.
///
/// # Errors
/// The database's.
pub fn fit_master_key(tx: &mut Tx, master: &MasterKey) -> Done<MasterKeyFit> {
    let value = master.check_value();
    match tx.meta_get(MASTER_CHECK)? {
        Some(stored) if stored == value => Ok(MasterKeyFit::Right),
        Some(_) => Ok(MasterKeyFit::Wrong),
        None if tx.key_any_sealed()? => Ok(MasterKeyFit::Wrong),
        None => {
            tx.meta_insert_if_absent(MASTER_CHECK, &value)?;
            Ok(MasterKeyFit::Unused)
        }
    }
}
