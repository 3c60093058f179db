//! Signed documents: JWS in compact form (RFC 7515 §7.1) with Ed25519 (RFC 8037 §3.1), and nothing else of JOSE.
//!
//! The header is always `{"alg":"EdDSA","kid":"…","typ":"…"}`. Writing stops short of the signature: private keys are
//! no business of this crate.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    key::{BadSignature, PublicKey},
    kind::Kind,
};

/// Characters of a `kid`; ours have 43.
const KID_CHARS: usize = 64;
/// Characters of a foreign `typ` that an error repeats.
const TYP_SHOWN: usize = 40;

/// A part of a compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Before the first dot.
    Header,
    /// Between the dots.
    Payload,
    /// After the second dot.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header (first part)",
            Self::Payload => "payload (second part)",
            Self::Signature => "signature (third part)",
        })
    }
}

/// Why a text is no signed document of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More characters than the kind allows.
    #[error("it is longer than {limit} characters")]
    TooLong {
        /// The kind's limit.
        limit: usize,
    },
    /// Not three parts.
    #[error("it needs exactly three parts divided by dots: copy the whole text, without line breaks")]
    Parts,
    /// A part that no encoder writes: padding, a foreign character, spare bits that are not zero.
    #[error("its {0} is not base64url without padding")]
    Base64(Part),
    /// The header is not the one object that Signet writes.
    #[error("its header is not a JSON object with exactly `alg`, `kid` and `typ`, each once")]
    Header,
    /// A signature algorithm other than EdDSA, `none` among them.
    #[error("its algorithm is not EdDSA")]
    Algorithm,
    /// A `kid` that is no thumbprint.
    #[error("its `kid` is not 1 to {KID_CHARS} base64url characters")]
    Kid,
    /// A signed document of another kind.
    #[error("it is of the kind {found:?}, but {expected:?} is needed here")]
    WrongKind {
        /// `typ` that the reader asked for.
        expected: &'static str,
        /// `typ` in the header, cut short.
        found: String,
    },
    /// Ed25519 signatures have 64 bytes.
    #[error("its signature does not have 64 bytes")]
    SignatureLength,
}

/// The flattened rest forces an object (serde would also read a struct from an array) and shows foreign members.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
    #[serde(flatten)]
    other: BTreeMap<String, IgnoredAny>,
}

/// A document taken apart. Nothing in it is to be believed before [`Parsed::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The key it names.
    pub kid: String,
    /// The payload's bytes.
    pub payload: Vec<u8>,
    /// What the signature covers.
    pub signing_input: &'a str,
    /// The signature.
    pub signature: [u8; 64],
}

impl Parsed<'_> {
    /// Checks the signature with `key`, refusing malleable and small-order forms.
    ///
    /// # Errors
    /// [`BadSignature`] when `key` did not sign exactly this.
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(self.signing_input.as_bytes(), &self.signature)
    }
}

/// Leaves content and signature out: with them a log would hold a usable license.
impl fmt::Debug for Parsed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Takes a document of `kind` apart. Strict: there is exactly one text for one document.
///
/// # Errors
/// [`ParseError`] says which rule the text breaks; it never repeats more of the text than a cut `typ`.
pub fn parse(text: &str, kind: Kind) -> Result<Parsed<'_>, ParseError> {
    // The header is the same short thing for every kind, so a text that is too long can still say what it is.
    let limit = kind.max_chars();
    if text.len() > Kind::ALL.iter().map(|kind| kind.max_chars()).max().unwrap_or(limit) {
        return Err(ParseError::TooLong { limit });
    }
    let (signing_input, signature) = text.rsplit_once('.').ok_or(ParseError::Parts)?;
    let (header, payload) = signing_input.split_once('.').ok_or(ParseError::Parts)?;
    if payload.contains('.') {
        return Err(ParseError::Parts);
    }
    let header = parse_header(header)?;
    if header.typ != kind.typ() {
        return Err(ParseError::WrongKind {
            expected: kind.typ(),
            found: header.typ.chars().take(TYP_SHOWN).collect(),
        });
    }
    if text.len() > limit {
        return Err(ParseError::TooLong { limit });
    }
    let payload = decode(payload, Part::Payload)?;
    let signature = decode(signature, Part::Signature)?.try_into().map_err(|_| ParseError::SignatureLength)?;
    Ok(Parsed { kid: header.kid, payload, signing_input, signature })
}

/// The kind that a text says it is, not to be believed: it only chooses the reader, which checks everything.
pub fn kind_of(text: &str) -> Option<Kind> {
    let header = parse_header(text.split_once('.')?.0).ok()?;
    Kind::ALL.into_iter().find(|kind| kind.typ() == header.typ)
}

/// Bytes of the longest header that is looked at, in base64url.
const HEADER_CHARS: usize = 512;

fn parse_header(text: &str) -> Result<Header, ParseError> {
    if text.len() > HEADER_CHARS {
        return Err(ParseError::Header);
    }
    let header: Header = serde_json::from_slice(&decode(text, Part::Header)?).map_err(|_| ParseError::Header)?;
    if !header.other.is_empty() {
        return Err(ParseError::Header);
    }
    if header.alg != "EdDSA" {
        return Err(ParseError::Algorithm);
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=KID_CHARS).contains(&header.kid.len()) || !header.kid.bytes().all(base64url) {
        return Err(ParseError::Kid);
    }
    Ok(header)
}

fn decode(text: &str, part: Part) -> Result<Vec<u8>, ParseError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| ParseError::Base64(part))
}

/// The text that gets signed: header and payload in base64url with a dot between (RFC 7515 §5.1). `kid` is a
/// thumbprint, so it needs no escapes.
pub fn signing_input(kind: Kind, kid: &str, payload: &[u8]) -> String {
    let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"{}"}}"#, kind.typ());
    let mut text = BASE64URL_NOPAD.encode(header.as_bytes());
    text.push('.');
    BASE64URL_NOPAD.encode_append(payload, &mut text);
    text
}

/// The whole document from what was signed and its signature.
pub fn assemble(signing_input: &str, signature: &[u8; 64]) -> String {
    let mut text = signing_input.to_owned();
    text.push('.');
    BASE64URL_NOPAD.encode_append(signature, &mut text);
    text
}

/// Characters of a document whose payload has `payload_bytes` bytes, signed by a key named by its thumbprint.
pub fn length(kind: Kind, payload_bytes: usize) -> usize {
    let header = r#"{"alg":"EdDSA","kid":"","typ":""}"#.len() + crate::key::CHARS + kind.typ().len();
    BASE64URL_NOPAD.encode_len(header) + 1 + BASE64URL_NOPAD.encode_len(payload_bytes) + 1 + 86
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
