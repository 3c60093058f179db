//! Percent-encoding of addresses and forms.

/// RFC 3986: all but letters, digits, `-`, `.`, `_`, `~` as `%XX`.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The same with `+` for a space, as in `application/x-www-form-urlencoded`.
pub fn encode_form(text: &str) -> String {
    encode(text.as_bytes()).replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode("a b*c~d/é+=&%".as_bytes()), "a%20b%2Ac~d%2F%C3%A9%2B%3D%26%25");
        assert_eq!(encode_form("a b*c~d/é+=&%20"), "a+b%2Ac~d%2F%C3%A9%2B%3D%26%2520");
    }
}
