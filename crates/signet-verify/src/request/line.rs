//! Lines: symbols in groups, numbered, with check symbols.

use alloc::{format, string::String, vec::Vec};

use crate::symbols::{self, ALPHABET, multiply};

use super::error::RequestError;

/// Lines of the longest request.
pub(super) const MAX_LINES: usize = 99;
/// Symbols of a group, divided by dashes.
pub(super) const GROUP: usize = 5;
/// Symbols of a line's number.
pub(super) const NUMBER: usize = 2;
/// Check symbols of a line.
pub(super) const CHECKS: usize = 2;
/// Symbols of content in a full line.
pub(super) const DATA: usize = 23;
/// Symbols of a full line.
pub(super) const LINE: usize = NUMBER + DATA + CHECKS;

/// Content as lines with their numbers and check symbols.
pub(super) fn numbered(data: &[u8]) -> Vec<Vec<u8>> {
    let numbered = data.chunks(DATA).zip(1_u8..);
    let line = |(data, number): (&[u8], u8)| {
        let mut line = [&[number / 10, number % 10], data].concat();
        line.extend(checks(&line));
        line
    };
    numbered.map(line).collect()
}

/// Takes the text apart into the values of each line's symbols.
pub(super) fn split(text: &str) -> Result<Vec<Vec<u8>>, RequestError> {
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
pub(super) fn read(values: &[u8], line: usize, last: bool) -> Result<&[u8], RequestError> {
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

/// Bytes as values of five bits, the last one filled with zeros.
pub(super) fn to_values(bytes: &[u8]) -> Vec<u8> {
    regroup(bytes, 8, 5, true)
}

/// The other way; bits that fill no byte are left out.
pub(super) fn to_bytes(values: &[u8]) -> Vec<u8> {
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
pub(super) fn checks(line: &[u8]) -> [u8; CHECKS] {
    const ALPHA: u8 = 2;
    line.iter().fold([0; CHECKS], |[high, low], value| {
        let lead = value ^ high;
        [low ^ multiply(lead, 1 ^ ALPHA), multiply(lead, ALPHA)]
    })
}

pub(super) fn letter(value: u8) -> char {
    ALPHABET.get(usize::from(value)).copied().map_or('?', char::from)
}

/// `01 ABCDE-FGHJK-…`
pub(super) fn shown(line: &[u8]) -> String {
    let letters = |values: &[u8]| values.iter().map(|value| letter(*value)).collect::<String>();
    let (number, rest) = line.split_at(NUMBER.min(line.len()));
    let groups: Vec<String> = rest.chunks(GROUP).map(letters).collect();
    format!("{} {}", letters(number), groups.join("-"))
}
