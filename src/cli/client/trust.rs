//! What the client believes: what verifies under the root that was pinned, and nothing else.

use anyhow::{Context as _, bail, ensure};
use signet_verify::{
    bundle::{Bundle, Opened},
    claims::{Asked, Components, LeaseClaims, ValidationClaims},
    clock::TrustedTime,
    key::PublicKey,
    keys::{KeyRing, Root},
    read::{self, Read, Timed},
    validation,
};

use crate::base::{slug::Slug, time::Time};

use super::{
    server::{Grant, Problem, Question, Server},
    state::State,
};

/// A product and its root.
#[derive(Debug)]
pub struct Trust {
    product: Slug,
    root: Root,
}

/// A signed answer to the question that was asked.
#[derive(Debug)]
pub struct Signed {
    /// The text.
    pub text: String,
    /// What it says.
    pub read: Read<ValidationClaims>,
}

/// What a state has, verified.
#[derive(Debug)]
pub struct Stored {
    /// Lease, license file and their keys.
    pub opened: Opened,
    /// The signed no that was got last.
    pub refusal: Option<Read<ValidationClaims>>,
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
        let root = Root::from_x(root_key).context("the pinned root key is damaged")?;
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
        let opened = self.open(&state.bundle, None)?;
        let refusal = state.client.refusal.as_deref();
        let refusal =
            refusal.map(|text| read::read_validation(text, &opened.keys, self.product.as_str())).transpose()?;
        Ok(Stored { opened, refusal })
    }

    /// Takes a grant over when all of it verifies and answers `question`; changes nothing otherwise.
    ///
    /// # Errors
    /// Names what does not verify.
    pub fn accept(&self, state: &mut State, grant: &Grant, question: &Question) -> anyhow::Result<()> {
        let mut bundle = Bundle::new(self.product.as_str());
        bundle.keys = Some(grant.keys.clone());
        bundle.lease = Some(grant.lease.clone());
        bundle.code = Some(grant.code.clone());
        let opened = self.open(&bundle, self.number(state))?;
        let (Some(lease), Some(code)) = (&opened.lease, &opened.code) else {
            bail!("lease or license code are missing")
        };
        let claims = &lease.claims;
        ensure!(claims.nonce.as_deref() == Some(&question.nonce), "the lease answers another question");
        ensure!(claims.machine.components == question.components, "the lease is for another machine");
        ensure!(code.claims.sub == claims.sub, "lease and license code are of different licenses");
        observe(state, lease);
        state.client.activation = Some(claims.activation.clone());
        state.client.refusal = None;
        merge(&mut state.bundle, bundle);
        Ok(())
    }

    /// A refusal that is the service's.
    pub async fn refusal(
        &self,
        server: &Server<'_>,
        problem: &Problem,
        known: Option<&State>,
        asked: &Asked,
    ) -> Option<Signed> {
        self.answer(server, problem, known, asked).await.filter(|it| !it.read.claims.valid)
    }

    /// An answer that is the service's: signed under the root, and to what was asked.
    pub async fn answer(
        &self,
        server: &Server<'_>,
        problem: &Problem,
        known: Option<&State>,
        asked: &Asked,
    ) -> Option<Signed> {
        let text = problem.signed.clone()?;
        let seen = known.and_then(|state| self.number(state));
        let stored = known.and_then(|state| state.bundle.keys.clone());
        let read = |list: &String| {
            let keys = KeyRing::from_list(list, &self.root, self.product.as_str(), seen).ok()?;
            read::read_validation(&text, &keys, self.product.as_str()).ok()
        };
        let mut found = [problem.keys.as_ref(), stored.as_ref()].into_iter().flatten().find_map(read);
        if found.is_none() {
            // Perhaps by a key that was made since.
            found = server.key_list(self.product.as_str()).await.as_ref().and_then(read);
        }
        let read = found.filter(|it| validation::answers(it, asked).is_ok())?;
        Some(Signed { text, read })
    }

    /// Takes what a bundle has over when all of it verifies; changes nothing otherwise.
    ///
    /// # Errors
    /// Names what does not verify, or is for another machine.
    pub fn import(&self, state: &mut State, bundle: Bundle, machine: &Components) -> anyhow::Result<()> {
        let opened = self.open(&bundle, self.number(state))?;
        let made =
            opened.lease.as_ref().map(|it| it.claims.time).max(opened.license_file.as_ref().map(|it| it.claims.time));
        let refused = self.stored(state).ok().and_then(|stored| stored.refusal).map(|it| it.claims.time);
        ensure!(
            made.is_none() || made >= refused,
            "it was made before the service refused this machine: fetch another, it says whether that still holds"
        );
        if let Some(Read { claims, .. }) = &opened.lease {
            let bound = &claims.machine;
            ensure!(bound.rule.matches(&bound.components, machine), "its lease is for another machine");
            self.newer(state, claims)?;
        }
        if let Some(Read { claims, .. }) = &opened.license_file {
            let ours = claims.bound_to.iter().any(|known| claims.rule.matches(known, machine));
            ensure!(ours, "its license file is for other machines");
        }
        if let Some(list) = &opened.revocations {
            state.client.revoked.merge(list)?;
            observe(state, list);
        }
        if let Some(lease) = &opened.lease {
            observe(state, lease);
            state.client.activation = Some(lease.claims.activation.clone());
        }
        if let Some(file) = &opened.license_file {
            observe(state, file);
        }
        if made.is_some() {
            // What was signed later than the no is the service's newer word.
            state.client.refusal = None;
        }
        merge(&mut state.bundle, bundle);
        Ok(())
    }

    /// A file keeps: one that was fetched before must not bring back what is over. What is stored and does not verify
    /// counts for nothing.
    fn newer(&self, state: &State, lease: &LeaseClaims) -> anyhow::Result<()> {
        let Ok(stored) = self.stored(state) else { return Ok(()) };
        if let Some(Read { claims, .. }) = &stored.opened.lease {
            let older = claims.sub == lease.sub && lease.time < claims.time;
            ensure!(!older, "its lease is older than the one that is stored: make a new request");
        }
        Ok(())
    }

    fn open(&self, bundle: &Bundle, seen: Option<u64>) -> anyhow::Result<Opened> {
        Ok(bundle.open(&self.root, self.product.as_str(), seen)?)
    }

    /// The number of the stored key list.
    fn number(&self, state: &State) -> Option<u64> {
        let list = state.bundle.keys.as_deref()?;
        KeyRing::from_list(list, &self.root, self.product.as_str(), None).ok().map(|keys| keys.number())
    }
}

/// Replaces what is newer. Revocations are kept apart, merged with those seen before.
fn merge(into: &mut Bundle, from: Bundle) {
    let Bundle { keys, code, lease, license_file, .. } = from;
    into.keys = keys.or(into.keys.take());
    into.code = code.or(into.code.take());
    into.lease = lease.or(into.lease.take());
    into.license_file = license_file.or(into.license_file.take());
}

/// Remembers the time of a signed text.
pub fn observe<C: Timed>(state: &mut State, document: &Read<C>) {
    let mut time = TrustedTime::kept(state.client.highest_time);
    time.observe(document);
    state.client.highest_time = time.highest_seen_micros();
}

/// Seconds of a claim as a point in time.
pub fn seconds(seconds: i64) -> Option<Time> {
    seconds.checked_mul(1_000_000).and_then(Time::from_micros)
}
