//! Passwords for a server's administrator: checked by the clouds' rule, and hashed before they go anywhere.
//!
//! A cloud sets no password on Linux servers that are given a script, so the script sets it. What a server is given can
//! be read by every process on it: it holds a hash.

use secrecy::{ExposeSecret, SecretString};
use sha_crypt::{Params, PasswordHasher, ShaCrypt};

use crate::base::entropy::Entropy;

/// Characters besides letters and digits that a password may have: those Huawei Cloud lists for servers.
pub const SPECIAL: &str = "!@$%^-_=+[{}]:,./?";
/// Characters of a password, by the same list.
const CHARS: std::ops::RangeInclusive<usize> = 8..=26;
/// Of letters in either case, digits and [`SPECIAL`], so many kinds at least.
const KINDS: usize = 3;
/// Whose password it is.
const USER: &str = "root";
/// Rounds of the hash: 20 times the usual, because every process on the server can read the hash and try at leisure.
/// A login takes about a tenth of a second more.
const ROUNDS: u32 = 100_000;
/// Random bytes of the salt: 16 characters, the most that SHA-crypt takes.
const SALT_BYTES: usize = 12;

/// Why a password will not do. Says nothing of the password itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("the password must have 8 to 26 characters")]
    Length,
    /// A character that no cloud takes.
    #[error("the password may have only letters a-z and A-Z, digits, and {SPECIAL}")]
    Character,
    /// Too simple.
    #[error(
        "the password must have at least three of: lower-case letters, upper-case letters, digits, and one of {SPECIAL}"
    )]
    Simple,
    /// It holds the user's name, or that backwards.
    #[error("the password must not contain the user's name, root, nor that backwards")]
    Name,
}

/// A hash as `/etc/shadow` holds it: `$6$rounds=…$salt$hash` (SHA-512 crypt).
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// A hash that was made by [`hash`] and kept since.
    pub fn kept(text: SecretString) -> Self {
        Self(text)
    }

    /// The text for `chpasswd -e`.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Whether a password may be root's on a server.
///
/// # Errors
/// [`PasswordError`].
pub fn check(password: &SecretString) -> Result<(), PasswordError> {
    let text = password.expose_secret();
    if !text.chars().all(|it| it.is_ascii_alphanumeric() || SPECIAL.contains(it)) {
        return Err(PasswordError::Character);
    }
    if !CHARS.contains(&text.len()) {
        return Err(PasswordError::Length);
    }
    let kinds: [fn(&char) -> bool; 4] =
        [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit, |it| SPECIAL.contains(*it)];
    if kinds.iter().filter(|kind| text.chars().any(|it| kind(&it))).count() < KINDS {
        return Err(PasswordError::Simple);
    }
    let lower = text.to_ascii_lowercase();
    let backwards: String = USER.chars().rev().collect();
    if lower.contains(USER) || lower.contains(&backwards) {
        return Err(PasswordError::Name);
    }
    Ok(())
}

/// Hashes a password that [`check`] allows. Takes about a tenth of a second: not on a thread that serves others.
///
/// # Errors
/// [`PasswordError`].
pub fn hash(password: &SecretString, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    check(password)?;
    let params = Params::new(ROUNDS).expect("the rounds are within what the format allows");
    Ok(hash_with(password, &entropy.bytes::<SALT_BYTES>(), params))
}

fn hash_with(password: &SecretString, salt: &[u8], params: Params) -> PasswordHash {
    let hash = ShaCrypt::new(sha_crypt::Algorithm::Sha512Crypt, params)
        .hash_password_with_salt(password.expose_secret().as_bytes(), salt)
        .expect("the salt is encoded in the format's own alphabet");
    PasswordHash(hash.as_str().to_owned().into())
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn passwords_follow_the_clouds_rule() {
        for good in ["Abcdef12", "abcdef1!", "ABC-DEF-1", "Aa1!@$%^-_=+[{}]:,./?xyzAB"] {
            assert_eq!(check(&good.into()), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("Abcde12", PasswordError::Length),
            ("Aa1!@$%^-_=+[{}]:,./?xyzABC", PasswordError::Length),
            ("", PasswordError::Length),
            ("abcdefgh1", PasswordError::Simple),
            ("ABCDEFGH!", PasswordError::Simple),
            ("Abcdef1'", PasswordError::Character),
            ("Abc def12", PasswordError::Character),
            ("Abcdef12\n", PasswordError::Character),
            ("Abcdéf12", PasswordError::Character),
            ("xRoot1234", PasswordError::Name),
            ("xTOOR1234", PasswordError::Name),
        ] {
            assert_eq!(check(&bad.into()), Err(why), "{bad}");
        }
    }

    #[test]
    fn hashes_are_what_openssl_makes() {
        for (password, seed) in [("Abcdef12", 1), ("Aa1!@$%^-_=+[{}]:,./?xyzAB", 2)] {
            let made = hash(&password.into(), &SeededEntropy::new(seed)).unwrap();
            let (salt, _) = made.expose().strip_prefix("$6$").unwrap().rsplit_once('$').unwrap();
            let mut openssl = Command::new("openssl")
                .args(["passwd", "-6", "-stdin", "-salt", salt])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("openssl runs: deploy/setup.sh test installs it");
            openssl.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
            let expected = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
            assert_eq!(made.expose(), expected.trim_end());
            assert!(made.expose().starts_with("$6$rounds=100000$"));
        }
    }

    #[test]
    fn the_same_password_has_another_hash_each_time_and_debug_shows_none() {
        let entropy = SeededEntropy::new(3);
        let [one, two] = [(), ()].map(|()| hash(&"Abcdef12".into(), &entropy).unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(format!("{one:?}"), "PasswordHash(…)");
        assert!(hash(&"Abcdef1".into(), &entropy).is_err());
    }
}
