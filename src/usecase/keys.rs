//! Signing keys: made with the product, rotated with overlap, revoked when they leak; and the numbered key
//! lists that the product's root signs at every change.

use std::collections::HashMap;

use serde_json::json;

use crate::{
    base::{ids::LicenseId, limits, secret::Key32, slug::Slug, time::Time},
    license::{
        jwks::Jwks,
        key_list,
        keys::{INSTALLATION, KeyInfo, KeyRole, KeyState, PublicKey, Signer},
        seal::{MasterKey, Purpose},
    },
    store::{KeyListRecord, LicenseFilter, SigningKeyRecord, Tx},
};

use super::{Context, Done, Failure, change, code, installation, revocations};

/// The keys of all products, opened and ready.
#[derive(Debug, Default)]
pub struct KeyRing {
    products: HashMap<Slug, ProductKeys>,
    /// Every signing key there ever was, with its product.
    signing: HashMap<String, (Slug, KeyInfo)>,
}

/// Who answers: whose keys sign, and under whose name.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// The product, or [`INSTALLATION`].
    pub product: &'a Slug,
    /// Its signing key.
    pub signer: &'a Signer,
    /// Its newest key list.
    pub list: &'a str,
}

#[derive(Debug, Default)]
struct ProductKeys {
    signer: Option<Signer>,
    debug: Option<(Signer, Time)>,
    known: Vec<KeyInfo>,
    list: Option<String>,
}

impl KeyRing {
    /// Opens every key that signs.
    ///
    /// # Errors
    /// The database's; [`Failure::Seal`] when the master key is another.
    pub fn load(tx: &mut Tx, master: &MasterKey) -> Done<Self> {
        let mut ring = Self::default();
        for record in tx.key_list(None)? {
            let keys = ring.products.entry(record.product.clone()).or_default();
            let info = KeyInfo { role: record.role, state: record.state, public: public(&record)? };
            keys.known.push(info);
            if record.role == KeyRole::Signing {
                ring.signing.insert(record.kid.clone(), (record.product.clone(), info));
            }
            match (record.role, record.state) {
                (KeyRole::Signing, KeyState::Active) => keys.signer = Some(open(master, &record)?),
                (KeyRole::Debug, KeyState::Active) => {
                    keys.debug = Some((open(master, &record)?, record.created_at));
                }
                _ => {}
            }
        }
        for (product, keys) in &mut ring.products {
            keys.list = tx.key_list_latest(product)?.map(|list| list.jws);
        }
        Ok(ring)
    }

    /// The key that signs the product's codes.
    ///
    /// # Errors
    /// [`Failure::Missing`] when the product has none.
    pub fn signer(&self, product: &Slug) -> Done<&Signer> {
        let missing = || Failure::Missing(format!("product {product} has no active signing key: `signet key rotate`"));
        self.products.get(product).and_then(|keys| keys.signer.as_ref()).ok_or_else(missing)
    }

    /// The key that signs the product's debug codes: in no published list.
    ///
    /// # Errors
    /// [`Failure::Missing`] when the product has none.
    pub fn debug_signer(&self, product: &Slug) -> Done<&Signer> {
        self.debug(product).map(|(signer, _)| signer)
    }

    /// When the product's debug key was made: the time that all its debug codes name.
    ///
    /// # Errors
    /// [`Failure::Missing`] when the product has none.
    pub fn debug_since(&self, product: &Slug) -> Done<Time> {
        self.debug(product).map(|(_, since)| *since)
    }

    fn debug(&self, product: &Slug) -> Done<&(Signer, Time)> {
        let missing = || Failure::Missing(format!("product {product} has no debug key"));
        self.products.get(product).and_then(|keys| keys.debug.as_ref()).ok_or_else(missing)
    }

    /// The keys to verify with: of one product, or of all.
    pub fn published(&self, product: Option<&Slug>) -> Jwks {
        match product {
            Some(product) => Jwks::published(self.products.get(product).into_iter().flat_map(|keys| &keys.known)),
            None => {
                let mut sorted: Vec<_> = self.products.iter().collect();
                sorted.sort_by_key(|(product, _)| *product);
                // No license code is ever signed by the installation's own key.
                sorted.retain(|(product, _)| product.as_str() != INSTALLATION);
                Jwks::published(sorted.into_iter().flat_map(|(_, keys)| &keys.known))
            }
        }
    }

    /// The signing key named `kid` and its product, revoked ones included: to recognise whose license an old code is,
    /// never to believe what it says.
    pub fn recognise(&self, kid: &str) -> Option<(&Slug, &KeyInfo)> {
        self.signing.get(kid).map(|(product, key)| (product, key))
    }

    /// Who answers a question about `asked` or about a license of `license`: the first of them that is known here, else
    /// the installation itself.
    ///
    /// # Errors
    /// [`Failure::Missing`] when keys are missing that every start makes.
    pub fn answering(&self, asked: Option<&str>, license: Option<&Slug>) -> Done<Answering<'_>> {
        let missing = || Failure::Missing("this installation has no keys of its own: start it again".to_owned());
        let asked = asked.and_then(|asked| self.ready(asked));
        asked.or_else(|| self.ready(license?.as_str())).or_else(|| self.ready(INSTALLATION)).ok_or_else(missing)
    }

    /// What signs for a product, and its newest key list.
    ///
    /// # Errors
    /// [`Failure::Missing`] when the product has none.
    pub fn of_product(&self, product: &Slug) -> Done<Answering<'_>> {
        let missing = || Failure::Missing(format!("product {product} has no active signing key: `signet key rotate`"));
        self.ready(product.as_str()).ok_or_else(missing)
    }

    fn ready(&self, name: &str) -> Option<Answering<'_>> {
        let (product, keys) = self.products.get_key_value(name)?;
        Some(Answering { product, signer: keys.signer.as_ref()?, list: keys.list.as_deref()? })
    }

    /// Whether codes signed by `kid` verify with the published keys of `product`.
    pub fn verifies(&self, product: &Slug, kid: &str) -> bool {
        let known = self.products.get(product).into_iter().flat_map(|keys| &keys.known);
        known.into_iter().any(|key| key.state.verifies() && key.public.kid() == kid)
    }

    /// The product's root, which its software pins; `None` for a product without keys.
    pub fn root(&self, product: &Slug) -> Option<&PublicKey> {
        let known = &self.products.get(product)?.known;
        known.iter().find(|key| key.role == KeyRole::Root).map(|key| &key.public)
    }

    /// Whether the installation's own keys were made.
    pub fn knows_installation(&self) -> bool {
        self.products.contains_key(INSTALLATION)
    }

    /// Whether the product has keys.
    pub fn knows(&self, product: &Slug) -> bool {
        self.products.contains_key(product)
    }
}

/// Makes the keys of a product that has none: root, signing and debug, and the first key list.
///
/// # Errors
/// The database's.
pub fn ensure(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<bool> {
    if !tx.key_list(Some(product))?.is_empty() {
        return Ok(false);
    }
    let root = Signer::generate(ctx.entropy);
    insert(tx, ctx, product, KeyRole::Root, &root)?;
    insert(tx, ctx, product, KeyRole::Signing, &Signer::generate(ctx.entropy))?;
    insert(tx, ctx, product, KeyRole::Debug, &Signer::generate(ctx.entropy))?;
    publish(tx, ctx, product, &root)?;
    Ok(true)
}

/// Makes the installation's own keys where they are missing: says whether it did.
///
/// # Errors
/// The database's.
pub fn ensure_installation(tx: &mut Tx, ctx: Context) -> Done<bool> {
    let name = || Failure::Missing(format!("`{INSTALLATION}` is no slug"));
    let own: Slug = INSTALLATION.parse().map_err(|_| name())?;
    if !tx.key_list(Some(&own))?.is_empty() {
        return Ok(false);
    }
    let root = Signer::generate(ctx.entropy);
    insert(tx, ctx, &own, KeyRole::Root, &root)?;
    insert(tx, ctx, &own, KeyRole::Signing, &Signer::generate(ctx.entropy))?;
    publish(tx, ctx, &own, &root)?;
    installation::raise_revision(tx)?;
    Ok(true)
}

/// Makes a new signing key; the one before verifies from now on and signs no more. `root` is the root's seed when
/// it is kept offline.
///
/// # Errors
/// The database's; [`Failure::Missing`] when the root is neither here nor given, or is another product's.
pub fn rotate(tx: &mut Tx, ctx: Context, product: &Slug, root: Option<&Key32>) -> Done<String> {
    let root = root_signer(tx, ctx, product, root)?;
    for record in tx.key_list(Some(product))? {
        if (record.role, record.state) == (KeyRole::Signing, KeyState::Active) {
            tx.key_update_state(&record.kid, KeyState::VerifyOnly, ctx.now)?;
        }
    }
    let signer = Signer::generate(ctx.entropy);
    insert(tx, ctx, product, KeyRole::Signing, &signer)?;
    publish(tx, ctx, product, &root)?;
    installation::raise_revision(tx)?;
    Ok(signer.kid().to_owned())
}

/// Revokes a signing key: codes it signed no longer verify. An active key must be rotated first, so that the
/// product is never without one.
///
/// # Errors
/// The database's; [`Failure::Missing`] says what stands against it.
pub fn revoke(tx: &mut Tx, ctx: Context, kid: &str, root: Option<&Key32>) -> Done<Slug> {
    let record = tx.key_find(kid)?.ok_or_else(|| Failure::Missing(format!("there is no key {kid}")))?;
    if record.role != KeyRole::Signing || record.state != KeyState::VerifyOnly {
        let (role, state) = (record.role.as_str(), record.state.as_str());
        return Err(Failure::Missing(format!(
            "key {kid} is a {role} key in state {state}: only a signing key that was rotated out can be revoked"
        )));
    }
    let root = root_signer(tx, ctx, &record.product, root)?;
    tx.key_update_state(kid, KeyState::Revoked, ctx.now)?;
    publish(tx, ctx, &record.product, &root)?;
    revocations::revoke_key(tx, ctx, &record.product, kid)?;
    installation::raise_revision(tx)?;
    Ok(record.product)
}

/// Signs anew the codes of one page of a product's licenses whose key was revoked, after the license `after`; answers
/// how many it signed and where to go on.
///
/// # Errors
/// The database's; a missing signing key.
pub fn sign_anew(
    tx: &mut Tx,
    ctx: Context,
    product: &Slug,
    after: Option<LicenseId>,
) -> Done<(usize, Option<LicenseId>)> {
    let filter = LicenseFilter { product: Some(product.clone()), ..LicenseFilter::default() };
    let page = tx.license_page(&filter, after, limits::PAGE_ROWS)?;
    let last = page.last().map(|license| license.id);
    let mut signed = 0;
    for mut license in page {
        let Some(plan) = ctx.installation.catalog.plan(&license.product, &license.plan) else { continue };
        let before = license.clone();
        if code::sign_if_changed(tx, ctx, &mut license, plan)? {
            license.updated_at = ctx.now;
            tx.license_update(&license)?;
            let revoked = revocations::follow(tx, ctx, &before, &license)?;
            let mut detail = json!({ "rev": { "from": before.rev, "to": license.rev }, "why": "its key was revoked" });
            if !revoked.is_empty() {
                detail["revoked_revs"] = json!(revoked);
            }
            change::record(tx, ctx, &license, "code_signed_anew", detail)?;
            signed += 1;
        }
    }
    Ok((signed, last))
}

/// The public half of the product's root: what the merchant's software pins.
///
/// # Errors
/// The database's; [`Failure::Missing`] when the product has no keys.
pub fn root_public(tx: &mut Tx, product: &Slug) -> Done<PublicKey> {
    public(&root_record(tx, product)?)
}

/// The product's root seed, to be written down and kept elsewhere.
///
/// # Errors
/// The database's; [`Failure::Missing`] when it was taken out before.
pub fn root_seed(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<Key32> {
    root_signer(tx, ctx, product, None).map(|root| root.seed())
}

/// Forgets the product's root seed: from now on only who holds it can rotate and revoke.
///
/// # Errors
/// The database's; [`Failure::Missing`] when it is not here.
pub fn forget_root(tx: &mut Tx, ctx: Context, product: &Slug) -> Done<()> {
    let root = root_signer(tx, ctx, product, None)?;
    Ok(tx.key_forget_seed(root.kid(), ctx.now)?)
}

fn root_signer(tx: &mut Tx, ctx: Context, product: &Slug, given: Option<&Key32>) -> Done<Signer> {
    let record = root_record(tx, product)?;
    let Some(seed) = given else {
        if record.sealed_seed.is_none() {
            return Err(Failure::Missing(format!("the root of {product} is kept offline: name its file")));
        }
        return open(&ctx.installation.master, &record);
    };
    let signer = Signer::from_seed(seed);
    if signer.kid() == record.kid {
        Ok(signer)
    } else {
        Err(Failure::Missing(format!("the given root is not that of product {product}")))
    }
}

fn root_record(tx: &mut Tx, product: &Slug) -> Done<SigningKeyRecord> {
    let mut keys = tx.key_list(Some(product))?.into_iter();
    keys.find(|key| key.role == KeyRole::Root)
        .ok_or_else(|| Failure::Missing(format!("product {product} has no keys: apply a catalog with it first")))
}

fn insert(tx: &mut Tx, ctx: Context, product: &Slug, role: KeyRole, signer: &Signer) -> Done<()> {
    let seed = signer.seed();
    let sealed = ctx.installation.master.seal(Purpose::SigningSeed, signer.kid(), seed.expose(), ctx.entropy);
    Ok(tx.key_insert(&SigningKeyRecord {
        kid: signer.kid().to_owned(),
        product: product.clone(),
        role,
        state: KeyState::Active,
        public_key: signer.public().as_bytes().to_vec(),
        sealed_seed: Some(sealed),
        created_at: ctx.now,
        changed_at: ctx.now,
    })?)
}

/// Signs and stores the product's next key list.
fn publish(tx: &mut Tx, ctx: Context, product: &Slug, root: &Signer) -> Done<()> {
    let number = tx.key_list_latest(product)?.map_or(1, |latest| latest.number + 1);
    let known = tx
        .key_list(Some(product))?
        .iter()
        .map(|record| Ok(KeyInfo { role: record.role, state: record.state, public: public(record)? }))
        .collect::<Done<Vec<_>>>()?;
    let issuer = &ctx.installation.issuer;
    let claims = key_list::claims(issuer, product, root.public(), number.unsigned_abs(), ctx.now, &known);
    let signed = key_list::sign(&claims, root).map_err(|error| Failure::Missing(error.to_string()))?;
    let list = KeyListRecord { product: product.clone(), number, jws: signed.text(), created_at: ctx.now };
    Ok(tx.key_list_insert(&list)?)
}

fn open(master: &MasterKey, record: &SigningKeyRecord) -> Done<Signer> {
    let missing = || Failure::Missing(format!("the seed of key {} is not here", record.kid));
    let sealed = record.sealed_seed.as_deref().ok_or_else(missing)?;
    let seed = master.open(Purpose::SigningSeed, &record.kid, sealed)?;
    let seed = <[u8; 32]>::try_from(seed.as_slice()).map_err(|_| missing())?;
    Ok(Signer::from_seed(&Key32::new(seed)))
}

fn public(record: &SigningKeyRecord) -> Done<PublicKey> {
    let wrong = |()| Failure::Missing(format!("the public half of key {} is no point", record.kid));
    let bytes = <&[u8; 32]>::try_from(record.public_key.as_slice()).map_err(|_| wrong(()))?;
    PublicKey::from_bytes(bytes).map_err(|_| wrong(()))
}
