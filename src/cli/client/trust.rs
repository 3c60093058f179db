//! What the client believes: what verifies under the root that was pinned, and nothing else.

use anyhow::{Context as _, bail};
use signet_verify::{
    bundle::Bundle,
    claims::{Asked, Components, LeaseClaims, ValidationClaims},
    clock::TrustedTime,
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
