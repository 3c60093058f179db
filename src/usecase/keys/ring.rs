//! The keys of all products as the service holds them while it runs.

use std::collections::HashMap;

use crate::{
    base::{slug::Slug, time::Time},
    license::{
        jwks::Jwks,
        keys::{INSTALLATION, KeyInfo, KeyRole, KeyState, PublicKey, Signer},
        seal::MasterKey,
    },
    store::Tx,
};

use super::{Done, Failure, door::open as open_door, open, public};

/// The keys of all products, opened and ready.
#[derive(Debug, Default)]
pub struct KeyRing {
    products: HashMap<Slug, ProductKeys>,
    /// Every signing key there ever was, with its product.
    signing: HashMap<String, (Slug, KeyInfo)>,
    /// The keys of the products' doors for existing software.
    doors: HashMap<Slug, Signer>,
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
        for record in tx.door_key_list()? {
            let signer = open_door(master, &record)?;
            ring.doors.insert(record.product, signer);
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

    /// The key of the product's door for existing software. It never changes by itself: that software pins it.
    ///
    /// # Errors
    /// [`Failure::Missing`] when the product has none.
    pub fn door(&self, product: &Slug) -> Done<&Signer> {
        self.doors.get(product).ok_or_else(|| Failure::Missing(format!("product {product} has no door key")))
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
