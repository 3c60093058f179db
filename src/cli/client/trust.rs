//! What the client believes: what verifies under the root that was pinned, and nothing else.

use anyhow::{Context as _, bail, ensure};
use signet_verify::{
    bundle::Bundle,
    claims::{Asked, Components, LeaseClaims, LicenseFileClaims, ValidationClaims},
    clock::TrustedTime,
    key::PublicKey,
    keys::{KeyRing, Root},
    lease::{self, Verdict},
    license_file,
    read::{self, Read},
    revocations::RevocationSet,
    validation,
};

use crate::base::{slug::Slug, time::Time};

use super::{
    check::Judged,
    report::{Facts, Standing},
    server::{Grant, Problem, Question, Server},
    state::State,
};

/// A product and its root.
#[derive(Debug)]
pub struct Trust {
    product: Slug,
    root: Root,
}

/// A signed no that answers the question that was asked.
#[derive(Debug)]
pub struct Refusal {
    /// The text.
    pub text: String,
    /// What it says.
    pub claims: ValidationClaims,
}

/// Checks a root key as it is typed.
///
/// # Errors
/// When it is none.
pub fn root_key(text: &str) -> anyhow::Result<String> {
    PublicKey::from_x(text)?;
    Ok(text.to_owned())
}

/// The root to believe: the one that was pinned before, else the one given now.
///
/// # Errors
/// When they differ, and when there is none.
pub fn pinned(before: Option<&State>, given: Option<&str>) -> anyhow::Result<String> {
    match (before.map(|state| state.client.root_key.as_str()), given) {
        (Some(pinned), Some(given)) if pinned != given => bail!(
            "another root key than {given} was pinned here at the first activation: if the product really has a new one, \
             deactivate, then activate again"
        ),
        (Some(pinned), _) => Ok(pinned.to_owned()),
        (None, Some(given)) => Ok(given.to_owned()),
        (None, None) => bail!("name the product's root key with --root-key: `signet key root PRODUCT` prints it"),
    }
}
