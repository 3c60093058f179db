//! Signed documents: JWS in compact form (RFC 7515 §7.1) with Ed25519 (RFC 8037 §3.1), and nothing else of JOSE.
//!
//! The header is always `{"alg":"EdDSA","kid":"…","typ":"…"}`. Every kind of document has its own `typ`, and a
//! reader names the kind it expects: a key list can never pass for a license code (RFC 8725 §3.11).

use std::{collections::BTreeMap, fmt};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IgnoredAny};

use crate::base::{limits, text::truncate};

use super::keys::{BadSignature, PublicKey, Signer};

/// Characters of a signed key list: room for [`super::key_list::KEYS`] keys.
pub const KEY_LIST_CHARS: usize = 16 * 1024;
/// Characters of a `kid`; ours have 43.
const KID_CHARS: usize = 64;

/// The kinds of signed documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedKind {
    /// A license code: `license+jwt`.
    LicenseCode,
    /// The license of one device of an instance: `device-license+jwt`.
    DeviceLicense,
    /// The numbered list of a product's signing keys: `keys+jwt`.
    KeyList,
}

impl SignedKind {
    /// The `typ` of the header (RFC 7515 §4.1.9).
    pub fn typ(self) -> &'static str {
        match self {
            Self::LicenseCode => "license+jwt",
            Self::DeviceLicense => "device-license+jwt",
            Self::KeyList => "keys+jwt",
        }
    }

    /// Characters that a document of this kind may have.
    pub fn max_chars(self) -> usize {
        match self {
            Self::LicenseCode | Self::DeviceLicense => limits::LICENSE_CODE_CHARS,
            Self::KeyList => KEY_LIST_CHARS,
        }
    }
}

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

#[derive(Serialize)]
struct HeaderOut<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

/// The flattened rest forces an object (serde would also read a struct from an array) and shows foreign members.
#[derive(Deserialize)]
struct HeaderIn {
    alg: String,
    kid: String,
    typ: String,
    #[serde(flatten)]
    other: BTreeMap<String, IgnoredAny>,
}

/// The text that gets signed: header and payload in base64url with a dot between (RFC 7515 §5.1).
pub fn signing_input(kind: SignedKind, kid: &str, payload: &[u8]) -> String {
    let header =
        serde_json::to_vec(&HeaderOut { alg: "EdDSA", kid, typ: kind.typ() }).expect("three strings are always JSON");
    let mut text = BASE64URL_NOPAD.encode(&header);
    text.push('.');
    BASE64URL_NOPAD.encode_append(payload, &mut text);
    text
}

/// The whole document from what was signed and its signature.
pub fn assemble(signing_input: &str, signature: &[u8; 64]) -> String {
    let mut text = String::with_capacity(signing_input.len() + 87);
    text.push_str(signing_input);
    text.push('.');
    BASE64URL_NOPAD.encode_append(signature, &mut text);
    text
}

/// A freshly signed document, still in the two pieces that the store keeps apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key that signed.
    pub kid: String,
    /// `header.payload`; worthless without the signature.
    pub signing_input: String,
    /// The signature; kept sealed.
    pub signature: [u8; 64],
}

impl Signed {
    /// The document as it is handed out.
    pub fn text(&self) -> String {
        assemble(&self.signing_input, &self.signature)
    }
}

/// Leaves the signature out: with it a log would hold a usable license.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A document that would be longer than its kind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signed text would have {length} characters, but at most {limit} are allowed: shorten the plan's features or the issuer"
)]
pub struct TooLong {
    /// Characters it would have.
    pub length: usize,
    /// Characters it may have.
    pub limit: usize,
}

/// Characters of a document whose payload has `payload_bytes` bytes, signed by any of our keys.
pub fn length(kind: SignedKind, payload_bytes: usize) -> usize {
    // 43: the base64url characters of a SHA-256 thumbprint, RFC 7638.
    let header = r#"{"alg":"EdDSA","kid":"","typ":""}"#.len() + 43 + kind.typ().len();
    BASE64URL_NOPAD.encode_len(header) + 1 + BASE64URL_NOPAD.encode_len(payload_bytes) + 1 + 86
}

/// Signs `payload` (JSON bytes) as a document of `kind`.
///
/// # Errors
/// [`TooLong`] when no reader would accept the result; nothing is signed then.
pub fn sign(kind: SignedKind, payload: &[u8], signer: &Signer) -> Result<Signed, TooLong> {
    let (length, limit) = (length(kind, payload.len()), kind.max_chars());
    if length > limit {
        return Err(TooLong { length, limit });
    }
    let signing_input = signing_input(kind, signer.kid(), payload);
    let signature = signer.sign(signing_input.as_bytes());
    Ok(Signed { kid: signer.kid().to_owned(), signing_input, signature })
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

impl fmt::Debug for Parsed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Takes a document of `kind` apart. Strict: there is exactly one text for one document.
///
/// # Errors
/// [`ParseError`] says which rule the text breaks; it never repeats more of the text than a cut `typ`.
pub fn parse(text: &str, kind: SignedKind) -> Result<Parsed<'_>, ParseError> {
    if text.len() > kind.max_chars() {
        return Err(ParseError::TooLong { limit: kind.max_chars() });
    }
    let (signing_input, signature) = text.rsplit_once('.').ok_or(ParseError::Parts)?;
    let (header, payload) = signing_input.split_once('.').ok_or(ParseError::Parts)?;
    if payload.contains('.') {
        return Err(ParseError::Parts);
    }
    let header = parse_header(&decode(header, Part::Header)?, kind)?;
    let payload = decode(payload, Part::Payload)?;
    let signature = decode(signature, Part::Signature)?.try_into().map_err(|_| ParseError::SignatureLength)?;
    Ok(Parsed { kid: header.kid, payload, signing_input, signature })
}

fn decode(text: &str, part: Part) -> Result<Vec<u8>, ParseError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| ParseError::Base64(part))
}

fn parse_header(bytes: &[u8], kind: SignedKind) -> Result<HeaderIn, ParseError> {
    let header: HeaderIn = serde_json::from_slice(bytes).map_err(|_| ParseError::Header)?;
    if !header.other.is_empty() {
        return Err(ParseError::Header);
    }
    if header.alg != "EdDSA" {
        return Err(ParseError::Algorithm);
    }
    if header.typ != kind.typ() {
        return Err(ParseError::WrongKind { expected: kind.typ(), found: truncate(&header.typ, 40) });
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=KID_CHARS).contains(&header.kid.len()) || !header.kid.bytes().all(base64url) {
        return Err(ParseError::Kid);
    }
    Ok(header)
}

/// Reads a payload that must be a JSON object; unknown members are left aside (RFC 7519 §4), doubled ones refused.
pub(super) fn read_object<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    // serde would also fill a struct from an array.
    if payload.first() != Some(&b'{') {
        return Err("it is not a JSON object".to_owned());
    }
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
