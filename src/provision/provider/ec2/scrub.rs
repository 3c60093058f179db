//! Takes secrets out of a cloud's words: clouds repeat what was sent to them, whole or in parts.

use std::collections::HashSet;

use crate::base::{
    secret::{ExposeSecret, SecretString},
    text::truncate,
};

use super::form::encoded;

/// Bytes of a key or a token that are enough to hide them.
const KEY_WINDOW: usize = 8;
/// The same of a text with secrets in it: fewer would hide the words that a script shares with every error.
const TEXT_WINDOW: usize = 20;
/// Characters of a message that are looked at.
const MESSAGE_CHARS: usize = 4_000;
/// Unbroken characters that nobody reads: signatures, digests, tokens, encoded texts.
const RUN: usize = 40;

/// Knows what must not be shown.
#[derive(Default)]
pub struct Scrub(Vec<(SecretString, usize)>);

impl Scrub {
    /// Adds a key or a token, as it is and as it stands in a form.
    pub fn add_key(&mut self, key: &str) {
        self.add(key, KEY_WINDOW);
    }

    /// Adds a text with secrets in it, in the same way.
    pub fn add_text(&mut self, text: &str) {
        self.add(text, TEXT_WINDOW);
    }

    fn add(&mut self, secret: &str, window: usize) {
        if !secret.is_empty() {
            self.0.extend([secret.to_owned(), encoded(secret)].map(|it| (it.into(), window)));
        }
    }

    /// `text` with `…` for every part of a secret and for everything that looks like one.
    pub fn clean(&self, text: &str) -> String {
        let text = truncate(text, MESSAGE_CHARS);
        let mut hidden = vec![false; text.len()];
        for width in [KEY_WINDOW, TEXT_WINDOW] {
            let secrets =
                self.0.iter().filter(|(_, window)| *window == width).map(|(secret, _)| secret.expose_secret());
            // A secret that is shorter than the window is one window as a whole.
            let (short, long): (Vec<&str>, Vec<&str>) = secrets.partition(|secret| secret.len() < width);
            let windows: HashSet<&[u8]> = long.iter().flat_map(|secret| secret.as_bytes().windows(width)).collect();
            for (at, _) in text.as_bytes().windows(width).enumerate().filter(|(_, window)| windows.contains(window)) {
                hidden[at..at + width].fill(true);
            }
            for (at, secret) in short.iter().flat_map(|secret| text.match_indices(secret)) {
                hidden[at..at + secret.len()].fill(true);
            }
        }
        hide_runs(&text, &mut hidden);
        show(&text, &hidden)
    }
}

fn hide_runs(text: &str, hidden: &mut [bool]) {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'%');
    let bytes = text.as_bytes();
    let mut start = 0;
    for end in 0..=bytes.len() {
        if end == bytes.len() || !inside(bytes[end]) {
            let run = &bytes[start..end];
            if run.len() >= RUN || is_access_key(run) {
                hidden[start..end].fill(true);
            }
            start = end + 1;
        }
    }
}

/// Keys of AWS: `AKIA` or `ASIA` and 16 more.
fn is_access_key(run: &[u8]) -> bool {
    run.len() == 20
        && (run.starts_with(b"AKIA") || run.starts_with(b"ASIA"))
        && run.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
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

    fn scrub() -> Scrub {
        let mut scrub = Scrub::default();
        scrub.add_key("canary/Secret+Key=1");
        scrub.add_key("pw1");
        scrub.add_text("#!/bin/sh\necho the instance is up\nTOKEN=canary-token-é-0123456789\n");
        scrub
    }

    #[test]
    fn ec2_secrets_are_hidden_whole_in_parts_and_encoded() {
        for text in [
            "canary/Secret+Key=1",
            "cret+Key",
            "canary%2FSecret%2BKey%3D1",
            "pw1",
            "TOKEN=canary-token-é-0123456789",
            "ry-token-é-012345678",
        ] {
            assert_eq!(scrub().clean(&format!("I got ({text}) from you")), "I got (…) from you", "{text}");
        }
    }

    #[test]
    fn ec2_what_looks_like_a_secret_is_hidden_too() {
        let signature = "0123456789abcdef".repeat(4);
        let text = format!("expected {signature} for AKIAIOSFODNN7EXAMPLE, message: {}", "QUJD".repeat(100));
        assert_eq!(Scrub::default().clean(&text), "expected … for …, message: …");
    }

    #[test]
    fn ec2_what_is_no_secret_stays() {
        let text = "User: arn:aws:iam::123456789012:user/a is not authorized to perform: ec2:RunInstances (图) the instance i-0123456789abcdef0";
        assert_eq!(scrub().clean(text), text);
    }
}
