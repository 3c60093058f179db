//! Published keys as a JWK set (RFC 7517 §5, RFC 8037 §2): for any JOSE library, and for `signet verify`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use signet_verify::keys::KeyRing;

use super::keys::{KeyInfo, KeyRole, PublicKey};

/// Keys of one set: many products with some rotations each.
pub const KEYS: usize = 1_024;
/// Bytes of a set's JSON.
pub const BYTES: usize = 512 * 1024;

/// One published key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: &'static str,
    /// Always `Ed25519`.
    pub crv: &'static str,
    /// The public key.
    pub x: PublicKey,
    /// Its thumbprint.
    pub kid: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Always `EdDSA`.
    pub alg: &'static str,
}

impl From<PublicKey> for Jwk {
    fn from(public: PublicKey) -> Self {
        Self { kty: "OKP", crv: "Ed25519", kid: public.kid(), x: public, usage: "sig", alg: "EdDSA" }
    }
}

/// A set of published keys, found by `kid`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
    #[serde(skip)]
    ring: KeyRing,
}

/// Why a text is no set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// More bytes than any real set.
    #[error("the key set is longer than {BYTES} bytes")]
    TooLong,
    /// Not the JSON of a key set.
    #[error("not a JSON key set with a list `keys`: {0}")]
    Json(String),
    /// More keys than any real set.
    #[error("the key set has more than {KEYS} keys")]
    TooMany,
    /// A key that Signet does not publish.
    #[error("key {number} of the set {what}")]
    Key {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Deserialize)]
struct SetIn {
    keys: Vec<KeyIn>,
    // Forces an object: serde would also read a struct from an array.
    #[serde(flatten)]
    _other: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct KeyIn {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    #[serde(flatten)]
    other: BTreeMap<String, IgnoredAny>,
}

impl Jwks {
    /// The set of what may be published of `keys`: signing keys that verify. Never the root (software pins it and
    /// nothing but key lists is its work), never a debug key, never a revoked one.
    pub fn published<'a>(keys: impl IntoIterator<Item = &'a KeyInfo>) -> Self {
        let mut set = Self::default();
        for key in keys {
            if key.role == KeyRole::Signing && key.state.verifies() {
                set.insert(key.public);
            }
        }
        set
    }

    /// Reads a set. Members that RFC 7517 leaves open are ignored; keys of other types are refused, because a set
    /// with them is not Signet's.
    ///
    /// # Errors
    /// [`JwksError`] names the first key that breaks a rule, and the rule.
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        if json.len() > BYTES {
            return Err(JwksError::TooLong);
        }
        let read: SetIn = serde_json::from_slice(json).map_err(|error| JwksError::Json(error.to_string()))?;
        if read.keys.len() > KEYS {
            return Err(JwksError::TooMany);
        }
        let mut set = Self::default();
        for (index, key) in read.keys.iter().enumerate() {
            let wrong = |what| JwksError::Key { number: index + 1, what };
            if !set.insert(read_key(key).map_err(wrong)?) {
                return Err(wrong("stands in the set twice"));
            }
        }
        Ok(set)
    }

    /// The key named `kid`.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.ring.find(kid).ok()
    }

    /// The keys as `signet-verify` takes them: whoever published the set is trusted.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The keys.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Whether the key was new.
    fn insert(&mut self, public: PublicKey) -> bool {
        let jwk = Jwk::from(public);
        if self.find(&jwk.kid).is_some() {
            return false;
        }
        self.ring.trust(public);
        self.keys.push(jwk);
        true
    }
}

fn read_key(key: &KeyIn) -> Result<PublicKey, &'static str> {
    let only = |value: &Option<String>, wanted: &str| value.as_deref().is_none_or(|value| value == wanted);
    if key.other.contains_key("d") {
        return Err("holds a PRIVATE key (`d`): take the file away from wherever others can read it");
    }
    if key.kty != "OKP" || key.crv.as_deref() != Some("Ed25519") {
        return Err("is not of `kty` OKP with `crv` Ed25519");
    }
    if !only(&key.usage, "sig") || !only(&key.alg, "EdDSA") {
        return Err("is not for signatures (`use` sig, `alg` EdDSA)");
    }
    let public = key.x.as_deref().and_then(|x| PublicKey::from_x(x).ok());
    let public = public.ok_or("has no `x` of 32 bytes in base64url that is a usable Ed25519 key")?;
    match &key.kid {
        Some(kid) if *kid == public.kid() => Ok(public),
        _ => Err("has a `kid` that is not its RFC 7638 thumbprint"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        base::entropy::SeededEntropy,
        license::keys::{KeyState, Signer},
    };

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    #[test]
    fn only_signing_keys_that_verify_are_published() {
        let mut keys = Vec::new();
        for role in [KeyRole::Root, KeyRole::Signing, KeyRole::Debug] {
            for state in [KeyState::Active, KeyState::VerifyOnly, KeyState::Revoked] {
                let public = *Signer::generate(&SeededEntropy::new(keys.len() as u64)).public();
                keys.push(KeyInfo { role, state, public });
            }
        }
        let set = Jwks::published(&keys);
        let kids: Vec<_> = set.keys().iter().map(|key| key.kid.clone()).collect();
        assert_eq!(kids, [keys[3].public.kid(), keys[4].public.kid()]);
        let json = serde_json::to_vec(&set).unwrap();
        assert_eq!(Jwks::parse(&json).unwrap(), set);
    }

    #[test]
    fn the_json_is_that_of_rfc_8037() {
        let set = Jwks::published(&[KeyInfo {
            role: KeyRole::Signing,
            state: KeyState::Active,
            public: PublicKey::from_x(X).unwrap(),
        }]);
        assert_eq!(
            serde_json::to_string(&set).unwrap(),
            format!(
                r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{KID}","use":"sig","alg":"EdDSA"}}]}}"#
            )
        );
        assert_eq!(set.find(KID), Some(&PublicKey::from_x(X).unwrap()));
        assert_eq!(set.find("other"), None);
    }

    #[test]
    fn foreign_sets_are_refused() {
        let base = format!(r#""kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{KID}""#);
        assert!(Jwks::parse(format!(r#"{{"keys":[{{{base},"x5t":"?"}}],"more":1}}"#).as_bytes()).is_ok());
        let key = |text: String| format!(r#"{{"keys":[{{{text}}}]}}"#);
        for json in [
            String::new(),
            "{}".to_owned(),
            "[[]]".to_owned(),
            r#"{"keys":{}}"#.to_owned(),
            r#"{"keys":[["OKP","Ed25519"]]}"#.to_owned(),
            key(base.replace("OKP", "EC")),
            key(base.replace("Ed25519", "X25519")),
            key(base.replace(X, &X[1..])),
            key(base.replace(KID, "mine")),
            key(format!(r#"{base},"use":"enc""#)),
            key(format!(r#"{base},"alg":"HS256""#)),
            key(format!(r#"{base},"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#)),
            key(format!(r#"{base},"x":"{X}""#)),
            key(r#""kty":"RSA","n":"AQAB","e":"AQAB""#.to_owned()),
            format!(r#"{{"keys":[{{{base}}},{{{base}}}]}}"#),
            format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"OKP"}"#; KEYS + 1].join(",")),
            " ".repeat(BYTES + 1),
        ] {
            assert!(Jwks::parse(json.as_bytes()).is_err(), "{json:.80}");
        }
    }

    #[test]
    fn a_private_key_is_refused_by_name_and_not_repeated() {
        let json = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{KID}","d":"hush"}}]}}"#);
        let error = Jwks::parse(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("PRIVATE") && !error.contains("hush"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Jwks::parse(&bytes);
        }
    }
}
