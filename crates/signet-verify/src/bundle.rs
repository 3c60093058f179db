//! What travels between machines: one JSON object with the texts that there are.
//!
//! A license file (`.lic`), the response to an offline activation and the state of a client are bundles.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    claims::{CodeClaims, LeaseClaims, LicenseFileClaims, RevocationsClaims},
    jws,
    keys::{KeyListError, KeyRing, Root},
    kind::Kind,
    read::{self, Read, ReadError},
};

/// The form that is written.
pub const VERSION: u32 = 1;
/// Bytes of a bundle: its longest text is a revocation list.
pub const BYTES: usize = 2 * 1024 * 1024;

/// The texts, each as it was signed. Nothing in them is to be believed before [`Bundle::open`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// [`VERSION`].
    pub signet: u32,
    /// The product.
    pub product: String,
    /// `keys+jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// `license+jwt` or `device-license+jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `lease+jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// `license-file+jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_file: Option<String>,
    /// `revocations+jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocations: Option<String>,
}

/// A bundle whose texts were all verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The keys.
    pub keys: KeyRing,
    /// The license code.
    pub code: Option<Read<CodeClaims>>,
    /// The lease.
    pub lease: Option<Read<LeaseClaims>>,
    /// The license file.
    pub license_file: Option<Read<LicenseFileClaims>>,
    /// The revocation list.
    pub revocations: Option<Read<RevocationsClaims>>,
}

/// Why a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// More bytes than any bundle has.
    #[error("it is longer than {BYTES} bytes, which no Signet file is: choose the file that the service gave")]
    TooLong,
    /// Not the JSON of a bundle.
    #[error("it is not a Signet file: {0}; fetch it again, and move it as it is")]
    Json(String),
    /// A form of a later service.
    #[error("it has the form {found}, but this software reads form {VERSION}: update the software")]
    Version {
        /// Its form.
        found: u32,
    },
    /// A text that verification needs is not there.
    #[error("it has no key list, so nothing in it can be verified: fetch it again")]
    NoKeys,
    /// It is for another product.
    #[error("it is for the product {found:?}, not for {expected:?}")]
    WrongProduct {
        /// The product that is needed.
        expected: String,
        /// Its product.
        found: String,
    },
    /// Its key list is refused.
    #[error("its key list is refused: {0}")]
    Keys(#[from] KeyListError),
    /// A text in it is refused.
    #[error("its {member} is refused: {error}")]
    Text {
        /// Which.
        member: &'static str,
        /// Why.
        error: ReadError,
    },
}

impl BundleError {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TooLong | Self::Json(_) => "malformed",
            Self::Version { .. } => "newer_form",
            Self::NoKeys => "no_keys",
            Self::WrongProduct { .. } => "wrong_product",
            Self::Keys(error) => error.as_str(),
            Self::Text { error, .. } => error.as_str(),
        }
    }
}

impl Bundle {
    /// A bundle of `product` without texts.
    pub fn new(product: &str) -> Self {
        Self {
            signet: VERSION,
            product: product.into(),
            keys: None,
            code: None,
            lease: None,
            license_file: None,
            revocations: None,
        }
    }

    /// Reads the JSON. Unknown members are left aside.
    ///
    /// # Errors
    /// [`BundleError`] for what is no bundle of this form.
    pub fn parse(text: &str) -> Result<Self, BundleError> {
        if text.len() > BYTES {
            return Err(BundleError::TooLong);
        }
        // serde would also fill a struct from an array.
        if !text.trim_start().starts_with('{') {
            return Err(BundleError::Json("it is not a JSON object".into()));
        }
        let bundle: Self = serde_json::from_str(text).map_err(|error| BundleError::Json(error.to_string()))?;
        if bundle.signet == VERSION { Ok(bundle) } else { Err(BundleError::Version { found: bundle.signet }) }
    }

    /// The JSON, on one line.
    pub fn to_json(&self) -> String {
        // Strings and a number are always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Verifies every text that there is under `root`, for `product`, with a key list not below number `seen`.
    ///
    /// # Errors
    /// [`BundleError`] names the text and what is wrong with it. Nothing of a refused bundle is to be kept.
    pub fn open(&self, root: &Root, product: &str, seen: Option<u64>) -> Result<Opened, BundleError> {
        if self.product != product {
            let shown = self.product.chars().take(64).collect();
            return Err(BundleError::WrongProduct { expected: product.into(), found: shown });
        }
        let keys = KeyRing::from_list(self.keys.as_deref().ok_or(BundleError::NoKeys)?, root, product, seen)?;
        let opened = |member: &'static str| move |error| BundleError::Text { member, error };
        let code = self.code.as_deref().map(|text| read_any_code(text, &keys, product)).transpose();
        let lease = self.lease.as_deref().map(|text| read::read(text, &keys, product)).transpose();
        let file = self.license_file.as_deref().map(|text| read::read(text, &keys, product)).transpose();
        let list = self.revocations.as_deref().map(|text| read::read(text, &keys, product)).transpose();
        Ok(Opened {
            code: code.map_err(opened("license code"))?,
            lease: lease.map_err(opened("lease"))?,
            license_file: file.map_err(opened("license file"))?,
            revocations: list.map_err(opened("revocation list"))?,
            keys,
        })
    }
}

/// Reads a license code of either kind.
fn read_any_code(text: &str, keys: &KeyRing, product: &str) -> Result<Read<CodeClaims>, ReadError> {
    if jws::kind_of(text) == Some(Kind::DeviceCode) {
        read::read_device_code(text, keys, product).map(|read| Read { claims: read.claims.0, kid: read.kid })
    } else {
        read::read_code(text, keys, product)
    }
}

/// Says which texts there are, not what they say: a license code is a credential.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |text: &Option<String>| text.as_ref().map(|text| format!("{} characters", text.len()));
        f.debug_struct("Bundle")
            .field("signet", &self.signet)
            .field("product", &self.product)
            .field("keys", &there(&self.keys))
            .field("code", &there(&self.code))
            .field("lease", &there(&self.lease))
            .field("license_file", &there(&self.license_file))
            .field("revocations", &there(&self.revocations))
            .finish()
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
