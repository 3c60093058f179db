//! Where random bytes come from. The rest of the code takes an [`Entropy`] as a parameter.

use std::sync::Mutex;

use rand::{Rng, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

/// A source of random bytes that nobody can foretell.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// The operating system's generator, through rand's thread-local ChaCha.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Bytes that follow from a seed and a context: where the same question must get the same answer.
///
/// As unforeseeable as the seed is secret. SHA-256 in counter mode over the length-prefixed parts.
#[derive(Debug)]
pub struct DerivedEntropy([u8; 32]);

impl DerivedEntropy {
    /// The source for `context` under `seed`.
    pub fn new(seed: &[u8; 32], context: &[&str]) -> Self {
        let mut hash = Sha256::new().chain_update(seed);
        for part in context {
            hash = hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part);
        }
        Self(hash.finalize().into())
    }
}

impl Entropy for DerivedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for (counter, block) in (0_u64..).zip(bytes.chunks_mut(32)) {
            let digest = Sha256::new().chain_update(self.0).chain_update(counter.to_be_bytes()).finalize();
            block.copy_from_slice(&digest[..block.len()]);
        }
    }
}

/// The same bytes for the same seed: for tests.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
    }
}
