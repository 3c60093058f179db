//! Query strings, decoded the way the marketplace encodes them (`application/x-www-form-urlencoded`).
//!
//! Own code because the usual decoders repair what is broken: bytes that are no UTF-8 become `U+FFFD`, `%zz` stays as
//! it is. Both would let two different requests share one meaning, under a signature that covers the meaning.

/// Names and values in the order they were sent.
pub type Pairs = Vec<(String, String)>;

/// Why a query string cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A `%` without two hexadecimal digits behind it.
    #[error("a `%` in it is not followed by two hexadecimal digits")]
    Percent,
    /// Decoded bytes are no UTF-8.
    #[error("what it decodes to is not UTF-8")]
    Utf8,
}

/// Splits and decodes a raw query string: `&` between pairs, the first `=` between name and value, `+` for a space,
/// `%XX` for any byte. A pair without `=` has an empty value; empty pairs (`a=1&&b=2`) do not count.
///
/// # Errors
/// [`QueryError`]: nothing is repaired.
pub fn decode(query: &str) -> Result<Pairs, QueryError> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode_component(name)?, decode_component(value)?))
        })
        .collect()
}

fn decode_component(text: &str) -> Result<String, QueryError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next())? << 4 | hex_digit(rest.next())?,
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| QueryError::Utf8)
}

fn hex_digit(byte: Option<u8>) -> Result<u8, QueryError> {
    match byte {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        _ => Err(QueryError::Percent),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(expected: &[(&str, &str)]) -> Result<Pairs, QueryError> {
        Ok(expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn pairs_keep_order_duplicates_and_empty_values() {
        assert_eq!(decode("b=2&a=&a=1&c"), pairs(&[("b", "2"), ("a", ""), ("a", "1"), ("c", "")]));
        assert_eq!(decode("&&a=1&"), pairs(&[("a", "1")]));
        assert_eq!(decode(""), pairs(&[]));
        assert_eq!(decode("=x"), pairs(&[("", "x")]));
    }

    #[test]
    fn values_decode_once() {
        assert_eq!(decode("n=a%2Bb%40c%26d%3de+f"), pairs(&[("n", "a+b@c&d=e f")]));
        assert_eq!(decode("n=%25%32%30"), pairs(&[("n", "%20")]));
        assert_eq!(decode("n=a=b"), pairs(&[("n", "a=b")]));
        assert_eq!(decode("%E5%BC%A0=%e4%b8%89"), pairs(&[("张", "三")]));
    }

    #[test]
    fn broken_escapes_and_broken_utf8_are_refused() {
        for query in ["a=%", "a=%4", "a=%zz", "a=%+1", "%g0=1", "a=%4&b=1"] {
            assert_eq!(decode(query), Err(QueryError::Percent), "{query}");
        }
        for query in ["a=%ff", "a=%e4%b8", "a=%c0%80", "%80=1"] {
            assert_eq!(decode(query), Err(QueryError::Utf8), "{query}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_encoding_comes_back(query in ".*", name in "[^=]+", value in ".*") {
            let _ = decode(&query);
            let encoded: String = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            prop_assert_eq!(decode(&encoded), Ok(vec![(name, value)]));
        }
    }
}
