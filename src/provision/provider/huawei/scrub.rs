//! Takes secrets out of the cloud's words. A refused signature is explained with the whole request as the gateway saw it,
//! the token of temporary credentials included.

use std::collections::HashSet;

use data_encoding::BASE64;

use crate::base::{
    secret::{ExposeSecret, SecretString},
    text::truncate,
};

use super::signing::encode;

/// Bytes of a secret that make a part of it recognisable.
const WINDOW: usize = 8;
/// Characters of a message that are looked at.
const MESSAGE_CHARS: usize = 4_000;
/// Unbroken characters that nobody reads: signatures, digests, tokens, encoded texts. Ids have at most 36.
const RUN: usize = 40;

/// Knows what must not be shown.
#[derive(Default)]
pub struct Scrub(Vec<SecretString>);

impl Scrub {
    /// Adds a secret: as it is, as it stands in an address, and in base64.
    pub fn add(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.0.push(secret.to_owned().into());
            self.0.push(encode(secret.as_bytes()).into());
            self.0.push(BASE64.encode(secret.as_bytes()).into());
        }
    }

    /// `text` with `…` for every part of a secret and for everything that looks like one.
    pub fn clean(&self, text: &str) -> String {
        let text = truncate(text, MESSAGE_CHARS);
        let mut hidden = vec![false; text.len()];
        let windows: HashSet<&[u8]> =
            self.0.iter().flat_map(|secret| secret.expose_secret().as_bytes().windows(WINDOW)).collect();
        for (at, window) in text.as_bytes().windows(WINDOW).enumerate() {
            if windows.contains(window) {
                hidden[at..at + WINDOW].fill(true);
            }
        }
        for secret in self.0.iter().map(ExposeSecret::expose_secret).filter(|secret| secret.len() < WINDOW) {
            for (at, _) in text.match_indices(secret) {
                hidden[at..at + secret.len()].fill(true);
            }
        }
        hide_runs(text.as_bytes(), &mut hidden);
        show(&text, &hidden)
    }
}

fn hide_runs(bytes: &[u8], hidden: &mut [bool]) {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-%".contains(&byte);
    let mut start = 0;
    for end in 0..=bytes.len() {
        if end == bytes.len() || !inside(bytes[end]) {
            if end - start >= RUN {
                hidden[start..end].fill(true);
            }
            start = end + 1;
        }
    }
}

/// A character is hidden with any byte of it.
fn show(text: &str, hidden: &[bool]) -> String {
    let mut shown = String::new();
    let mut before = false;
    for (at, char) in text.char_indices() {
        let hide = hidden[at..at + char.len_utf8()].contains(&true);
        match (hide, before) {
            (false, _) => shown.push(char),
            (true, false) => shown.push('…'),
            (true, true) => {}
        }
        before = hide;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huawei_secrets_are_hidden_whole_in_parts_and_encoded() {
        let mut scrub = Scrub::default();
        scrub.add("canary/Token+Key=1");
        scrub.add("#!/bin/sh\nTOKEN=canary\n");
        let base64 = BASE64.encode(b"#!/bin/sh\nTOKEN=canary\n");
        for text in ["canary/Token+Key=1", "Token+Ke", "canary%2FToken%2BKey%3D1", "TOKEN=canary", &base64] {
            assert_eq!(scrub.clean(&format!("got ({text}) from you")), "got (…) from you", "{text}");
        }
    }

    #[test]
    fn huawei_signatures_are_hidden_and_ids_stay() {
        let text = format!("|{}| job 8a8083a1597acc5c01597ad1c2720a3e", "0123456789abcdef".repeat(4));
        assert_eq!(Scrub::default().clean(&text), "|…| job 8a8083a1597acc5c01597ad1c2720a3e");
    }
}
