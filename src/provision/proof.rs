//! A machine proves that it holds the key it names: ECDSA over P-256 with SHA-256, which every `openssl` can make.

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

/// What stands before the point in the SubjectPublicKeyInfo of every P-256 key (RFC 5480 §2): algorithm
/// `id-ecPublicKey` with curve `secp256r1`, then a bit string of 66 bytes.
pub(super) const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of an uncompressed point.
const POINT: usize = 65;

/// A public key over P-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineKey([u8; POINT]);

impl MachineKey {
    /// Reads a SubjectPublicKeyInfo in DER, as `openssl ec -pubout -outform DER` writes it. `None`: it is none, or of
    /// another kind of key.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let point = der.strip_prefix(&SPKI)?;
        point.try_into().ok().map(Self)
    }

    /// Whether `signature` (DER, as `openssl dgst -sha256 -sign` writes it) over `message` was made with it.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(message, signature).is_ok()
    }

    /// The point.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What the machine signs to open a session: the token and its key, each as it sends them.
pub fn session_message(token: &str, key_base64: &str) -> Vec<u8> {
    format!("signet-bootstrap\n{token}\n{key_base64}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn openssl(folder: &std::path::Path, line: &str) {
        let status = Command::new("sh").args(["-c", line]).current_dir(folder).status().unwrap();
        assert!(status.success(), "{line}");
    }

    #[test]
    fn what_openssl_signs_verifies_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        openssl(folder.path(), "openssl ecparam -name prime256v1 -genkey -noout -out key.pem 2>/dev/null");
        openssl(folder.path(), "openssl ec -in key.pem -pubout -outform DER -out key.der 2>/dev/null");
        openssl(folder.path(), "openssl ecparam -name secp384r1 -genkey -noout -out other.pem 2>/dev/null");
        openssl(folder.path(), "openssl ec -in other.pem -pubout -outform DER -out other.der 2>/dev/null");
        std::fs::write(folder.path().join("message"), session_message("token", "key")).unwrap();
        openssl(folder.path(), "openssl dgst -sha256 -sign key.pem -out signature message");
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let (key, signature) = (MachineKey::from_der(&read("key.der")).unwrap(), read("signature"));
        assert!(key.verifies(&session_message("token", "key"), &signature));
        assert!(!key.verifies(&session_message("token", "other"), &signature));
        assert!(!key.verifies(&session_message("token", "key"), b""));
        let mut other = key.clone();
        other.0[64] ^= 1;
        assert!(!other.verifies(&session_message("token", "key"), &signature));
        assert_eq!(MachineKey::from_der(&read("other.der")), None);
        assert_eq!(MachineKey::from_der(b""), None);
    }
}
