//! Query strings as Java's `URLEncoder` writes them, because the marketplace is written in Java.

use std::fmt::Write as _;

/// Encodes one name or value: a space becomes `+`, everything but letters, digits and `*-._` becomes `%XX`.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").unwrap_or(()),
        }
        out
    })
}

/// Joins pairs to a query string, empty values included.
pub(crate) fn query(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_outside_the_safe_set_is_escaped() {
        assert_eq!(encode("张 a+b@c&d=e*-._~"), "%E5%BC%A0+a%2Bb%40c%26d%3De*-._%7E");
        assert_eq!(query(&[("a".into(), String::new()), ("b".into(), "1".into())]), "a=&b=1");
    }
}
