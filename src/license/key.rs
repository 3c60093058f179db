//! The license key: short enough to be typed, 25 symbols such as `7QK3M-…`, five groups of five.
//!
//! * 22 symbols are random: 110 bits.
//! * 3 are check symbols: a Reed–Solomon code over GF(32) of distance 4. Any one, two or three wrong symbols are
//!   caught for certain, and so is any swap of two symbols, neighbours or not. Of all other texts 1 in 32,768 passes.
//! * The alphabet is Crockford's base32. Small letters, spaces and dashes do not matter; `O` reads as `0`, `I` and `L`
//!   as `1`; `U` is refused. Full-width forms, as Chinese input methods write them, read as the plain ones.
//!
//! A key never changes and says nothing: it is looked up, never verified offline.

use std::fmt;

use signet_verify::symbols::{self, ALPHABET, multiply};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base::entropy::Entropy;

/// Symbols of a key.
pub const SYMBOLS: usize = 25;
const DATA: usize = 22;
const CHECKS: usize = SYMBOLS - DATA;
const GROUP: usize = 5;
/// Characters that are read at all: far more than anybody types.
const MAX_CHARS: usize = 200;

/// Added to the check symbols, so that a row of zeros is no key: S, G, N of the alphabet.
const OFFSET: [u8; CHECKS] = [25, 16, 21];
/// Coefficients (x², x, 1) of (x + 1)(x + α)(x + α²), the code's generator.
const GENERATOR: [u8; CHECKS] = generator();

/// Why a text is no license key. Positions count symbols from 1, without dashes and spaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Symbols are missing or too many.
    #[error("a license key has {SYMBOLS} symbols, this text has {found}: compare it with the original")]
    Length {
        /// Symbols found (counted up to a bound).
        found: usize,
    },
    /// A character that stands in no key.
    #[error(
        "character {position} is {character:?}, which stands in no license key: only digits and the letters A to Z without U"
    )]
    Symbol {
        /// Which symbol.
        position: usize,
        /// What stands there.
        character: char,
    },
    /// All symbols are possible, but they do not fit together.
    #[error("the license key has a typing error: a symbol is wrong or two are swapped; compare it with the original")]
    Checksum,
}

/// A license key. Wiped when dropped; `Debug` does not show it, [`fmt::Display`] does.
#[derive(Clone)]
pub struct LicenseKey(Zeroizing<[u8; SYMBOLS]>);

impl LicenseKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut data = Zeroizing::new([0; DATA]);
        entropy.fill(&mut *data);
        // 256 is a multiple of 32: every symbol is equally likely.
        data.iter_mut().for_each(|byte| *byte &= 31);
        let mut text = Zeroizing::new([0; SYMBOLS]);
        for (place, value) in text.iter_mut().zip(data.iter().copied().chain(checks(&data))) {
            *place = ALPHABET[usize::from(value)];
        }
        Self(text)
    }

    /// Reads what a person typed.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong and where, as far as that can be known.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut values = Zeroizing::new([0; SYMBOLS]);
        let mut found = 0;
        for character in
            text.chars().take(MAX_CHARS).map(symbols::to_plain).filter(|&character| !symbols::is_divider(character))
        {
            let value = symbols::value(character).ok_or(KeyError::Symbol { position: found + 1, character })?;
            if let Some(place) = values.get_mut(found) {
                *place = value;
            }
            found += 1;
        }
        if found != SYMBOLS || text.chars().nth(MAX_CHARS).is_some() {
            return Err(KeyError::Length { found });
        }
        let (data, check) = values.split_first_chunk::<DATA>().ok_or(KeyError::Length { found })?;
        if checks(data) != check {
            return Err(KeyError::Checksum);
        }
        values.iter_mut().for_each(|value| *value = ALPHABET[usize::from(*value)]);
        Ok(Self(values))
    }

    /// The canonical form without dashes, in ASCII: what look-up and sealing work on.
    pub fn as_bytes(&self) -> &[u8; SYMBOLS] {
        &self.0
    }
}

/// The form people get: `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`.
impl fmt::Display for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.0.chunks(GROUP).enumerate() {
            if index > 0 {
                f.write_str("-")?;
            }
            f.write_str(std::str::from_utf8(group).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenseKey(…)")
    }
}

impl std::str::FromStr for LicenseKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

/// In constant time.
impl PartialEq for LicenseKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for LicenseKey {}

const fn generator() -> [u8; CHECKS] {
    // (x + 1)(x + 2)(x + 4), multiplied out; + is xor.
    let (a, b, c) = (1, 2, 4);
    [a ^ b ^ c, multiply(a, b) ^ multiply(a, c) ^ multiply(b, c), multiply(multiply(a, b), c)]
}

/// The remainder of data · x³ by the generator, plus [`OFFSET`].
fn checks(data: &[u8; DATA]) -> [u8; CHECKS] {
    let mut rest = [0; CHECKS];
    for value in data {
        let lead = value ^ rest[0];
        rest = [
            rest[1] ^ multiply(lead, GENERATOR[0]),
            rest[2] ^ multiply(lead, GENERATOR[1]),
            multiply(lead, GENERATOR[2]),
        ];
    }
    std::array::from_fn(|index| rest[index] ^ OFFSET[index])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::entropy::SeededEntropy;

    fn key(seed: u64) -> LicenseKey {
        LicenseKey::generate(&SeededEntropy::new(seed))
    }

    fn parse_bytes(bytes: &[u8]) -> Result<LicenseKey, KeyError> {
        LicenseKey::parse(std::str::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_single_wrong_symbol_is_caught() {
        for seed in 0..50 {
            let good = *key(seed).as_bytes();
            for position in 0..SYMBOLS {
                for wrong in ALPHABET.iter().filter(|symbol| **symbol != good[position]) {
                    let mut typed = good;
                    typed[position] = *wrong;
                    assert_eq!(parse_bytes(&typed), Err(KeyError::Checksum), "{position}");
                }
            }
        }
    }

    #[test]
    fn every_swap_of_two_symbols_is_caught() {
        for seed in 0..200 {
            let good = *key(seed).as_bytes();
            for left in 0..SYMBOLS {
                for right in left + 1..SYMBOLS {
                    let mut typed = good;
                    typed.swap(left, right);
                    let expected = if typed == good { Ok(key(seed)) } else { Err(KeyError::Checksum) };
                    assert_eq!(parse_bytes(&typed), expected, "{left} {right}");
                }
            }
        }
    }

    /// The code is linear: whether an error passes does not depend on the key, nor on a common factor of the error.
    /// So trying every error of up to three symbols, the first of them 1, on one key proves it for all keys.
    #[test]
    fn no_error_of_up_to_three_symbols_passes() {
        // How far an error leaves check symbols and data apart.
        let gap = |position: usize, error: u8| {
            let mut values = [0; SYMBOLS];
            values[position] = error;
            let (data, check) = values.split_first_chunk::<DATA>().unwrap();
            let wanted = checks(data);
            (0..CHECKS).fold(0, |sum, index| sum << 5 | u16::from(wanted[index] ^ OFFSET[index] ^ check[index]))
        };
        let gaps: Vec<[u16; 32]> =
            (0..SYMBOLS).map(|position| std::array::from_fn(|error| gap(position, error as u8))).collect();
        for (left, first) in gaps.iter().enumerate() {
            assert_ne!(first[1], 0, "{left}");
            for (middle, second) in gaps.iter().enumerate().skip(left + 1) {
                for with in &second[1..] {
                    let both = first[1] ^ with;
                    assert_ne!(both, 0, "{left} {middle}");
                    let passes = gaps.iter().skip(middle + 1).any(|third| third[1..].contains(&both));
                    assert!(!passes, "{left} {middle}");
                }
            }
        }
    }

    #[test]
    fn keys_are_read_as_people_write_them() {
        let good = key(1);
        let shown = good.to_string();
        assert_eq!(shown.len(), 29);
        assert!(shown.split('-').all(|group| group.len() == 5));
        let loose = shown.to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
        let wide: String = shown.chars().map(|symbol| char::from_u32(u32::from(symbol) + 0xFEE0).unwrap()).collect();
        for text in [
            shown.clone(),
            shown.replace('-', ""),
            shown.replace('-', "\u{2013}"),
            format!("  {shown}\r\n"),
            shown.replace('1', "I"),
            loose,
            wide,
        ] {
            assert_eq!(LicenseKey::parse(&text), Ok(good.clone()), "{text}");
        }
    }

    #[test]
    fn errors_say_what_and_where() {
        let shown = key(1).to_string();
        assert_eq!(LicenseKey::parse(""), Err(KeyError::Length { found: 0 }));
        assert_eq!(LicenseKey::parse(&shown[1..]), Err(KeyError::Length { found: 24 }));
        assert_eq!(LicenseKey::parse(&format!("{shown}7")), Err(KeyError::Length { found: 26 }));
        assert!(matches!(LicenseKey::parse(&"7".repeat(100_000)), Err(KeyError::Length { .. })));
        assert!(matches!(LicenseKey::parse(&format!("{shown}{}", " ".repeat(500))), Err(KeyError::Length { .. })));
        let mut typed: Vec<char> = shown.chars().collect();
        typed[7] = 'u';
        let text: String = typed.iter().collect();
        assert_eq!(LicenseKey::parse(&text), Err(KeyError::Symbol { position: 7, character: 'u' }));
        assert_eq!(LicenseKey::parse("é"), Err(KeyError::Symbol { position: 1, character: 'é' }));
    }

    #[test]
    fn rows_of_one_symbol_are_no_keys() {
        for symbol in ALPHABET {
            assert_eq!(parse_bytes(&[*symbol; SYMBOLS]), Err(KeyError::Checksum));
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(format!("{:?}", key(1)), "LicenseKey(…)");
    }

    proptest! {
        #[test]
        fn a_key_reads_back(seed: u64) {
            let good = key(seed);
            prop_assert_eq!(LicenseKey::parse(&good.to_string()), Ok(good.clone()));
            prop_assert_eq!(parse_bytes(good.as_bytes()), Ok(good));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), near in "[0-9A-Za-z -]{20,40}") {
            let _ = LicenseKey::parse(&text);
            let _ = LicenseKey::parse(&near);
        }
    }
}
