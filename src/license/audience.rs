//! `aud` of what is signed for customers. Every kind of signed thing has its own, beside its own `typ`: a text for one
//! device can never pass for the code of a license (RFC 8725 §3.9, §3.11).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::base::slug::Slug;

use super::jws::SignedKind;

/// What follows the product in the `aud` of a device license.
const DEVICE: &str = "/device";

/// Whom a license code or a device license is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Software of the product, holding a license code: `atlas`.
    License(Slug),
    /// Software of the product on one device of a license: `atlas/device`.
    Device(Slug),
}

impl Audience {
    /// The product.
    pub fn product(&self) -> &Slug {
        match self {
            Self::License(product) | Self::Device(product) => product,
        }
    }

    /// The kind of signed text that has this audience.
    pub fn kind(&self) -> SignedKind {
        match self {
            Self::License(_) => SignedKind::LicenseCode,
            Self::Device(_) => SignedKind::DeviceLicense,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::License(product) => product.fmt(f),
            Self::Device(product) => write!(f, "{product}{DEVICE}"),
        }
    }
}

impl FromStr for Audience {
    type Err = <Slug as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_suffix(DEVICE) {
            Some(product) => product.parse().map(Self::Device),
            None => text.parse().map(Self::License),
        }
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
