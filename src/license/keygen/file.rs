//! Writes checked-out files: a document, plain or encrypted, with a signature, as text between two lines.

use data_encoding::BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    base::secret::{ExposeSecret, SecretString},
    license::keys::Signer,
};

/// Characters of a line.
const COLUMNS: usize = 60;
/// Bytes of the tag at the end of what AES-256-GCM writes.
const TAG: usize = 16;

/// What a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A license.
    License,
    /// A machine.
    Machine,
}

impl FileKind {
    fn title(self) -> &'static str {
        match self {
            Self::License => "LICENSE FILE",
            Self::Machine => "MACHINE FILE",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::License => "license",
            Self::Machine => "machine",
        }
    }
}

/// Who can read a file.
#[derive(Debug, Clone, Copy)]
pub enum Sealing<'a> {
    /// Anybody.
    Plain,
    /// Who knows the secret: AES-256-GCM with its SHA-256 as the key.
    Encrypted {
        /// The secret.
        secret: &'a SecretString,
        /// Never used before with this secret.
        nonce: [u8; 12],
    },
}

#[derive(Serialize)]
struct Certificate<'a> {
    enc: &'a str,
    sig: &'a str,
    alg: &'a str,
}

/// The file of `document`.
pub fn certificate(kind: FileKind, document: &str, sealing: Sealing, signer: &Signer) -> String {
    let (enc, alg) = match sealing {
        Sealing::Plain => (BASE64.encode(document.as_bytes()), "base64+ed25519"),
        Sealing::Encrypted { secret, nonce } => (encrypted(document, secret, nonce), "aes-256-gcm+ed25519"),
    };
    let sig = BASE64.encode(&signer.sign(format!("{}/{enc}", kind.prefix()).as_bytes()));
    let certificate = Certificate { enc: &enc, sig: &sig, alg };
    let json = serde_json::to_vec(&certificate).expect("a certificate is three texts");
    let title = kind.title();
    let mut text = format!("-----BEGIN {title}-----\n");
    let lines = BASE64.encode(&json);
    for line in lines.as_bytes().chunks(COLUMNS) {
        text.extend(line.iter().copied().map(char::from));
        text.push('\n');
    }
    text.push_str(&format!("-----END {title}-----\n"));
    text
}

fn encrypted(document: &str, secret: &SecretString, nonce: [u8; 12]) -> String {
    let key = Sha256::digest(secret.expose_secret().as_bytes());
    let key = UnboundKey::new(&AES_256_GCM, &key).expect("SHA-256 has the key's length");
    let mut bytes = document.as_bytes().to_vec();
    let sealed =
        LessSafeKey::new(key).seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes);
    sealed.expect("a document is shorter than AES-256-GCM allows");
    let (text, tag) = bytes.split_at(bytes.len() - TAG);
    [text, &nonce, tag].map(|part| BASE64.encode(part)).join(".")
}
