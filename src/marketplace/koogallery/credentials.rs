//! The user name and password in a SaaS 1.0 answer, encrypted as the marketplace wants them.
//!
//! `iv ‖ base64(AES-CBC-PKCS5(plain))`, the iv being 16 ASCII characters. The AES key comes out of Java's `SHA1PRNG`
//! seeded with the product's key. That is weak (no authentication, an unsalted key): it is what the protocol
//! prescribes, inside TLS, and nothing else here uses it.

use aes::{
    Aes128, Aes256,
    cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use data_encoding::BASE64;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use crate::base::{
    entropy::Entropy,
    secret::{ExposeSecret, SecretString},
};

/// Characters of an encrypted value that the marketplace takes.
pub const ENCRYPTED_CHARS: usize = 128;
/// Characters of an iv: 5 bits of entropy in each of 16, so 80 bits.
const IV_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// `encryptType` of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EncryptType {
    /// `1`
    Aes256,
    /// `2`: unless the channel says otherwise, because older sample code of the marketplace knows only this one.
    #[default]
    Aes128,
}

impl EncryptType {
    /// As the answer carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aes256 => "1",
            Self::Aes128 => "2",
        }
    }
}

/// A user name or password that is too long once encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the encrypted value has {chars} characters, the marketplace takes {max}: shorten it to 79 bytes", max = ENCRYPTED_CHARS)]
pub struct CredentialTooLong {
    /// Characters of the encrypted value.
    pub chars: usize,
}

/// A value encrypted for the marketplace: the answer's builder takes nothing else for SaaS 1.0 credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted(String);

impl Encrypted {
    /// The iv and the base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Encrypts `plain` under the product's `key` with a fresh iv.
///
/// # Errors
/// [`CredentialTooLong`] when the result exceeds [`ENCRYPTED_CHARS`], which is so from 80 bytes on.
pub fn encrypt(
    key: &SecretString,
    kind: EncryptType,
    plain: &str,
    entropy: &dyn Entropy,
) -> Result<Encrypted, CredentialTooLong> {
    let iv = entropy.bytes::<16>().map(|byte| IV_ALPHABET[usize::from(byte & 31)]);
    let text = encrypt_with_iv(key, kind, plain, &iv);
    match text.chars().count() {
        chars if chars > ENCRYPTED_CHARS => Err(CredentialTooLong { chars }),
        _ => Ok(Encrypted(text)),
    }
}

/// `iv` must be ASCII.
fn encrypt_with_iv(key: &SecretString, kind: EncryptType, plain: &str, iv: &[u8; 16]) -> String {
    let stream = sha1prng(key.expose_secret().as_bytes());
    let bytes = match kind {
        EncryptType::Aes128 => {
            let mut key = Zeroizing::new([0; 16]);
            key.copy_from_slice(&stream[..16]);
            cbc::Encryptor::<Aes128>::new((&*key).into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plain.as_bytes())
        }
        EncryptType::Aes256 => {
            let mut key = Zeroizing::new([0; 32]);
            key.copy_from_slice(&stream[..32]);
            cbc::Encryptor::<Aes256>::new((&*key).into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plain.as_bytes())
        }
    };
    let mut text: String = iv.iter().map(|byte| char::from(*byte)).collect();
    text.push_str(&BASE64.encode(&bytes));
    text
}

/// The first two blocks of Java's `SHA1PRNG` after `setSeed(seed)`.
fn sha1prng(seed: &[u8]) -> Zeroizing<[u8; 40]> {
    let mut state = Zeroizing::new(<[u8; 20]>::from(Sha1::digest(seed)));
    let mut stream = Zeroizing::new([0; 40]);
    for block in stream.chunks_exact_mut(20) {
        let out = Zeroizing::new(<[u8; 20]>::from(Sha1::digest(state.as_slice())));
        block.copy_from_slice(out.as_slice());
        advance(&mut state, &out);
    }
    stream
}

/// Adds the block and 1 to the state, low byte first, in Java's signed bytes: a carry may be negative.
fn advance(state: &mut [u8; 20], out: &[u8; 20]) {
    let before = *state;
    let mut carry = 1_i32;
    for (byte, add) in state.iter_mut().zip(out) {
        let sum = i32::from(byte.cast_signed()) + i32::from(add.cast_signed()) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    if *state == before {
        state[0] = state[0].wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockModeDecrypt;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        base::entropy::SeededEntropy,
        marketplace::koogallery::testing::{KEY, key},
    };

    #[test]
    fn key_and_value_of_the_vector() {
        assert_eq!(HEXLOWER.encode(&sha1prng(KEY.as_bytes())[..16]), "fa99dc2d055187d2bd1e0b33100448cc");
        let text = encrypt_with_iv(&key(), EncryptType::Aes128, "admin@example.com", b"abcdefgh12345678");
        assert_eq!(text, "abcdefgh12345678aUp6+zRg9Yk+xzwaZ8Dxeo/yC3SlVWghYMRS1qKpjuo=");
    }

    #[test]
    fn an_unchanged_state_is_moved_on() {
        // Adding −1 (0xff) with carry 1 leaves a zero byte as it is, all the way up.
        let mut state = [0; 20];
        let mut out = [0; 20];
        out[0] = 0xff;
        advance(&mut state, &out);
        assert_eq!((state[0], &state[1..]), (1, &[0; 19][..]));
    }

    #[test]
    fn carries_are_signed() {
        let mut state = [0; 20];
        let mut out = [0; 20];
        (state[0], out[0]) = (0x80, 0x80); // −128 − 128 + 1 = −255 → low byte 1, carry −1
        advance(&mut state, &out);
        assert_eq!(state[..3], [1, 0xff, 0xff]);
    }

    #[test]
    fn an_iv_is_fresh_and_lengths_are_checked() {
        let entropy = SeededEntropy::new(7);
        let first = encrypt(&key(), EncryptType::Aes128, "admin", &entropy).unwrap();
        let second = encrypt(&key(), EncryptType::Aes128, "admin", &entropy).unwrap();
        assert_ne!(first, second);
        assert!(first.as_str()[..16].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        for kind in [EncryptType::Aes128, EncryptType::Aes256] {
            assert_eq!(encrypt(&key(), kind, &"x".repeat(79), &entropy).unwrap().as_str().len(), 124);
            assert_eq!(encrypt(&key(), kind, &"x".repeat(80), &entropy), Err(CredentialTooLong { chars: 144 }));
        }
    }

    proptest! {
        #[test]
        fn what_was_encrypted_comes_back(plain in ".{0,19}", seed: u64) {
            let text = encrypt(&key(), EncryptType::Aes256, &plain, &SeededEntropy::new(seed)).unwrap();
            let (iv, rest) = text.as_str().split_at(16);
            let aes_key: [u8; 32] = sha1prng(KEY.as_bytes())[..32].try_into().unwrap();
            let iv: [u8; 16] = iv.as_bytes().try_into().unwrap();
            let bytes = cbc::Decryptor::<Aes256>::new(&aes_key.into(), &iv.into())
                .decrypt_padded_vec::<Pkcs7>(&BASE64.decode(rest.as_bytes()).unwrap())
                .unwrap();
            prop_assert_eq!(bytes, plain.as_bytes());
        }
    }
}
