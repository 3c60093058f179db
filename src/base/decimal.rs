//! Amounts of usage as decimal text: JSON's numbers would lose what money depends on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DIGITS_BEFORE: usize = 8;
const DIGITS_BEHIND: usize = 4;
const SCALE: i64 = 10_000;

/// An amount that is not negative, in ten-thousandths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(pub i64);

impl Decimal {
    /// So many whole units.
    pub fn whole(number: u32) -> Self {
        Self(i64::from(number) * SCALE)
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (whole, behind) = text.split_once('.').map_or((text, None), |(whole, behind)| (whole, Some(behind)));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let fits = digits(whole, DIGITS_BEFORE) && behind.is_none_or(|text| digits(text, DIGITS_BEHIND));
        let number = |text: &str| text.parse::<i64>().ok();
        let behind = format!("{:0<DIGITS_BEHIND$}", behind.unwrap_or_default());
        match (number(whole), number(&behind)) {
            (Some(whole), Some(behind)) if fits => Ok(Self(whole * SCALE + behind)),
            _ => Err(format!(
                "`{}` is no amount: expected text such as \"12.5\", not negative, at most {DIGITS_BEFORE} digits \
                 before and {DIGITS_BEHIND} behind the point",
                text.chars().take(40).collect::<String>()
            )),
        }
    }
}

/// The shortest form.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, behind) = (self.0 / SCALE, (self.0 % SCALE).abs());
        if behind == 0 {
            return write!(f, "{whole}");
        }
        let behind = format!("{behind:0DIGITS_BEHIND$}");
        write!(f, "{whole}.{}", behind.trim_end_matches('0'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, amount, shown) in [
            ("0", 0, "0"),
            ("12.5", 125_000, "12.5"),
            ("0.0001", 1, "0.0001"),
            ("1.10", 11_000, "1.1"),
            ("007", 70_000, "7"),
            ("99999999.9999", 999_999_999_999, "99999999.9999"),
        ] {
            assert_eq!(text.parse::<Decimal>(), Ok(Decimal(amount)), "{text}");
            assert_eq!(Decimal(amount).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-1", "+1", ".5", "1.", "1.00001", "1e3", "1,5", " 1", "1 ", "１", "NaN", "1.2.3", "100000000"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(amount in 0..=999_999_999_999_i64) {
            prop_assert_eq!(Decimal(amount).to_string().parse::<Decimal>(), Ok(Decimal(amount)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<Decimal>();
        }
    }
}
