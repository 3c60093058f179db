//! What people read and type: Crockford's base32, forgiving, with check symbols over GF(32).
//!
//! Small letters, spaces and dashes do not matter; `O` reads as `0`, `I` and `L` as `1`; `U` is refused. Full-width
//! forms, as Chinese input methods write them, read as the plain ones.

/// The 32 symbols in the order of their values.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The plain form of a full-width character (U+FF01 to U+FF5E), everything else unchanged.
pub fn to_plain(character: char) -> char {
    match u32::from(character) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(character),
        _ => character,
    }
}

/// Spaces, and the dashes that word processors make of a hyphen.
pub fn is_divider(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// The value of a symbol as a person writes it.
pub fn value(character: char) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    (0..32).zip(ALPHABET).find(|(_, symbol)| char::from(**symbol) == character).map(|(value, _)| value)
}

/// Product in GF(32) = GF(2)[x] / (x⁵ + x² + 1), in which α = 2 has order 31.
pub const fn multiply(left: u8, right: u8) -> u8 {
    let (mut left, mut right, mut product) = (left, right, 0);
    while right > 0 {
        // No branch and no table on a secret value.
        product ^= left & (right & 1).wrapping_neg();
        left = (left << 1) ^ (0b10_0101 & (left >> 4).wrapping_neg());
        right >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_reaches_every_element() {
        let mut seen = alloc::collections::BTreeSet::new();
        let mut power = 1;
        for _ in 0..31 {
            seen.insert(power);
            power = multiply(power, 2);
        }
        assert_eq!((seen.len(), power, seen.contains(&0)), (31, 1, false));
    }

    #[test]
    fn every_symbol_reads_back_and_u_does_not() {
        for (index, symbol) in (0..).zip(ALPHABET) {
            assert_eq!(value(char::from(*symbol)), Some(index));
            assert_eq!(value(char::from(symbol.to_ascii_lowercase())), Some(index));
        }
        assert_eq!(['O', 'i', 'l', 'U', 'u', '!', 'é'].map(value), [Some(0), Some(1), Some(1), None, None, None, None]);
    }
}
