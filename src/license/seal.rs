//! The master key, and what hangs on it: sealing what the database keeps, finding what it must not show, and
//! telling debug instances without a row.
//!
//! Every use has its own key, derived with HKDF-SHA256 (RFC 5869): a value sealed or tagged for one purpose means
//! nothing for another.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXLOWER_PERMISSIVE};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base::{entropy::Entropy, secret::Key32, slug::Slug};

/// First byte of everything sealed: XChaCha20-Poly1305 with a key of `v1`.
const VERSION: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;

/// What a value is sealed or looked up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The seed of a signing key; aad: its `kid`.
    SigningSeed,
    /// The seed of the key of a product's door; aad: the product.
    DoorSeed,
    /// A license key; aad: the license's id.
    LicenseKey,
    /// The signature of a license code; aad: the license's id and the revision.
    CodeSignature,
    /// A marketplace's call that is kept until its license exists; aad: the row's id.
    DeferredEvent,
    /// A code that the marketplace made, once somebody redeems it; aad: the id that stands for it.
    MarketplaceCode,
    /// Initialisation vectors of credentials that a marketplace is answered again and again.
    CredentialIv,
    /// The answer to a write that named an idempotency key: it may show a license code; aad: token and key.
    IdempotentAnswer,
    /// The tag of a customer's link to the page of a license.
    CustomerLink,
    /// What the browser of a customer keeps while the page of a license is open.
    CustomerSession,
    /// A customer's credentials at a cloud, for as long as a deployment needs them; aad: the deployment's id.
    CloudCredentials,
    /// The hash of a server's password until the server is there; aad: the deployment's id.
    ServerPassword,
    /// What somebody typed into the wizard and nobody may read: cloud credentials and the hash of a password, kept by the
    /// browser for half an hour; aad: what it is, and the form's token.
    WizardCredentials,
    /// The token by which a machine opens its session; aad: deployment and attempt.
    BootstrapToken,
    /// The session of a machine.
    BootstrapSession,
    /// The external id of a license: customers write it into the trust of an agency.
    AgencyExternalId,
    /// The name that a license's agencies of the older kind have.
    AgencyName,
    /// A secret that the merchant's systems share; aad: its id.
    WebhookSecret,
    /// Where the holder of a license reads mail; aad: the license's id.
    ContactAddress,
    /// What a simulated machine must not forget over a restart, its session among it; aad: the server's id.
    SimulatedMachine,
}

impl Purpose {
    /// Part of every key's name: never to be changed for data that exists.
    fn label(self) -> &'static str {
        match self {
            Self::SigningSeed => "signing-seed",
            Self::DoorSeed => "door-seed",
            Self::LicenseKey => "license-key",
            Self::CodeSignature => "code-signature",
            Self::DeferredEvent => "deferred-event",
            Self::MarketplaceCode => "marketplace-code",
            Self::CredentialIv => "credential-iv",
            Self::IdempotentAnswer => "idempotent-answer",
            Self::CustomerLink => "customer-link",
            Self::CustomerSession => "customer-session",
            Self::CloudCredentials => "cloud-credentials",
            Self::ServerPassword => "server-password",
            Self::WizardCredentials => "wizard-credentials",
            Self::BootstrapToken => "bootstrap-token",
            Self::BootstrapSession => "bootstrap-session",
            Self::AgencyExternalId => "agency-external-id",
            Self::AgencyName => "agency-name",
            Self::WebhookSecret => "webhook-secret",
            Self::ContactAddress => "contact-address",
            Self::SimulatedMachine => "simulated-machine",
        }
    }
}

/// Why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Fewer bytes than an empty text takes.
    #[error("the sealed value has {found} bytes, fewer than any sealed value: the database was damaged")]
    TooShort {
        /// Bytes found.
        found: usize,
    },
    /// Sealed by a later Signet.
    #[error("the sealed value has version {found}, this Signet knows version {VERSION}: use a newer one")]
    Version {
        /// Version found.
        found: u8,
    },
    /// The authentication tag does not fit.
    #[error(
        "the sealed value does not open: another master key sealed it, it stands in a wrong row, or it was changed"
    )]
    Refused,
}

/// Why a text is no master key. Never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a master key: 32 bytes are needed, as 64 hexadecimal or 44 base64 characters (`openssl rand -hex 32`); this text has {characters} characters"
)]
pub struct MasterKeyError {
    characters: usize,
}

/// The key that everything secret in the database depends on. Wiped when dropped; never printed.
#[derive(Debug, Clone)]
pub struct MasterKey(Key32);

impl MasterKey {
    /// Takes the 32 bytes over.
    pub fn new(key: Key32) -> Self {
        Self(key)
    }

    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Key32::new(entropy.bytes()))
    }

    /// Reads the text of a key file or variable: 64 hexadecimal characters, or 43 or 44 of base64 in either alphabet;
    /// white space around it does not matter.
    ///
    /// # Errors
    /// [`MasterKeyError`] for everything else.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let encodings: &[Encoding] = match text.len() {
            64 => &[HEXLOWER_PERMISSIVE],
            44 => &[BASE64, BASE64URL],
            43 => &[BASE64_NOPAD, BASE64URL_NOPAD],
            _ => &[],
        };
        let decoded = encodings.iter().find_map(|encoding| encoding.decode(text.as_bytes()).ok().map(Zeroizing::new));
        let bytes = decoded.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        bytes.map(|bytes| Self(Key32::new(bytes))).ok_or_else(|| MasterKeyError { characters: text.chars().count() })
    }

    /// The text for a key file: 64 hexadecimal characters.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER.encode(self.0.expose()))
    }

    /// Seals `plaintext`: version, random nonce of 24 bytes, XChaCha20-Poly1305 text with its tag.
    ///
    /// `aad` names the row it belongs to; it must be the same when the value is opened.
    pub fn seal(&self, purpose: Purpose, aad: &str, plaintext: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let nonce: [u8; NONCE] = entropy.bytes();
        let aad = versioned(aad);
        let sealed = self
            .cipher(purpose)
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: &aad })
            .expect("only texts beyond 256 GB do not fit the cipher");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Self::seal`] made for the same purpose and `aad`.
    ///
    /// # Errors
    /// [`SealError`]; nothing of a value that does not authenticate is ever returned.
    pub fn open(&self, purpose: Purpose, aad: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if let Some(&found) = sealed.first().filter(|version| **version != VERSION) {
            return Err(SealError::Version { found });
        }
        let short = SealError::TooShort { found: sealed.len() };
        if sealed.len() < 1 + NONCE + TAG {
            return Err(short);
        }
        let (nonce, text) = sealed[1..].split_first_chunk::<NONCE>().ok_or(short)?;
        let aad = versioned(aad);
        self.cipher(purpose)
            .decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| SealError::Refused)
    }

    /// The value under which `bytes` is found again without being stored: HMAC-SHA256.
    pub fn lookup(&self, purpose: Purpose, bytes: &[u8]) -> [u8; 32] {
        self.tag(&format!("lookup/{}", purpose.label()), &[bytes])
    }

    /// A value to store beside the data, by which the right master key is known again: 32 hexadecimal characters
    /// that say nothing about the key.
    pub fn check_value(&self) -> String {
        HEXLOWER.encode(&self.derive::<16>("check")[..])
    }

    /// The instance id that a debug call for `order` of `channel` gets: always the same, 59 characters, and known
    /// again by [`Self::is_debug_instance_id`] though no row holds it.
    pub fn debug_instance_id(&self, channel: &Slug, order: &str) -> String {
        let order = self.tag("debug-order", &[channel.as_str().as_bytes(), order.as_bytes()]);
        let name = HEXLOWER.encode(&order[..10]);
        let tag = self.debug_tag(channel, &name);
        format!("debug-{name}-{tag}")
    }

    /// Whether [`Self::debug_instance_id`] made `id` for `channel`; in constant time.
    pub fn is_debug_instance_id(&self, channel: &Slug, id: &str) -> bool {
        let Some((name, tag)) = id.strip_prefix("debug-").and_then(|rest| rest.split_once('-')) else {
            return false;
        };
        self.debug_tag(channel, name).as_bytes().ct_eq(tag.as_bytes()).into()
    }

    fn debug_tag(&self, channel: &Slug, name: &str) -> String {
        HEXLOWER.encode(&self.tag("debug-instance", &[channel.as_str().as_bytes(), name.as_bytes()])[..16])
    }

    fn cipher(&self, purpose: Purpose) -> XChaCha20Poly1305 {
        let key = self.derive::<32>(&format!("seal/{}", purpose.label()));
        XChaCha20Poly1305::new((&*key).into())
    }

    /// HMAC-SHA256 over `parts`, each with its length before it, so that no two lists look the same.
    fn tag(&self, name: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = self.derive::<32>(name);
        let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn derive<const N: usize>(&self, name: &str) -> Zeroizing<[u8; N]> {
        let mut key = Zeroizing::new([0; N]);
        Hkdf::<Sha256>::new(Some(b"signet"), self.0.expose())
            .expand(format!("signet/v1/{name}").as_bytes(), &mut *key)
            .expect("at most 8,160 bytes can be derived, and N is 16 or 32");
        key
    }
}

/// The version is authenticated too.
fn versioned(aad: &str) -> Vec<u8> {
    [&[VERSION], aad.as_bytes()].concat()
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
