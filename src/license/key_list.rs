//! The key list: a product's signing keys, numbered and signed by its root key (`keys+jwt`).
//!
//! Software pins the root and keeps the newest list it has seen. So rotation never strands an installed copy, a
//! revoked key stays revoked, and nobody can bring back an older list.

use signet_verify::{
    claims::{KeyListClaims, ListedKey},
    kind::Kind,
    read::{self, ReadError},
};

use crate::base::{slug::Slug, time::Time};

use super::{
    keys::{KeyInfo, KeyRole, PublicKey, Signer},
    sign::{self, Signed, TooLong},
};

/// Why a key list is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    /// Another key than the root it names would sign it.
    #[error("the key list names {named} as its root, but {signer} would sign it")]
    OtherRoot {
        /// `kid` the list names.
        named: String,
        /// `kid` of the signer.
        signer: String,
    },
    /// No reader would take it.
    #[error(transparent)]
    Content(#[from] ReadError),
    /// More keys or longer texts than a list can carry.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// The list number `number` of what `keys` holds of signing keys; root and debug keys are left out.
pub fn claims<'a>(
    issuer: &str,
    product: &Slug,
    root: &PublicKey,
    number: u64,
    now: Time,
    keys: impl IntoIterator<Item = &'a KeyInfo>,
) -> KeyListClaims {
    let keys = keys.into_iter().filter(|key| key.role == KeyRole::Signing);
    KeyListClaims {
        iss: issuer.to_owned(),
        aud: Kind::KeyList.audience(product.as_str()),
        iat: now.as_seconds(),
        number,
        root: root.kid(),
        keys: keys.map(|key| ListedKey { kid: key.public.kid(), x: key.public.x(), state: key.state }).collect(),
    }
}

/// Signs a list with the product's root key, once the reader of such lists has taken it.
///
/// # Errors
/// [`KeyListError`] when `root` is not the root it names, or when no reader would accept the result.
pub fn sign(claims: &KeyListClaims, root: &Signer) -> Result<Signed, KeyListError> {
    if root.kid() != claims.root {
        return Err(KeyListError::OtherRoot { named: claims.root.clone(), signer: root.kid().to_owned() });
    }
    let payload = serde_json::to_vec(claims).expect("strings and numbers are always JSON");
    read::read_content::<KeyListClaims>(&payload)?;
    Ok(sign::sign_payload(Kind::KeyList, &payload, root)?)
}

#[cfg(test)]
mod tests {
    use signet_verify::keys::{Root, read_key_list};

    use super::*;
    use crate::{base::entropy::SeededEntropy, license::keys::KeyState};

    fn signer(seed: u64) -> Signer {
        Signer::generate(&SeededEntropy::new(seed))
    }

    fn listed(seed: u64) -> ListedKey {
        let public = *signer(seed).public();
        ListedKey { kid: public.kid(), x: public.x(), state: KeyState::VerifyOnly }
    }

    fn list(number: u64) -> KeyListClaims {
        let keys = [
            (1, KeyRole::Root, KeyState::Active),
            (2, KeyRole::Signing, KeyState::Active),
            (3, KeyRole::Signing, KeyState::VerifyOnly),
            (4, KeyRole::Signing, KeyState::Revoked),
            (5, KeyRole::Debug, KeyState::Active),
        ];
        let keys = keys.map(|(seed, role, state)| KeyInfo { role, state, public: *signer(seed).public() });
        let now = Time::from_micros(1_700_000_000_900_000).unwrap();
        claims("https://example.com", &"atlas".parse().unwrap(), signer(1).public(), number, now, &keys)
    }

    #[test]
    fn a_list_verifies_with_the_pinned_root() {
        let text = sign(&list(7), &signer(1)).unwrap().text();
        assert_eq!(read_key_list(&text, &Root::new(*signer(1).public()), "atlas", Some(7)), Ok(list(7)));
        let states: Vec<_> = list(7).keys.iter().map(|key| key.state).collect();
        assert_eq!(states, [KeyState::Active, KeyState::VerifyOnly, KeyState::Revoked]);
        assert_eq!((list(7).aud.as_str(), list(7).iat), ("atlas/keys", 1_700_000_000));
    }

    #[test]
    fn what_no_reader_takes_is_not_signed() {
        assert!(matches!(sign(&list(7), &signer(2)), Err(KeyListError::OtherRoot { .. })));
        let (mut misnamed, mut doubled, mut rooted, mut full) = (list(1), list(1), list(1), list(1));
        misnamed.keys[0].kid = misnamed.keys[1].kid.clone();
        doubled.keys.push(doubled.keys[0].clone());
        rooted.keys.push(listed(1));
        full.keys = (0..=signet_verify::KEYS as u64).map(|seed| listed(100 + seed)).collect();
        for list in [misnamed, doubled, rooted, full.clone()] {
            assert!(matches!(sign(&list, &signer(1)), Err(KeyListError::Content(_))));
        }
        full.keys.pop();
        assert!(sign(&full, &signer(1)).is_ok(), "a full list fits");
    }
}
