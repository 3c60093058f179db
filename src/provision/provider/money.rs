//! Prices as clouds write them, reckoned in millionths and without rounding errors.

/// Hours of a month.
pub const MONTH: u128 = 730;
/// Digits after the point that are kept.
const DIGITS: usize = 6;
const ONE: u128 = 1_000_000;

/// Millionths of a decimal number; nothing for anything else.
pub fn micros(text: &str) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !digits(whole) || !digits(part) {
        return None;
    }
    let part: String = part.chars().chain(std::iter::repeat('0')).take(DIGITS).collect();
    Some(whole.parse::<u128>().ok()? * ONE + part.parse::<u128>().ok()?)
}

/// The same as text, without zeros at its end.
pub fn decimal(micros: u128) -> String {
    let text = format!("{}.{:06}", micros / ONE, micros % ONE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With two digits after the point, rounded up: nobody is surprised by less.
pub fn cents(micros: u128) -> String {
    let cents = micros.div_ceil(10_000);
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_reckoned_without_rounding_errors() {
        assert_eq!(micros("0.1234567"), Some(123_456));
        assert_eq!(cents(micros("0.23").unwrap() * MONTH), "167.90");
        assert_eq!(cents(micros("0.0001").unwrap() * MONTH), "0.08");
        assert_eq!([micros("-1"), micros("1e-5"), micros(""), micros("null")], [None; 4]);
        assert_eq!(["0.0104000000", "12", "0.5"].map(|text| decimal(micros(text).unwrap())), ["0.0104", "12", "0.5"]);
    }
}
