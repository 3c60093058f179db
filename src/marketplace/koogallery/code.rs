//! License codes that the marketplace makes (授权码 2.0).

/// Characters of a code; the marketplace's field takes 64.
const CHARS: std::ops::RangeInclusive<usize> = 6..=64;

/// Whether `text` has the form of a marketplace's license code: `PL`, then letters and digits (dashes occur).
///
/// A signed call about such a code is kept even when nobody has redeemed it here; about anything else it is refused as
/// unknown.
pub fn is_marketplace_code(text: &str) -> bool {
    CHARS.contains(&text.len())
        && text.starts_with("PL")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_start_with_pl_and_hold_letters_and_digits() {
        for good in ["PLTEST0001", "PL-abc-123", &format!("PL{}", "A".repeat(62))] {
            assert!(is_marketplace_code(good), "{good}");
        }
        for bad in ["hello", "PL", "PL01", "pl123456", "PL 12345", "PL12345!", &format!("PL{}", "A".repeat(63))] {
            assert!(!is_marketplace_code(bad), "{bad}");
        }
    }
}
