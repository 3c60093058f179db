//! The key list: a product's signing keys, numbered and signed by its root key (`keys+jwt`).
//!
//! Software pins the root and keeps the newest list it has seen. So rotation never strands an installed copy, a
//! revoked key stays revoked, and nobody can bring back an older list.

use serde::{Deserialize, Serialize};

use crate::base::{slug::Slug, time::Time};

use super::{
    jws::{self, ParseError, Signed, SignedKind, TooLong},
    keys::{BadSignature, KeyInfo, KeyRole, KeyState, PublicKey, Signer},
};

/// Keys of one list: one product's rotations.
pub const KEYS: usize = 64;

/// One key of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// Its thumbprint.
    pub kid: String,
    /// The public key.
    pub x: PublicKey,
    /// Where it stands; revoked keys are named too, so that software forgets them.
    pub state: KeyState,
}

/// What a key list says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyListClaims {
    /// The service that published it.
    pub iss: String,
    /// `<product>/keys`: no license code has this audience.
    pub aud: String,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// Its number; each list of a product has a higher one than the list before.
    pub number: u64,
    /// `kid` of the root that signs it.
    pub root: String,
    /// The product's signing keys.
    pub keys: Vec<ListedKey>,
}

/// Why a key list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    /// No key list at all.
    #[error("not a key list: {0}")]
    Malformed(#[from] ParseError),
    /// Signed by another key than the pinned root.
    #[error("the key list names {found} as its root, but {pinned} is pinned")]
    OtherRoot {
        /// `kid` of the pinned root.
        pinned: String,
        /// `kid` the list names.
        found: String,
    },
    /// Changed, or not signed by the root it names.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
    /// The signed content is not that of a key list.
    #[error("the content of the key list is wrong: {0}")]
    Content(String),
    /// A list for something else.
    #[error("the key list is for {found:?}, not for {expected:?}")]
    OtherAudience {
        /// `aud` that is needed.
        expected: String,
        /// `aud` of the list.
        found: String,
    },
    /// Older than a list that was already seen.
    #[error("the key list has number {found}, but number {seen} was already seen: an older list is never taken")]
    Older {
        /// Highest number seen.
        seen: u64,
        /// Number of this list.
        found: u64,
    },
    /// More keys or longer texts than a list can carry.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// `aud` of a product's key lists.
pub fn audience(product: &Slug) -> String {
    format!("{product}/keys")
}

impl KeyListClaims {
    /// The list number `number` of what `keys` holds of signing keys; root and debug keys are left out.
    pub fn new<'a>(
        issuer: &str,
        product: &Slug,
        root: &PublicKey,
        number: u64,
        now: Time,
        keys: impl IntoIterator<Item = &'a KeyInfo>,
    ) -> Self {
        let keys = keys.into_iter().filter(|key| key.role == KeyRole::Signing);
        Self {
            iss: issuer.to_owned(),
            aud: audience(product),
            iat: now.as_seconds(),
            number,
            root: root.kid(),
            keys: keys.map(|key| ListedKey { kid: key.public.kid(), x: key.public, state: key.state }).collect(),
        }
    }

    /// Signs the list with the product's root key.
    ///
    /// # Errors
    /// [`KeyListError`] when `root` is not the root it names, or when no reader would accept the result.
    pub fn sign(&self, root: &Signer) -> Result<Signed, KeyListError> {
        check_root(root.kid(), &self.root)?;
        self.check_keys().map_err(KeyListError::Content)?;
        let payload = serde_json::to_vec(self).expect("strings and numbers are always JSON");
        Ok(jws::sign(SignedKind::KeyList, &payload, root)?)
    }

    fn check_keys(&self) -> Result<(), String> {
        if self.keys.len() > KEYS {
            return Err(format!("it has {} keys, but at most {KEYS} are allowed", self.keys.len()));
        }
        for (index, key) in self.keys.iter().enumerate() {
            if key.kid != key.x.kid() {
                return Err(format!("key {} is not the key its kid names", index + 1));
            }
            if key.kid == self.root {
                return Err("the root stands among the signing keys".to_owned());
            }
            if self.keys[..index].iter().any(|earlier| earlier.kid == key.kid) {
                return Err(format!("key {} stands in the list twice", key.kid));
            }
        }
        Ok(())
    }
}

fn check_root(pinned: &str, found: &str) -> Result<(), KeyListError> {
    if pinned == found {
        Ok(())
    } else {
        Err(KeyListError::OtherRoot { pinned: pinned.to_owned(), found: found.to_owned() })
    }
}

/// Reads a key list of `product` that `root` signed and whose number is not below `seen`, the highest number seen
/// before (`None` at first).
///
/// # Errors
/// [`KeyListError`] names the rule that the list breaks; the caller keeps the list it has.
pub fn verify_key_list(
    text: &str,
    root: &PublicKey,
    product: &Slug,
    seen: Option<u64>,
) -> Result<KeyListClaims, KeyListError> {
    let parsed = jws::parse(text, SignedKind::KeyList)?;
    let pinned = root.kid();
    check_root(&pinned, &parsed.kid)?;
    parsed.verify(root)?;
    let claims: KeyListClaims = jws::read_object(&parsed.payload).map_err(KeyListError::Content)?;
    check_root(&pinned, &claims.root)?;
    let expected = audience(product);
    if claims.aud != expected {
        return Err(KeyListError::OtherAudience { expected, found: claims.aud });
    }
    claims.check_keys().map_err(KeyListError::Content)?;
    match seen {
        Some(seen) if claims.number < seen => Err(KeyListError::Older { seen, found: claims.number }),
        _ => Ok(claims),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    fn signer(seed: u64) -> Signer {
        Signer::generate(&SeededEntropy::new(seed))
    }

    fn product() -> Slug {
        "atlas".parse().unwrap()
    }

    fn info(seed: u64, role: KeyRole, state: KeyState) -> KeyInfo {
        KeyInfo { role, state, public: *signer(seed).public() }
    }

    fn claims(number: u64) -> KeyListClaims {
        let keys = [
            info(1, KeyRole::Root, KeyState::Active),
            info(2, KeyRole::Signing, KeyState::Active),
            info(3, KeyRole::Signing, KeyState::VerifyOnly),
            info(4, KeyRole::Signing, KeyState::Revoked),
            info(5, KeyRole::Debug, KeyState::Active),
        ];
        let now = Time::from_micros(1_700_000_000_900_000).unwrap();
        KeyListClaims::new("https://example.com", &product(), signer(1).public(), number, now, &keys)
    }

    /// A document with a content that [`KeyListClaims::sign`] would refuse to sign.
    fn forge(claims: &KeyListClaims) -> String {
        jws::sign(SignedKind::KeyList, &serde_json::to_vec(claims).unwrap(), &signer(1)).unwrap().text()
    }

    #[test]
    fn a_list_verifies_with_the_pinned_root() {
        let list = claims(7);
        let text = list.sign(&signer(1)).unwrap().text();
        assert_eq!(verify_key_list(&text, signer(1).public(), &product(), None), Ok(list.clone()));
        assert_eq!(verify_key_list(&text, signer(1).public(), &product(), Some(7)), Ok(list.clone()));
        let states: Vec<_> = list.keys.iter().map(|key| key.state).collect();
        assert_eq!(states, [KeyState::Active, KeyState::VerifyOnly, KeyState::Revoked]);
        assert_eq!((list.aud.as_str(), list.iat), ("atlas/keys", 1_700_000_000));
    }

    #[test]
    fn lower_numbers_other_products_and_other_roots_are_refused() {
        let text = claims(7).sign(&signer(1)).unwrap().text();
        let root = *signer(1).public();
        assert_eq!(verify_key_list(&text, &root, &product(), Some(8)), Err(KeyListError::Older { seen: 8, found: 7 }));
        assert!(matches!(
            verify_key_list(&text, &root, &"other".parse().unwrap(), None),
            Err(KeyListError::OtherAudience { .. })
        ));
        assert!(matches!(
            verify_key_list(&text, signer(2).public(), &product(), None),
            Err(KeyListError::OtherRoot { .. })
        ));
        assert!(matches!(claims(7).sign(&signer(2)), Err(KeyListError::OtherRoot { .. })));
    }

    #[test]
    fn a_signing_key_cannot_pose_as_the_root() {
        let payload = serde_json::to_vec(&claims(9)).unwrap();
        let input = jws::signing_input(SignedKind::KeyList, signer(1).kid(), &payload);
        let text = jws::assemble(&input, &signer(2).sign(input.as_bytes()));
        assert_eq!(
            verify_key_list(&text, signer(1).public(), &product(), None),
            Err(KeyListError::BadSignature(BadSignature))
        );
    }

    #[test]
    fn a_license_code_is_no_key_list() {
        let payload = serde_json::to_vec(&claims(9)).unwrap();
        // Short enough to be a code at all.
        let short = &payload[..200];
        let text = jws::sign(SignedKind::LicenseCode, short, &signer(1)).unwrap().text();
        assert!(matches!(
            verify_key_list(&text, signer(1).public(), &product(), None),
            Err(KeyListError::Malformed(ParseError::WrongKind { .. }))
        ));
    }

    #[test]
    fn contents_that_contradict_themselves_are_neither_signed_nor_taken() {
        let (mut misnamed, mut doubled, mut rooted, mut full) = (claims(1), claims(1), claims(1), claims(1));
        misnamed.keys[0].kid = misnamed.keys[1].kid.clone();
        doubled.keys.push(doubled.keys[0].clone());
        rooted.keys.push(ListedKey { kid: signer(1).public().kid(), x: *signer(1).public(), state: KeyState::Active });
        let public = |seed: u64| *signer(100 + seed).public();
        full.keys = (0..=KEYS as u64)
            .map(|seed| ListedKey { kid: public(seed).kid(), x: public(seed), state: KeyState::VerifyOnly })
            .collect();
        for list in [misnamed, doubled, rooted, full.clone()] {
            assert!(matches!(list.sign(&signer(1)), Err(KeyListError::Content(_))));
            let taken = verify_key_list(&forge(&list), signer(1).public(), &product(), None);
            assert!(matches!(taken, Err(KeyListError::Content(_))), "{taken:?}");
        }
        full.keys.pop();
        assert!(full.sign(&signer(1)).is_ok(), "a full list fits");
    }
}
