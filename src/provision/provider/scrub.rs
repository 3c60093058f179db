//! Takes secrets out of a cloud's words: clouds repeat what was sent to them, whole or in parts. A refused signature is
//! explained with the whole request as the gateway saw it, the token of temporary credentials included.

use std::collections::HashSet;

use data_encoding::BASE64;

use crate::base::{
    percent::{encode, encode_form},
    secret::{ExposeSecret, SecretString},
    text::{Wording, truncate},
};

use super::{CloudError, Credentials, Trouble};

/// Bytes of a key or a token that are enough to hide them.
const KEY_WINDOW: usize = 8;
/// The same of a text with secrets in it: fewer would hide the words that a script shares with every error.
const TEXT_WINDOW: usize = 20;
/// Characters of a message that are looked at.
const MESSAGE_CHARS: usize = 4_000;
/// Unbroken characters that nobody reads: signatures, digests, tokens, encoded texts. Ids have at most 36.
const RUN: usize = 40;

/// Knows what must not be shown.
#[derive(Default)]
pub struct Scrub(Vec<(SecretString, usize)>);

/// What a cloud said when it refused a call; not scrubbed.
pub struct Said {
    /// HTTP status.
    pub status: u16,
    /// The cloud's code.
    pub code: Option<String>,
    /// The cloud's words.
    pub message: Option<String>,
    /// The call's id.
    pub request_id: Option<String>,
}

impl Scrub {
    /// Knows these credentials.
    pub fn of(credentials: &Credentials) -> Self {
        let mut scrub = Self::default();
        scrub.add(&credentials.access_key);
        scrub.add(credentials.secret_key.expose_secret());
        if let Some(token) = &credentials.session_token {
            scrub.add(token.expose_secret());
        }
        scrub
    }

    /// Adds a secret: as it is, as it stands in an address or a form, and in base64. One with white space is a text with
    /// secrets in it, of which only longer parts are hidden.
    pub fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let window = if secret.contains(char::is_whitespace) { TEXT_WINDOW } else { KEY_WINDOW };
        let base64 = BASE64.encode(secret.as_bytes());
        let forms = [encode(secret.as_bytes()), encode_form(secret), encode(base64.as_bytes()), base64];
        self.0.extend(forms.into_iter().chain([secret.to_owned()]).map(|it| (it.into(), window)));
    }

    /// The error that says what the cloud said, and nothing that must not be shown.
    pub fn error(&self, trouble: Trouble, said: Said) -> CloudError {
        let message = match &said.message {
            Some(message) => self.clean(message).into(),
            None => Wording::both(
                format!("云端以 HTTP 状态 {} 应答，没有说明原因。", said.status),
                format!("The cloud answered with HTTP status {} and without an explanation.", said.status),
            ),
        };
        let name = |text: String| self.clean(&text).chars().filter(|char| !char.is_control()).take(128).collect();
        CloudError::new(trouble, message).with(said.code.map(name), said.request_id.map(name))
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

    const SCRIPT: &str = "#!/bin/sh\necho the instance is up\nTOKEN=canary-token-é-0123456789\n";

    fn scrub() -> Scrub {
        let mut scrub = Scrub::default();
        for secret in ["canary/Secret+Key=1", "pw1", SCRIPT] {
            scrub.add(secret);
        }
        scrub
    }

    #[test]
    fn secrets_are_hidden_whole_in_parts_and_encoded() {
        let base64 = BASE64.encode(SCRIPT.as_bytes());
        for text in [
            "canary/Secret+Key=1",
            "cret+Key",
            "canary%2FSecret%2BKey%3D1",
            "Y2FuYXJ5L1NlY3JldCtLZXk9MQ==",
            "Y2FuYXJ5L1NlY3JldCtLZXk9MQ%3D%3D",
            "pw1",
            "TOKEN=canary-token-é-0123456789",
            "ry-token-é-012345678",
            "%0Aecho%20the%20instance%20is%20up%0A",
            "%0Aecho+the+instance+is+up%0A",
            &base64[10..40],
        ] {
            assert_eq!(scrub().clean(&format!("I got ({text}) from you")), "I got (…) from you", "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_too() {
        let signature = "0123456789abcdef".repeat(4);
        let text = format!("expected {signature} for AKIAIOSFODNN7EXAMPLE, message: {}", "QUJD".repeat(100));
        assert_eq!(Scrub::default().clean(&text), "expected … for …, message: …");
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "User: arn:aws:iam::123456789012:user/a is not authorized to perform: ec2:RunInstances (图) the instance i-0123456789abcdef0",
            "job 8a8083a1597acc5c01597ad1c2720a3e",
        ] {
            assert_eq!(scrub().clean(text), text);
        }
    }
}
