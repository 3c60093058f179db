//! Reading a signed document: form, kind, signature, audience and content, in this order and in one place.
//!
//! A claims type says which kind it belongs to, so nobody can read a document as something else by a slip.

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    claims::{
        CodeClaims, KeyListClaims, LeaseClaims, LicenseFileClaims, PackageClaims, RevocationsClaims, ValidationClaims,
    },
    content,
    jws::{self, ParseError},
    key::{BadSignature, PublicKey},
    keys::{KeyError, KeyRing},
    kind::Kind,
};

/// A document whose signature holds. Only readers make one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read<C> {
    /// What it says.
    pub claims: C,
    /// The key that signed it.
    pub kid: String,
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not a signed text of this kind.
    #[error("this is no {name}: {error}", name = kind.name())]
    Malformed {
        /// The kind that was to be read.
        kind: Kind,
        /// What is wrong with the text.
        error: ParseError,
    },
    /// A signed text of another kind.
    #[error("a {name} is needed here, and this is a signed text of the kind {found:?}", name = expected.name())]
    WrongKind {
        /// The kind that was to be read.
        expected: Kind,
        /// Its `typ`.
        found: String,
    },
    /// No key has this name.
    #[error("no key is named {kid}: the text was not issued here, or the key list is old; fetch the newest one")]
    UnknownKey {
        /// The name.
        kid: String,
    },
    /// The key is compromised.
    #[error("the key {kid} was revoked: nothing it signed is believed; fetch a text signed by a newer key")]
    RevokedKey {
        /// Its name.
        kid: String,
    },
    /// The signature does not hold.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
    /// The key signed something that no Signet writes.
    #[error("the signed content is wrong: {0}; update the software, or ask who issued it")]
    Content(String),
    /// A document for another product.
    #[error("it is for {found}, not for {expected}: use one for this product")]
    WrongProduct {
        /// `aud` that is needed.
        expected: String,
        /// `aud` of the document.
        found: String,
    },
}

impl ReadError {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::WrongKind { .. } => "wrong_kind",
            Self::UnknownKey { .. } => "unknown_key",
            Self::RevokedKey { .. } => "revoked_key",
            Self::BadSignature(_) => "bad_signature",
            Self::Content(_) => "wrong_content",
            Self::WrongProduct { .. } => "wrong_product",
        }
    }
}

impl From<KeyError> for ReadError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown { kid } => Self::UnknownKey { kid },
            KeyError::Revoked { kid } => Self::RevokedKey { kid },
        }
    }
}

/// What a code for one device says: [`CodeClaims`] that always have `device`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceCodeClaims(pub CodeClaims);

mod sealed {
    pub trait Sealed {}
}

/// Claims of a document.
pub trait Document: sealed::Sealed + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// `aud`.
    fn audience(&self) -> &str;

    /// What is wrong with content that no Signet writes.
    ///
    /// # Errors
    /// Names the member and the rule.
    fn check(&self) -> Result<(), String>;
}

/// Claims of a document that a signing key signs: all but the key list, which is the root's.
pub trait BySigningKey: Document {}

/// Claims that say the service's clock; see [`crate::clock`].
pub trait Timed: Document {
    /// The server's clock when it was made, in microseconds since 1970.
    fn time(&self) -> i64;
}

macro_rules! documents {
    ($($claims:ty, $kind:ident, $($audience:tt).+, $check:path;)+) => {$(
        impl sealed::Sealed for $claims {}
        impl Document for $claims {
            const KIND: Kind = Kind::$kind;

            fn audience(&self) -> &str {
                &self.$($audience).+
            }

            fn check(&self) -> Result<(), String> {
                $check(self)
            }
        }
    )+};
}

documents! {
    CodeClaims, LicenseCode, aud, content::code;
    DeviceCodeClaims, DeviceCode, 0.aud, content::device_code;
    LeaseClaims, Lease, aud, content::lease;
    ValidationClaims, Validation, aud, content::validation;
    LicenseFileClaims, LicenseFile, aud, content::license_file;
    RevocationsClaims, Revocations, aud, content::revocations;
    KeyListClaims, KeyList, aud, content::key_list;
    PackageClaims, Package, aud, content::package;
}

macro_rules! timed {
    ($($claims:ty),+) => {$(
        impl Timed for $claims {
            fn time(&self) -> i64 {
                self.time
            }
        }
    )+};
}

timed!(LeaseClaims, ValidationClaims, LicenseFileClaims, RevocationsClaims);

impl BySigningKey for CodeClaims {}
impl BySigningKey for DeviceCodeClaims {}
impl BySigningKey for LeaseClaims {}
impl BySigningKey for ValidationClaims {}
impl BySigningKey for LicenseFileClaims {}
impl BySigningKey for RevocationsClaims {}
impl BySigningKey for PackageClaims {}

/// Reads a document of `product`.
///
/// # Errors
/// [`ReadError`] says what is wrong and what to do. Nothing in a refused document is to be believed.
pub fn read<C: BySigningKey>(text: &str, keys: &KeyRing, product: &str) -> Result<Read<C>, ReadError> {
    open(text, product, |kid| Ok(keys.find(kid)?))
}

/// Reads a document of whatever product it names: for showing what it says. Software reads with [`read`].
///
/// # Errors
/// As [`read`].
pub fn read_of_any_product<C: BySigningKey>(text: &str, keys: &KeyRing) -> Result<Read<C>, ReadError> {
    signed(text, |kid| Ok(keys.find(kid)?))
}

/// Reads a license code.
///
/// # Errors
/// As [`read`].
pub fn read_code(text: &str, keys: &KeyRing, product: &str) -> Result<Read<CodeClaims>, ReadError> {
    read(text, keys, product)
}

/// Reads a license code for one device.
///
/// # Errors
/// As [`read`].
pub fn read_device_code(text: &str, keys: &KeyRing, product: &str) -> Result<Read<DeviceCodeClaims>, ReadError> {
    read(text, keys, product)
}

/// Reads a lease.
///
/// # Errors
/// As [`read`].
pub fn read_lease(text: &str, keys: &KeyRing, product: &str) -> Result<Read<LeaseClaims>, ReadError> {
    read(text, keys, product)
}

/// Reads a signed answer; [`crate::validation::answers`] says whether it is one to the question that was asked.
///
/// # Errors
/// As [`read`].
pub fn read_validation(text: &str, keys: &KeyRing, product: &str) -> Result<Read<ValidationClaims>, ReadError> {
    read(text, keys, product)
}

/// Reads a license file's text.
///
/// # Errors
/// As [`read`].
pub fn read_license_file(text: &str, keys: &KeyRing, product: &str) -> Result<Read<LicenseFileClaims>, ReadError> {
    read(text, keys, product)
}

/// Reads a revocation list.
///
/// # Errors
/// As [`read`].
pub fn read_revocations(text: &str, keys: &KeyRing, product: &str) -> Result<Read<RevocationsClaims>, ReadError> {
    read(text, keys, product)
}

/// The one way: `find` names the key for a `kid`.
pub(crate) fn open<'k, C: Document>(
    text: &str,
    product: &str,
    find: impl FnOnce(&str) -> Result<&'k PublicKey, ReadError>,
) -> Result<Read<C>, ReadError> {
    let read: Read<C> = signed(text, find)?;
    let expected = C::KIND.audience(product);
    if read.claims.audience() == expected {
        Ok(read)
    } else {
        Err(ReadError::WrongProduct { expected, found: read.claims.audience().into() })
    }
}

fn signed<'k, C: Document>(
    text: &str,
    find: impl FnOnce(&str) -> Result<&'k PublicKey, ReadError>,
) -> Result<Read<C>, ReadError> {
    let parsed = jws::parse(text, C::KIND).map_err(|error| match error {
        ParseError::WrongKind { found, .. } => ReadError::WrongKind { expected: C::KIND, found },
        error => ReadError::Malformed { kind: C::KIND, error },
    })?;
    parsed.verify(find(&parsed.kid)?)?;
    let claims = read_content(&parsed.payload)?;
    Ok(Read { claims, kid: parsed.kid })
}

/// Reads a payload whose signature was checked: a JSON object of its kind, with an audience of its kind and content
/// that Signet writes. Unknown members are left aside (RFC 7519 §4), doubled ones refused.
///
/// # Errors
/// [`ReadError::Content`].
pub fn read_content<C: Document>(payload: &[u8]) -> Result<C, ReadError> {
    // serde would also fill a struct from an array.
    if payload.first() != Some(&b'{') {
        return Err(ReadError::Content("it is not a JSON object".into()));
    }
    let claims: C = serde_json::from_slice(payload).map_err(|error| ReadError::Content(error.to_string()))?;
    if C::KIND.product_of(claims.audience()).is_none() {
        return Err(ReadError::Content("`aud` is not that of its kind".into()));
    }
    claims.check().map_err(ReadError::Content)?;
    Ok(claims)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
