//! The request text of a machine without network: short enough to type, fit for a QR code.
//!
//! ```text
//! 01 0M5P2-RBMDH-…-7Q9XK
//! 02 …
//! ```
//!
//! * Content: a version byte; product, name and platform, each with its length before it; the components; the first
//!   four bytes of the SHA-256 of all this, which tell lines of two requests apart. The license is not in it: it is
//!   the credential of the exchange.
//! * Lines: a number of two digits, 23 symbols of content (the last line: what is left) and two check symbols: a
//!   Reed–Solomon code over GF(32) of distance 3, the number included. So one or two wrong symbols of a line are
//!   always caught, and every swap of two, and the line is named.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use crate::{claims::Components, machine};

mod error;
mod line;

pub use error::{RequestError, WriteError};

/// Characters of a machine's name and platform.
pub const TEXT_CHARS: usize = 32;
/// Bytes of a product's name.
const PRODUCT_BYTES: usize = 64;
/// The form that is written.
const VERSION: u8 = 1;
/// Characters that are read at all: more than the longest request with every divider doubled.
const MAX_CHARS: usize = 8 * 1024;
/// Bytes of the digest at the end.
const SEAL: usize = 4;
/// Names that get one byte: their place here, never to be changed.
const KNOWN_NAMES: [&str; 8] =
    ["machine-id", "dmi-uuid", "cloud-instance", "mac", "root-fs", machine::OPERATOR, "device", "container"];
/// Added to the place of a known name; other names have their length there.
const KNOWN: u8 = 0x80;

/// What a machine without network asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The product.
    pub product: String,
    /// What the machine calls itself, at most [`TEXT_CHARS`]; may be empty.
    pub name: String,
    /// Its system, at most [`TEXT_CHARS`]; may be empty.
    pub platform: String,
    /// What it is made of.
    pub components: Components,
}

impl Request {
    /// The text, one line under the other, without a line break at the end.
    ///
    /// # Errors
    /// [`WriteError`] for what [`Request::parse`] would refuse.
    pub fn to_text(&self) -> Result<String, WriteError> {
        let lines: Vec<String> = self.lines()?.iter().map(|line| line::shown(line)).collect();
        Ok(lines.join("\n"))
    }

    /// The text for a QR code: the same symbols in a row, all of its alphanumeric mode (ISO/IEC 18004).
    ///
    /// # Errors
    /// As [`Self::to_text`].
    pub fn to_qr(&self) -> Result<String, WriteError> {
        Ok(self.lines()?.concat().iter().map(|value| line::letter(*value)).collect())
    }

    /// Reads what was typed, scanned or copied: with its line breaks, or all in a row.
    ///
    /// # Errors
    /// [`RequestError`] names the wrong line.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(RequestError::TooLong);
        }
        let lines = line::split(text)?;
        let mut data = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            data.extend_from_slice(line::read(line, index + 1, index + 1 == lines.len())?);
        }
        let bytes = line::to_bytes(&data);
        let request = read_content(&bytes, lines.len())?;
        // Spare bits are zero, and no symbol more than needed follows.
        if line::to_values(&bytes) == data { Ok(request) } else { Err(RequestError::Content("end")) }
    }

    fn lines(&self) -> Result<Vec<Vec<u8>>, WriteError> {
        Ok(line::numbered(&line::to_values(&self.content()?)))
    }

    fn content(&self) -> Result<Vec<u8>, WriteError> {
        if !is_product(&self.product) {
            return Err(WriteError::Product);
        }
        for (what, text) in [("name", &self.name), ("platform", &self.platform)] {
            if !is_text(text) {
                return Err(WriteError::Text(what));
            }
        }
        machine::check_components(&self.components)?;
        let mut bytes = [VERSION].to_vec();
        for text in [&self.product, &self.name, &self.platform] {
            push_text(&mut bytes, text);
        }
        bytes.push(short(self.components.len()));
        for (name, digest) in &self.components {
            match KNOWN_NAMES.iter().position(|known| known == name) {
                Some(place) => bytes.push(KNOWN | short(place)),
                None => push_text(&mut bytes, name),
            }
            bytes.extend(machine::digest_bytes(digest).unwrap_or_default());
        }
        let seal = seal(&bytes);
        bytes.extend(seal);
        Ok(bytes)
    }
}

/// Every length here was checked to be far below 128.
fn short(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(short(text.len()));
    bytes.extend(text.as_bytes());
}

fn is_product(text: &str) -> bool {
    (1..=PRODUCT_BYTES).contains(&text.len()) && !text.contains('/') && is_plain(text)
}

/// At most 32 characters of up to four bytes, so that the length fits a byte.
fn is_text(text: &str) -> bool {
    text.chars().nth(TEXT_CHARS).is_none() && is_plain(text)
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn seal(bytes: &[u8]) -> [u8; SEAL] {
    let digest = Sha256::digest(bytes);
    core::array::from_fn(|index| digest.get(index).copied().unwrap_or_default())
}

fn read_content(bytes: &[u8], lines: usize) -> Result<Request, RequestError> {
    let mut rest = Rest { bytes, lines };
    match rest.byte()? {
        VERSION => {}
        found => return Err(RequestError::Version { found }),
    }
    let product = rest.text("product")?;
    let name = rest.text("machine name")?;
    let platform = rest.text("platform")?;
    let mut components = Components::new();
    for _ in 0..rest.byte()? {
        let name = match rest.byte()? {
            place if place >= KNOWN => KNOWN_NAMES.get(usize::from(place - KNOWN)).map(|name| (*name).to_owned()),
            length => core::str::from_utf8(rest.take(usize::from(length))?).ok().map(str::to_owned),
        };
        let digest = BASE64URL_NOPAD.encode(rest.take(32)?);
        components.insert(name.ok_or(RequestError::Content("component"))?, digest);
    }
    let covered = bytes.len() - rest.bytes.len();
    let sealed = rest.take(SEAL)?;
    if bytes.get(..covered).map(seal).as_ref().map(<[u8; SEAL]>::as_slice) != Some(sealed) {
        return Err(RequestError::Mixed);
    }
    let request = Request { product, name, platform, components };
    // One text for one request: what was read is written the same way again, and nothing follows it.
    match request.content() {
        Ok(again) if again == bytes => Ok(request),
        Ok(_) => Err(RequestError::Content("form")),
        Err(WriteError::Product) => Err(RequestError::Content("product")),
        Err(WriteError::Text(what)) => Err(RequestError::Content(what)),
        Err(WriteError::Components(_)) => Err(RequestError::Content("component")),
    }
}

/// What was not read yet.
struct Rest<'a> {
    bytes: &'a [u8],
    lines: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], RequestError> {
        let missing = RequestError::Incomplete { lines: self.lines };
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(missing)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, RequestError> {
        self.take(1).map(|bytes| bytes.first().copied().unwrap_or_default())
    }

    fn text(&mut self, what: &'static str) -> Result<String, RequestError> {
        let length = self.byte()?;
        let text = core::str::from_utf8(self.take(usize::from(length))?);
        text.map(ToString::to_string).map_err(|_| RequestError::Content(what))
    }
}

#[cfg(test)]
mod tests;
