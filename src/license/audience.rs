//! `aud` of what is signed for customers. Every kind of signed thing has its own, beside its own `typ`: a text for one
//! device can never pass for the code of a license (RFC 8725 §3.9, §3.11).

use std::{fmt, str::FromStr};

use signet_verify::kind::Kind;

use crate::base::slug::Slug;

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
    pub fn kind(&self) -> Kind {
        match self {
            Self::License(_) => Kind::LicenseCode,
            Self::Device(_) => Kind::DeviceCode,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind().audience(self.product().as_str()))
    }
}

impl FromStr for Audience {
    type Err = <Slug as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Kind::DeviceCode.product_of(text) {
            Some(product) => product.parse().map(Self::Device),
            None => text.parse().map(Self::License),
        }
    }
}
