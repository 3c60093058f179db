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
    format,
    string::{String, ToString},
    vec::Vec,
};

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use crate::{
    claims::Components,
    machine::{self, ComponentsError},
    symbols::{self, ALPHABET, multiply},
};

/// Characters of a machine's name and platform.
pub const TEXT_CHARS: usize = 32;
/// Bytes of a product's name.
const PRODUCT_BYTES: usize = 64;
/// The form that is written.
const VERSION: u8 = 1;
/// Characters that are read at all: more than the longest request with every divider doubled.
const MAX_CHARS: usize = 8 * 1024;
/// Lines of the longest request.
const MAX_LINES: usize = 99;
/// Symbols of a group, divided by dashes.
const GROUP: usize = 5;
/// Symbols of a line's number.
const NUMBER: usize = 2;
/// Check symbols of a line.
const CHECKS: usize = 2;
/// Symbols of content in a full line.
const DATA: usize = 23;
/// Symbols of a full line.
const LINE: usize = NUMBER + DATA + CHECKS;
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

/// Why a text is no request. Lines and positions count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing there.
    #[error("there is no request text: copy all of its lines")]
    Empty,
    /// More characters than any request has.
    #[error("the text is longer than {MAX_CHARS} characters, which no request is: copy the request text only")]
    TooLong,
    /// A character that stands in no request.
    #[error(
        "line {line}: symbol {position} is {character:?}, which stands in no request: only digits and the letters A to Z without U"
    )]
    Symbol {
        /// The line.
        line: usize,
        /// Which symbol of it, the line number's two included.
        position: usize,
        /// What stands there.
        character: char,
    },
    /// Symbols are missing or too many.
    #[error(
        "line {line} has {found} symbols, its number included, where {LINE} are needed: compare it with the original"
    )]
    Length {
        /// The line.
        line: usize,
        /// Its symbols.
        found: usize,
    },
    /// All symbols are possible, but they do not fit together.
    #[error("line {line} has a typing error: a symbol is wrong or two are swapped; compare it with the original")]
    Check {
        /// The line.
        line: usize,
    },
    /// A line that is good, but stands in the wrong place.
    #[error("line {found} stands where line {line} belongs: a line is missing, doubled or out of order")]
    Order {
        /// The line that belongs there.
        line: usize,
        /// The line that stands there.
        found: usize,
    },
    /// The content ends too early.
    #[error("the text ends too early: the lines after line {lines} are missing")]
    Incomplete {
        /// Lines that are there.
        lines: usize,
    },
    /// The lines do not belong together.
    #[error("the lines belong to two different requests: take all lines of one")]
    Mixed,
    /// A form of later software.
    #[error("the request has the form {found}, but this service reads form {VERSION}: update the service")]
    Version {
        /// Its form.
        found: u8,
    },
    /// Content that no request has.
    #[error("the request's {0} is none: make the request again")]
    Content(&'static str),
}

impl RequestError {
    /// The stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Symbol { .. } => "wrong_symbol",
            Self::Length { .. } => "wrong_length",
            Self::Check { .. } => "typing_error",
            Self::Order { .. } => "wrong_order",
            Self::Incomplete { .. } => "incomplete",
            Self::Mixed => "mixed",
            Self::Version { .. } => "newer_form",
            Self::Content(_) => "wrong_content",
        }
    }

    /// The line to look at, where one is wrong.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Symbol { line, .. } | Self::Length { line, .. } | Self::Check { line } | Self::Order { line, .. } => {
                Some(*line)
            }
            _ => None,
        }
    }
}

/// What cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No product, or a name that is none.
    #[error("the product's name must have 1 to {PRODUCT_BYTES} bytes and no slash")]
    Product,
    /// A name or platform that is too long.
    #[error("the machine's {0} may have {TEXT_CHARS} characters, none of them a control character")]
    Text(&'static str),
    /// No fingerprint.
    #[error(transparent)]
    Components(#[from] ComponentsError),
}

impl Request {
    /// The text, one line under the other, without a line break at the end.
    ///
    /// # Errors
    /// [`WriteError`] for what [`Request::parse`] would refuse.
    pub fn to_text(&self) -> Result<String, WriteError> {
        let lines: Vec<String> = self.lines()?.iter().map(|line| shown(line)).collect();
        Ok(lines.join("\n"))
    }

    /// The text for a QR code: the same symbols in a row, all of its alphanumeric mode (ISO/IEC 18004).
    ///
    /// # Errors
    /// As [`Self::to_text`].
    pub fn to_qr(&self) -> Result<String, WriteError> {
        Ok(self.lines()?.concat().iter().map(|value| letter(*value)).collect())
    }

    /// Reads what was typed, scanned or copied: with its line breaks, or all in a row.
    ///
    /// # Errors
    /// [`RequestError`] names the wrong line.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(RequestError::TooLong);
        }
        let lines = split(text)?;
        let mut data = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            data.extend_from_slice(read_line(line, index + 1, index + 1 == lines.len())?);
        }
        let bytes = to_bytes(&data);
        let request = read_content(&bytes, lines.len())?;
        // Spare bits are zero, and no symbol more than needed follows.
        if to_values(&bytes) == data { Ok(request) } else { Err(RequestError::Content("end")) }
    }

    fn lines(&self) -> Result<Vec<Vec<u8>>, WriteError> {
        let data = to_values(&self.content()?);
        let numbered = data.chunks(DATA).zip(1_u8..);
        Ok(numbered
            .map(|(data, number)| {
                let mut line = [&[number / 10, number % 10], data].concat();
                let checks = checks(&line);
                line.extend(checks);
                line
            })
            .collect())
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

/// Takes the text apart into the values of each line's symbols.
fn split(text: &str) -> Result<Vec<Vec<u8>>, RequestError> {
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.chars().all(symbols::is_divider)) {
        let number = lines.len() + 1;
        if number > MAX_LINES {
            return Err(RequestError::TooLong);
        }
        let mut values = Vec::new();
        for character in line.chars().map(symbols::to_plain).filter(|&character| !symbols::is_divider(character)) {
            let position = values.len() + 1;
            let wrong = RequestError::Symbol { line: number, position, character };
            values.push(symbols::value(character).ok_or(wrong)?);
        }
        lines.push(values);
    }
    match lines.as_slice() {
        [] => Err(RequestError::Empty),
        [row] if row.len() > LINE * MAX_LINES => Err(RequestError::TooLong),
        // Without line breaks, as from a QR code.
        [row] => Ok(row.chunks(LINE).map(<[u8]>::to_vec).collect()),
        _ => Ok(lines),
    }
}

/// The content of line number `line`.
fn read_line(values: &[u8], line: usize, last: bool) -> Result<&[u8], RequestError> {
    let fits = if last { (NUMBER + CHECKS + 1..=LINE).contains(&values.len()) } else { values.len() == LINE };
    let wrong = RequestError::Length { line, found: values.len() };
    if !fits {
        return Err(wrong);
    }
    let Some((covered, check)) = values.split_last_chunk::<CHECKS>() else { return Err(wrong) };
    if checks(covered) != *check {
        return Err(RequestError::Check { line });
    }
    let Some(([tens, ones], data)) = covered.split_first_chunk::<NUMBER>() else { return Err(wrong) };
    match usize::from(*tens) * 10 + usize::from(*ones) {
        found if found == line => Ok(data),
        found => Err(RequestError::Order { line, found }),
    }
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

/// Bytes as values of five bits, the last one filled with zeros.
fn to_values(bytes: &[u8]) -> Vec<u8> {
    regroup(bytes, 8, 5, true)
}

/// The other way; bits that fill no byte are left out.
fn to_bytes(values: &[u8]) -> Vec<u8> {
    regroup(values, 5, 8, false)
}

fn regroup(input: &[u8], from: u32, to: u32, fill: bool) -> Vec<u8> {
    let (mut held, mut bits) = (0_u32, 0);
    let mut output = Vec::new();
    let mask = (1_u32 << to) - 1;
    // At most 4 + 8 bits are held.
    let low = |value: u32| u8::try_from(value & mask).unwrap_or_default();
    for value in input {
        held = held << from | u32::from(*value);
        bits += from;
        while bits >= to {
            bits -= to;
            output.push(low(held >> bits));
            held &= (1 << bits) - 1;
        }
    }
    if fill && bits > 0 {
        output.push(low(held << (to - bits)));
    }
    output
}

/// The remainder of line · x² by (x + 1)(x + α), the generator.
fn checks(line: &[u8]) -> [u8; CHECKS] {
    const ALPHA: u8 = 2;
    line.iter().fold([0; CHECKS], |[high, low], value| {
        let lead = value ^ high;
        [low ^ multiply(lead, 1 ^ ALPHA), multiply(lead, ALPHA)]
    })
}

fn letter(value: u8) -> char {
    ALPHABET.get(usize::from(value)).copied().map_or('?', char::from)
}

/// `01 ABCDE-FGHJK-…`
fn shown(line: &[u8]) -> String {
    let letters = |values: &[u8]| values.iter().map(|value| letter(*value)).collect::<String>();
    let (number, rest) = line.split_at(NUMBER.min(line.len()));
    let groups: Vec<String> = rest.chunks(GROUP).map(letters).collect();
    format!("{} {}", letters(number), groups.join("-"))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
