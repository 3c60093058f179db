//! The token of a call: MD5 over all other parameters, sorted by their names, and the merchant's key (SPI security scheme of the
//! marketplace's help).

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use crate::base::secret::{ExposeSecret, SecretString};

/// The parameter that holds it.
const NAME: &str = "token";

/// The token of a call with these parameters: 32 hexadecimal digits. Parameters that the marketplace adds one day count too.
pub fn token(parameters: &[(String, String)], key: &SecretString) -> String {
    let mut sorted: Vec<_> = parameters.iter().filter(|(name, _)| name != NAME).collect();
    sorted.sort();
    let mut text = String::new();
    for (name, value) in sorted {
        // Writing to a text cannot fail.
        let _ = write!(text, "{name}={value}&");
    }
    text.push_str("key=");
    let mut digest = Md5::new();
    digest.update(&text);
    digest.update(key.expose_secret());
    HEXLOWER.encode(&digest.finalize())
}

/// Whether a call with these parameters is made with `key`: it names every parameter once, and its token is theirs.
pub fn is_good(parameters: &[(String, String)], key: &SecretString) -> bool {
    let mut names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return false;
    }
    let shown = parameters.iter().find(|(name, _)| name == NAME).map(|(_, value)| value.to_ascii_lowercase());
    shown.is_some_and(|shown| token(parameters, key).as_bytes().ct_eq(shown.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Vec<(String, String)> {
        crate::marketplace::alibaba::parameters(query)
    }

    /// Computed with `md5sum` over the text beside it.
    #[test]
    fn tokens_are_md5_over_sorted_parameters_and_key() {
        let key = SecretString::from("isvkey");
        for (query, expected) in [
            // p1=1&p2=2&p3=3&key=isvkey
            ("p1=1&p2=2&p3=3&token=xxxx", "691b1c2be27485a87fb000de6f89f1d3"),
            ("p3=3&token=xxxx&p2=2&p1=1", "691b1c2be27485a87fb000de6f89f1d3"),
            // action=renewInstance&expiredOn=2027-03-02 16:00:00&name=公司&key=isvkey
            (
                "name=%E5%85%AC%E5%8F%B8&expiredOn=2027-03-02+16%3A00%3A00&action=renewInstance",
                "8be4a216b91af6699cc1924e98448e34",
            ),
            // key=isvkey
            ("", "34f04427e099f8bf903e733dcc407c8e"),
        ] {
            assert_eq!(token(&parameters(query), &key), expected, "{query}");
        }
    }

    #[test]
    fn only_the_whole_call_with_its_key_is_good() {
        let key = SecretString::from("isvkey");
        let good = format!("a=1&b=2&token={}", token(&parameters("a=1&b=2"), &key));
        assert!(
            is_good(&parameters(&good), &key)
                && is_good(
                    &parameters(
                        &good.to_uppercase().replace("A=", "a=").replace("B=", "b=").replace("TOKEN=", "token=")
                    ),
                    &key
                )
        );
        for bad in [
            good.replace("a=1", "a=2"),
            good.replace("b=2", "b=2&c=3"),
            good.replace("b=2", "b=2&b=2"),
            good.replace("b=2&", ""),
            format!("{good}0"),
            "a=1&b=2".to_owned(),
            "a=1&b=2&token=".to_owned(),
        ] {
            assert!(!is_good(&parameters(&bad), &key), "{bad}");
        }
        assert!(!is_good(&parameters(&good), &"other".into()));
    }
}
