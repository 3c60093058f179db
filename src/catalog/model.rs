//! The catalog as a document, and the look-ups that calls need.

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{
    base::slug::Slug,
    license::plan::{Plan, Product},
    marketplace::{
        event::PlanRef,
        koogallery::{credentials::EncryptType, open::site::Site, signature::ClockWindows},
    },
    provision::recipe::Recipe,
};

/// Everything that is sold, and where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// Products with their plans.
    pub products: Vec<Product>,
    /// Marketplace connections.
    pub channels: Vec<Channel>,
    /// How products are deployed, by their names. A product without one is not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recipes: BTreeMap<Slug, Recipe>,
}

/// One marketplace connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name: the last part of its address.
    pub slug: Slug,
    /// Which marketplace.
    #[serde(default)]
    pub kind: ChannelKind,
    /// The products sold through it.
    pub products: Vec<Slug>,
    /// Where the access key (Key值) is.
    pub access_key: SecretRef,
    /// Seconds that a V1 call's time may be off.
    pub window_v1_seconds: u32,
    /// Seconds that a V2 call's time may be off.
    pub window_v2_seconds: u32,
    /// The plan of purchases whose call carries only ids.
    pub default_plan: Option<PlanName>,
    /// The plan by which debug calls are answered; by default the first.
    pub debug_plan: Option<PlanName>,
    /// Instance ids that debug calls of this channel use.
    pub debug_ids: Vec<String>,
    /// How SaaS 1.0 credentials are encrypted.
    #[serde(with = "encrypt_type")]
    pub encrypt_type: EncryptType,
    /// Access to the marketplace's own interface.
    pub open_api: Option<OpenApi>,
}

/// Which marketplace a channel leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Huawei KooGallery (云商店).
    #[default]
    Koogallery,
    /// Alibaba Cloud Marketplace (阿里云云市场).
    Alibaba,
    /// The merchant's own shop.
    Shop,
}

impl ChannelKind {
    /// The name in the catalog file, and in the channel's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Koogallery => "koogallery",
            Self::Alibaba => "alibaba",
            Self::Shop => "shop",
        }
    }
}

/// `product/plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanName {
    /// The product.
    pub product: Slug,
    /// The plan.
    pub plan: Slug,
}

/// Where a secret is: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// In an environment variable of the server.
    Env(String),
    /// In a file; a relative path starts at the data folder.
    File(String),
}

/// Credentials of the marketplace's open interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenApi {
    /// Where the access key id is.
    pub access_key: SecretRef,
    /// Where the secret key is.
    pub secret_key: SecretRef,
    /// Which marketplace.
    pub host: Site,
}

impl Channel {
    /// Where the marketplace calls, below the service's public address.
    pub fn path(&self) -> String {
        format!("/marketplace/{}/{}", self.kind.as_str(), self.slug)
    }

    /// How far the time inside a call may lie from ours.
    pub fn windows(&self) -> ClockWindows {
        ClockWindows {
            v1: SignedDuration::from_secs(self.window_v1_seconds.into()),
            v2: SignedDuration::from_secs(self.window_v2_seconds.into()),
        }
    }
}

mod encrypt_type {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::EncryptType;

    pub fn serialize<S: Serializer>(kind: &EncryptType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match kind {
            EncryptType::Aes128 => "aes128",
            EncryptType::Aes256 => "aes256",
        })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EncryptType, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "aes128" => Ok(EncryptType::Aes128),
            "aes256" => Ok(EncryptType::Aes256),
            other => Err(serde::de::Error::custom(format!("`{other}` is neither aes128 nor aes256"))),
        }
    }
}

/// The plan that marketplace ids name.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanMatch<'a> {
    /// This one.
    Found(&'a Product, &'a Plan),
    /// None; says which ids were named.
    Unknown(String),
}

/// A catalog with its look-ups built.
#[derive(Debug, Default)]
pub struct CatalogIndex {
    catalog: Catalog,
    product_ids: HashMap<String, (usize, usize)>,
    sku_codes: HashMap<String, (usize, usize)>,
}

impl CatalogIndex {
    /// Builds the look-ups.
    pub fn new(catalog: Catalog) -> Self {
        let mut index = Self::default();
        for (at, product) in catalog.products.iter().enumerate() {
            for (plan_at, plan) in product.plans.iter().enumerate() {
                index.product_ids.extend(plan.product_ids.iter().map(|id| (id.clone(), (at, plan_at))));
                index.sku_codes.extend(plan.sku_codes.iter().map(|id| (id.clone(), (at, plan_at))));
            }
        }
        Self { catalog, ..index }
    }

    /// The document.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The product.
    pub fn product(&self, slug: &Slug) -> Option<&Product> {
        self.catalog.products.iter().find(|product| product.slug == *slug)
    }

    /// The plan of a product.
    pub fn plan(&self, product: &Slug, plan: &Slug) -> Option<&Plan> {
        self.product(product)?.plans.iter().find(|it| it.slug == *plan)
    }

    /// How the product is deployed.
    pub fn recipe(&self, slug: &Slug) -> Option<&Recipe> {
        self.catalog.recipes.get(slug)
    }

    /// The channel.
    pub fn channel(&self, slug: &Slug) -> Option<&Channel> {
        self.catalog.channels.iter().find(|channel| channel.slug == *slug)
    }

    /// The plan that a call on `channel` names, among the channel's products: by `productId`, else by `skuCode`.
    ///
    /// A plan that lists product ids is sold under these only: the same specification under an id the catalog does not
    /// know may be another period, and somebody must look before it is sold. A plan that lists only `skuCode`s is
    /// found by them whatever the `productId`.
    pub fn plan_for(&self, channel: &Channel, wanted: &PlanRef) -> PlanMatch<'_> {
        // A shop knows plans by their names here.
        if channel.kind == ChannelKind::Shop {
            let named = wanted.sku_code.as_deref().and_then(|name| name.split_once('/'));
            let named = named.and_then(|(product, plan)| Some((product.parse().ok()?, plan.parse().ok()?)));
            let named: Option<(Slug, Slug)> = named.filter(|(product, _)| channel.products.contains(product));
            let found = named.and_then(|(product, plan)| self.product(&product).zip(self.plan(&product, &plan)));
            return found.map_or_else(
                || PlanMatch::Unknown(described(wanted)),
                |(product, plan)| PlanMatch::Found(product, plan),
            );
        }
        let by_product = wanted.product_id.as_ref().and_then(|id| self.product_ids.get(id));
        let by_sku = || wanted.sku_code.as_ref().and_then(|code| self.sku_codes.get(code));
        let found = by_product.or_else(by_sku).and_then(|&(product, plan)| {
            let product = self.catalog.products.get(product)?;
            Some((product, product.plans.get(plan)?))
        });
        match found {
            Some((product, plan))
                if channel.products.contains(&product.slug)
                    && (by_product.is_some() || wanted.product_id.is_none() || plan.product_ids.is_empty()) =>
            {
                PlanMatch::Found(product, plan)
            }
            _ => PlanMatch::Unknown(described(wanted)),
        }
    }

    /// The channel's plan for purchases whose call carries only ids.
    pub fn default_plan(&self, channel: &Channel) -> Option<(&Product, &Plan)> {
        self.named(channel.default_plan.as_ref()?)
    }

    /// The plan by which the channel's debug calls are answered: the one it names, else the first it sells.
    pub fn debug_plan(&self, channel: &Channel) -> Option<(&Product, &Plan)> {
        match &channel.debug_plan {
            Some(name) => self.named(name),
            None => {
                let product = self.product(channel.products.first()?)?;
                Some((product, product.plans.first()?))
            }
        }
    }

    fn named(&self, name: &PlanName) -> Option<(&Product, &Plan)> {
        Some((self.product(&name.product)?, self.plan(&name.product, &name.plan)?))
    }
}

fn described(wanted: &PlanRef) -> String {
    match (&wanted.product_id, &wanted.sku_code) {
        (Some(product), Some(sku)) => format!("productId {product}, skuCode {sku}"),
        (Some(product), None) => format!("productId {product}"),
        (None, Some(sku)) => format!("skuCode {sku}"),
        (None, None) => "(no productId and no skuCode)".to_owned(),
    }
}
