//! Signed license keys: what a license was when it was sold, and a signature that software can check without asking anybody.
//!
//! `key/<dataset in base64url>.<signature in base64url>`, both padded (RFC 4648 §5). The signature is over everything before
//! the dot. A key says what its license said at first and never changes; what the license is now is asked online.

use data_encoding::BASE64URL;
use serde::{Deserialize, Serialize};

use crate::{
    base::{ids::LicenseId, limits, slug::Slug, time::Time},
    license::{
        code::{Claims, instant},
        keys::{BadSignature, PublicKey, Signer},
    },
};

/// What every signed key begins with.
pub const PREFIX: &str = "key/";

/// A text that is no signed key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no signed license key: compare it with the original, from `key/` to the last character")]
pub struct BadKey;

/// Something that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its id.
    pub id: Slug,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its slug.
    pub id: Slug,
    /// Seconds from the first code to its end; `None`: that code names no end.
    pub duration: Option<i64>,
}

/// The license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sold {
    /// Its id.
    pub id: LicenseId,
    /// When it began.
    pub created: Time,
    /// The end that its first code names, if that names one.
    pub expiry: Option<Time>,
}

/// What a signed key says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Whose door verifies it.
    pub account: Named,
    /// The product.
    pub product: Named,
    /// The plan.
    pub policy: Policy,
    /// Always `null`: a license here has no user.
    pub user: Option<Named>,
    /// The license.
    pub license: Sold,
}

impl Dataset {
    /// What the key of a license says whose first code says `first`; `None` for times beyond what a calendar shows.
    pub fn of(product: &Slug, first: &Claims) -> Option<Self> {
        let named = || Named { id: product.clone() };
        let expiry = match first.exp {
            Some(end) => Some(instant(end)?),
            None => None,
        };
        let duration = first.exp.map(|end| end.saturating_sub(first.iat));
        Some(Self {
            account: named(),
            product: named(),
            policy: Policy { id: first.plan.clone(), duration },
            user: None,
            license: Sold { id: first.sub, created: instant(first.nbf)?, expiry },
        })
    }

    /// The signed key: the same for the same dataset and signer.
    pub fn key(&self, signer: &Signer) -> String {
        sign(signer, &serde_json::to_vec(self).expect("texts, numbers and times are always JSON"))
    }
}

/// Signs any dataset.
pub fn sign(signer: &Signer, dataset: &[u8]) -> String {
    let signed = format!("{PREFIX}{}", BASE64URL.encode(dataset));
    let signature = BASE64URL.encode(&signer.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A text of the right form; whether it is genuine is asked with [`SignedKey::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedKey {
    /// What it claims.
    pub dataset: Dataset,
    signed: String,
    signature: [u8; 64],
}

impl SignedKey {
    /// Whether `door` signed it.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, door: &PublicKey) -> Result<(), BadSignature> {
        door.verify(self.signed.as_bytes(), &self.signature)
    }
}

/// Reads a signed key.
///
/// # Errors
/// [`BadKey`].
pub fn parse(text: &str) -> Result<SignedKey, BadKey> {
    if text.len() > limits::LICENSE_CODE_CHARS {
        return Err(BadKey);
    }
    let (signed, signature) = text.split_once('.').ok_or(BadKey)?;
    let dataset = signed.strip_prefix(PREFIX).ok_or(BadKey)?;
    let dataset = BASE64URL.decode(dataset.as_bytes()).map_err(|_| BadKey)?;
    let signature = BASE64URL.decode(signature.as_bytes()).map_err(|_| BadKey)?;
    Ok(SignedKey {
        dataset: serde_json::from_slice(&dataset).map_err(|_| BadKey)?,
        signed: signed.to_owned(),
        signature: signature.try_into().map_err(|_| BadKey)?,
    })
}
