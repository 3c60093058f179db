//! What the client believes: what verifies under the root that was pinned, and nothing else.

use anyhow::{Context as _, bail, ensure};
use signet_verify::{
    claims::{Asked, CodeClaims, Components, LeaseClaims, LicenseFileClaims, RevocationsClaims, ValidationClaims},
    kind::Kind,
};

use crate::{
    base::{slug::Slug, time::Time},
    license::keys::PublicKey,
};

use super::{
    provisional::{Bundle, KeyRing, Signed, answers, refuses},
    server::{Grant, Problem, Question, Server},
    state::State,
};

/// A product and its root.
#[derive(Debug)]
pub struct Trust {
    product: Slug,
    root: PublicKey,
}

/// A signed no that answers the question that was asked.
#[derive(Debug)]
pub struct Refusal {
    /// The text.
    pub text: String,
    /// What it says.
    pub claims: ValidationClaims,
}

/// The texts of a state that verify.
#[derive(Debug, Default)]
pub struct Stored {
    /// The lease.
    pub lease: Option<LeaseClaims>,
    /// The license file.
    pub file: Option<LicenseFileClaims>,
    /// Whether a revocation list that was seen names the lease or its key.
    pub lease_revoked: bool,
    /// The same of the license file.
    pub file_revoked: bool,
    /// The signed no that was got last.
    pub refusal: Option<ValidationClaims>,
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

impl Trust {
    /// Believes `root_key` about `product`.
    ///
    /// # Errors
    /// When the key is none.
    pub fn new(product: &Slug, root_key: &str) -> anyhow::Result<Self> {
        let root = PublicKey::from_x(root_key).context("the pinned root key is damaged")?;
        Ok(Self { product: product.clone(), root })
    }

    /// The product.
    pub fn product(&self) -> &Slug {
        &self.product
    }

    /// Reads what is stored.
    ///
    /// # Errors
    /// When any of it was changed.
    pub fn stored(&self, state: &State) -> anyhow::Result<Stored> {
        let keys = self.keys(state.bundle.keys.as_deref().context("the key list is missing")?, 0)?;
        let revocations =
            self.optional::<RevocationsClaims>(&keys, state.bundle.revocations.as_ref(), Kind::Revocations)?;
        let revoked =
            |sub: &str, rev, kid: &str| revocations.as_ref().is_some_and(|list| refuses(&list.claims, sub, rev, kid));
        let lease = self.optional::<LeaseClaims>(&keys, state.bundle.lease.as_ref(), Kind::Lease)?;
        let file = self.optional::<LicenseFileClaims>(&keys, state.bundle.license_file.as_ref(), Kind::LicenseFile)?;
        let refusal = self.optional::<ValidationClaims>(&keys, state.client.refusal.as_ref(), Kind::Validation)?;
        Ok(Stored {
            lease_revoked: lease.as_ref().is_some_and(|it| revoked(&it.claims.sub, it.claims.rev, &it.kid)),
            file_revoked: file.as_ref().is_some_and(|it| revoked(&it.claims.sub, it.claims.rev, &it.kid)),
            lease: lease.map(|it| it.claims),
            file: file.map(|it| it.claims),
            refusal: refusal.map(|it| it.claims),
        })
    }

    /// Takes a grant over when all of it verifies and answers `question`; changes nothing otherwise.
    ///
    /// # Errors
    /// Names what does not verify.
    pub fn accept(&self, state: &mut State, grant: &Grant, question: &Question) -> anyhow::Result<()> {
        let keys = self.newer_keys(state, &grant.keys)?;
        let lease: Signed<LeaseClaims> = self.read(&keys, &grant.lease, Kind::Lease).context("the lease")?;
        let code: Signed<CodeClaims> = self.read(&keys, &grant.code, Kind::LicenseCode).context("the license code")?;
        let lease = lease.claims;
        ensure!(lease.nonce.as_deref() == Some(&question.nonce), "the lease answers another question");
        ensure!(lease.machine.components == question.components, "the lease is for another machine");
        ensure!(code.claims.sub == lease.sub, "lease and license code are of different licenses");
        observe(state, lease.time);
        state.bundle.keys = Some(grant.keys.clone());
        state.bundle.lease = Some(grant.lease.clone());
        state.bundle.code = Some(grant.code.clone());
        state.client.activation = Some(lease.activation);
        state.client.refusal = None;
        Ok(())
    }

    /// A refusal that is the service's: signed under the root, and an answer to what was asked.
    pub async fn refusal(
        &self,
        server: &Server<'_>,
        problem: &Problem,
        known: Option<&State>,
        asked: &Asked,
    ) -> Option<Refusal> {
        let text = problem.signed.clone()?;
        let seen = known.map_or(0, |state| self.number(state));
        let stored = known.and_then(|state| state.bundle.keys.clone());
        let fetched = server.key_list(self.product.as_str());
        let mut lists: Vec<String> = [problem.keys.clone(), stored].into_iter().flatten().collect();
        let read = |list: &String| {
            let keys = self.keys(list, seen).ok()?;
            self.read::<ValidationClaims>(&keys, &text, Kind::Validation).ok()
        };
        let mut read_by = lists.iter().find_map(read);
        if read_by.is_none() {
            // A key that was made since: the answer brought no list.
            lists = fetched.await.into_iter().collect();
            read_by = lists.iter().find_map(read);
        }
        let claims = read_by?.claims;
        (!claims.valid && answers(&claims, asked)).then_some(Refusal { text, claims })
    }

    /// Takes what a bundle has over when all of it verifies; changes nothing otherwise.
    ///
    /// # Errors
    /// Names what does not verify, or is for another machine.
    pub fn import(&self, state: &mut State, bundle: &Bundle, machine: &Components) -> anyhow::Result<()> {
        let list = bundle.keys.as_ref().context("it has no key list")?;
        let keys = self.newer_keys(state, list)?;
        let lease = self.optional::<LeaseClaims>(&keys, bundle.lease.as_ref(), Kind::Lease)?;
        let file = self.optional::<LicenseFileClaims>(&keys, bundle.license_file.as_ref(), Kind::LicenseFile)?;
        let revocations = self.optional::<RevocationsClaims>(&keys, bundle.revocations.as_ref(), Kind::Revocations)?;
        self.optional::<CodeClaims>(&keys, bundle.code.as_ref(), Kind::LicenseCode)?;
        if let Some(Signed { claims, .. }) = &lease {
            let bound = &claims.machine;
            ensure!(bound.rule.matches(&bound.components, machine), "its lease is for another machine");
            observe(state, claims.time);
            state.client.activation = Some(claims.activation.clone());
            state.client.refusal = None;
        }
        if let Some(Signed { claims, .. }) = &file {
            let ours = claims.bound_to.iter().any(|known| claims.rule.matches(known, machine));
            ensure!(ours, "its license file is for other machines");
            observe(state, claims.time);
        }
        if let Some(Signed { claims, .. }) = &revocations {
            observe(state, claims.time);
        }
        let own = &mut state.bundle;
        own.keys = Some(list.clone());
        own.lease = bundle.lease.clone().or(own.lease.take());
        own.license_file = bundle.license_file.clone().or(own.license_file.take());
        own.revocations = bundle.revocations.clone().or(own.revocations.take());
        own.code = bundle.code.clone().or(own.code.take());
        Ok(())
    }

    /// The keys of a list that is not older than the stored one.
    fn newer_keys(&self, state: &State, list: &str) -> anyhow::Result<KeyRing> {
        self.keys(list, self.number(state)).context("the key list")
    }

    /// The number of the stored key list; 0 when there is none.
    fn number(&self, state: &State) -> u64 {
        state.bundle.keys.as_deref().and_then(|list| self.keys(list, 0).ok()).map_or(0, |keys| keys.number)
    }

    fn keys(&self, list: &str, seen: u64) -> anyhow::Result<KeyRing> {
        KeyRing::from_list(list, &self.root, self.product.as_str(), seen)
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        keys: &KeyRing,
        text: &str,
        kind: Kind,
    ) -> anyhow::Result<Signed<T>> {
        keys.read(text, kind, self.product.as_str())
    }

    fn optional<T: serde::de::DeserializeOwned>(
        &self,
        keys: &KeyRing,
        text: Option<&String>,
        kind: Kind,
    ) -> anyhow::Result<Option<Signed<T>>> {
        text.map(|text| self.read(keys, text, kind).with_context(|| format!("the {}", kind.typ()))).transpose()
    }
}

/// Remembers the time of a signed text.
pub fn observe(state: &mut State, micros: i64) {
    state.client.highest_time = state.client.highest_time.max(micros);
}

/// Seconds of a claim as a point in time.
pub fn seconds(seconds: i64) -> Option<Time> {
    seconds.checked_mul(1_000_000).and_then(Time::from_micros)
}
