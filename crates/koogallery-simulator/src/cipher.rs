//! How SaaS 1.0 hides user names and passwords: AES-CBC under a key that Java's `SHA1PRNG` makes from the access
//! key, written as 16 characters of initialisation vector followed by base64.

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::sign::AccessKey;

/// Bytes of the initialisation vector, each one an ASCII character of the text.
const IV_BYTES: usize = 16;

/// The `encryptType` of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptType {
    /// `1`
    Aes256,
    /// `2`
    Aes128,
}

impl EncryptType {
    /// The type an answer names, or none for anything but `1` and `2`.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "1" => Some(Self::Aes256),
            "2" => Some(Self::Aes128),
            _ => None,
        }
    }
}

/// Why a ciphertext could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// Shorter than the vector, or the vector is not ASCII.
    #[error("it does not start with 16 ASCII characters of initialisation vector")]
    Vector,
    /// The rest is not standard base64 with padding.
    #[error("what follows the 16 characters is not standard base64")]
    Base64,
    /// Wrong key, wrong type, wrong mode or wrong padding.
    #[error("it does not decrypt: key, encryptType, CBC mode or PKCS5 padding is not as agreed")]
    Decrypt,
    /// It decrypts to bytes that are no text.
    #[error("it decrypts to bytes that are not UTF-8: probably the wrong key or encryptType")]
    Text,
}

/// `N` bytes of Java's SHA1PRNG after `setSeed(seed)`; the generator's state is updated with signed bytes.
fn sha1prng<const N: usize>(seed: &[u8]) -> [u8; N] {
    let mut state: [u8; 20] = Sha1::digest(seed).into();
    let mut out = [0; N];
    for chunk in out.chunks_mut(20) {
        let block: [u8; 20] = Sha1::digest(state).into();
        chunk.copy_from_slice(&block[..chunk.len()]);
        advance(&mut state, block);
    }
    out
}

fn advance(state: &mut [u8; 20], block: [u8; 20]) {
    let before = *state;
    let mut carry: i32 = 1;
    for (byte, added) in state.iter_mut().zip(block) {
        let sum = i32::from(byte.cast_signed()) + i32::from(added.cast_signed()) + carry;
        [*byte, ..] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    if *state == before {
        state[0] = state[0].wrapping_add(1);
    }
}

/// Reads a `userName` or `password`.
///
/// # Errors
/// [`CipherError`] says which part is not as agreed.
pub fn open(key: &AccessKey, kind: EncryptType, text: &str) -> Result<String, CipherError> {
    let (iv, rest) = text.split_at_checked(IV_BYTES).ok_or(CipherError::Vector)?;
    if !iv.is_ascii() {
        return Err(CipherError::Vector);
    }
    let sealed = BASE64.decode(rest.as_bytes()).map_err(|_| CipherError::Base64)?;
    let seed = key.text().as_bytes();
    let plain = match kind {
        EncryptType::Aes128 => cbc::Decryptor::<aes::Aes128>::new_from_slices(&sha1prng::<16>(seed), iv.as_bytes())
            .map_err(|_| CipherError::Vector)?
            .decrypt_padded_vec::<Pkcs7>(&sealed),
        EncryptType::Aes256 => cbc::Decryptor::<aes::Aes256>::new_from_slices(&sha1prng::<32>(seed), iv.as_bytes())
            .map_err(|_| CipherError::Vector)?
            .decrypt_padded_vec::<Pkcs7>(&sealed),
    }
    .map_err(|_| CipherError::Decrypt)?;
    String::from_utf8(plain).map_err(|_| CipherError::Text)
}

/// Writes `plain` as AES-128 text under `iv`: the marketplace hides mail addresses and phone numbers so.
pub fn seal(key: &AccessKey, iv: [u8; IV_BYTES], plain: &str) -> String {
    let sealed = cbc::Encryptor::<aes::Aes128>::new(&sha1prng::<16>(key.text().as_bytes()).into(), &iv.into())
        .encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
    format!("{}{}", String::from_utf8_lossy(&iv), BASE64.encode(&sealed))
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    const SEALED: &str = "abcdefgh12345678aUp6+zRg9Yk+xzwaZ8Dxeo/yC3SlVWghYMRS1qKpjuo=";

    fn key() -> AccessKey {
        AccessKey::new("11111111-2222-3333-4444-555555555555")
    }

    #[test]
    fn the_published_key_and_ciphertext_come_out() {
        assert_eq!(HEXLOWER.encode(&sha1prng::<16>(key().text().as_bytes())), "fa99dc2d055187d2bd1e0b33100448cc");
        assert_eq!(seal(&key(), *b"abcdefgh12345678", "admin@example.com"), SEALED);
        assert_eq!(open(&key(), EncryptType::Aes128, SEALED).unwrap(), "admin@example.com");
    }

    #[test]
    fn the_longer_key_continues_the_shorter_one() {
        let long = sha1prng::<32>(b"seed");
        assert_eq!(long[..16], sha1prng::<16>(b"seed"));
        assert_ne!(long[20..32], long[..12], "the second block needs the updated state");
    }

    #[test]
    fn an_unchanged_state_is_nudged() {
        // Signed sum zero everywhere: carry 1 plus -1 in the first byte, then carry 0 plus 0.
        let mut block = [0_u8; 20];
        block[0] = 0xff;
        let mut state = [0_u8; 20];
        advance(&mut state, block);
        assert_eq!(state[0], 1);
    }

    #[test]
    fn what_is_not_as_agreed_is_named() {
        assert_eq!(open(&key(), EncryptType::Aes128, "short"), Err(CipherError::Vector));
        assert_eq!(open(&key(), EncryptType::Aes128, "张三张三张三张三张三张三张三张三"), Err(CipherError::Vector));
        assert_eq!(open(&key(), EncryptType::Aes128, "abcdefgh12345678!!"), Err(CipherError::Base64));
        assert_eq!(open(&key(), EncryptType::Aes128, "abcdefgh12345678AAAA"), Err(CipherError::Decrypt));
        assert!(open(&key(), EncryptType::Aes256, SEALED).is_err());
        assert!(open(&AccessKey::new("other"), EncryptType::Aes128, SEALED).is_err());
    }
}
