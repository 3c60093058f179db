//! The kinds of signed documents.

use alloc::{format, string::String};

/// What a signed document is. Every kind has its own `typ` and its own `aud`, and a reader names the kind it
/// expects: a lease can never pass for a license code (RFC 8725 §3.11 and §3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A license code.
    LicenseCode,
    /// A license code for one device of a license.
    DeviceCode,
    /// The short-lived permission that an activated machine holds.
    Lease,
    /// The answer to "may this license run?".
    Validation,
    /// A license as a file, bound to machines, with an end of its own.
    LicenseFile,
    /// The numbered list of what no longer holds.
    Revocations,
    /// The numbered list of a product's signing keys, signed by its root key.
    KeyList,
    /// What a package of software is: its version, its digest, and until when it may be installed.
    Package,
}

impl Kind {
    /// Every kind, for tests that feed each to every other reader.
    pub const ALL: [Self; 8] = [
        Self::LicenseCode,
        Self::DeviceCode,
        Self::Lease,
        Self::Validation,
        Self::LicenseFile,
        Self::Revocations,
        Self::KeyList,
        Self::Package,
    ];

    /// `typ` of the header (RFC 7515 §4.1.9).
    pub fn typ(self) -> &'static str {
        match self {
            Self::LicenseCode => "license+jwt",
            Self::DeviceCode => "device-license+jwt",
            Self::Lease => "lease+jwt",
            Self::Validation => "validation+jwt",
            Self::LicenseFile => "license-file+jwt",
            Self::Revocations => "revocations+jwt",
            Self::KeyList => "keys+jwt",
            Self::Package => "package+jwt",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LicenseCode => "license code",
            Self::DeviceCode => "license of one device",
            Self::Lease => "lease",
            Self::Validation => "signed answer",
            Self::LicenseFile => "license file",
            Self::Revocations => "revocation list",
            Self::KeyList => "key list",
            Self::Package => "package manifest",
        }
    }

    /// `aud` of the payload for `product` (RFC 7519 §4.1.3): the product itself for a license code, a name below
    /// it for everything else. A slash cannot stand in a product's name, so no two are alike.
    pub fn audience(self, product: &str) -> String {
        match self.below() {
            None => product.into(),
            Some(below) => format!("{product}/{below}"),
        }
    }

    /// The product in an `aud` of this kind.
    pub fn product_of(self, audience: &str) -> Option<&str> {
        let (product, below) = match audience.split_once('/') {
            Some((product, below)) => (product, Some(below)),
            None => (audience, None),
        };
        let own = !product.is_empty() && self.below() == below;
        own.then_some(product)
    }

    /// What stands below the product in an `aud`.
    fn below(self) -> Option<&'static str> {
        match self {
            Self::LicenseCode => None,
            Self::DeviceCode => Some("device"),
            Self::Lease => Some("lease"),
            Self::Validation => Some("validation"),
            Self::LicenseFile => Some("license-file"),
            Self::Revocations => Some("revocations"),
            Self::KeyList => Some("keys"),
            Self::Package => Some("package"),
        }
    }

    /// Characters that a document of this kind may have.
    pub fn max_chars(self) -> usize {
        match self {
            // What the marketplace is known to carry.
            Self::LicenseCode | Self::DeviceCode => 1_023,
            Self::Package => 4 * 1024,
            Self::Lease => 8 * 1024,
            // With what became of a hundred reports of usage.
            Self::Validation => 32 * 1024,
            Self::KeyList => 16 * 1024,
            Self::LicenseFile => 64 * 1024,
            Self::Revocations => 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_name_or_an_audience() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.product_of(&kind.audience("atlas")), Some("atlas"));
            assert_eq!(kind.product_of(&kind.audience("")), None);
            for other in &Kind::ALL[index + 1..] {
                assert_ne!(kind.typ(), other.typ());
                assert_eq!(other.product_of(&kind.audience("atlas")), None, "{kind:?} {other:?}");
            }
        }
    }
}
