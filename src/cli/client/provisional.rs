//! Stands in for the readers of `signet_verify` until they are there. To be removed then.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use signet_verify::{
    claims::{
        Asked, KeyListClaims, KeyState, LeaseClaims, LicenseFileClaims, Revocation, RevocationsClaims, ValidationClaims,
    },
    kind::Kind,
};

use crate::license::keys::PublicKey;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Bundle {
    pub signet: u32,
    pub product: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocations: Option<String>,
}

impl Bundle {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(text)?)
    }
}

#[derive(Debug, Clone)]
pub struct KeyRing {
    pub number: u64,
    keys: BTreeMap<String, PublicKey>,
}

pub struct Signed<T> {
    pub kid: String,
    pub claims: T,
}

fn parse<T: DeserializeOwned>(
    text: &str,
    kind: Kind,
    product: &str,
    key: impl Fn(&str) -> Option<PublicKey>,
) -> anyhow::Result<Signed<T>> {
    ensure!(text.len() <= kind.max_chars(), "it is too long");
    let (input, signature) = text.rsplit_once('.').context("it is no signed text")?;
    let (header, payload) = input.split_once('.').context("it is no signed text")?;
    let header: BTreeMap<String, String> = serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes())?)?;
    let member = |name: &str| header.get(name).map(String::as_str).unwrap_or_default();
    ensure!(member("typ") == kind.typ() && member("alg") == "EdDSA" && header.len() == 3, "it is no {}", kind.typ());
    let kid = member("kid").to_owned();
    let key = key(&kid).context("its key is unknown or revoked")?;
    let signature: [u8; 64] = BASE64URL_NOPAD.decode(signature.as_bytes())?.try_into().ok().context("bad signature")?;
    key.verify(input.as_bytes(), &signature)?;
    let payload = BASE64URL_NOPAD.decode(payload.as_bytes())?;
    let any: serde_json::Value = serde_json::from_slice(&payload)?;
    ensure!(any["aud"] == kind.audience(product).as_str(), "it is for another product");
    Ok(Signed { kid, claims: serde_json::from_value(any)? })
}

impl KeyRing {
    pub fn from_list(text: &str, root: &PublicKey, product: &str, seen: u64) -> anyhow::Result<Self> {
        let list: Signed<KeyListClaims> = parse(text, Kind::KeyList, product, |_| Some(*root))?;
        if list.claims.number < seen {
            bail!("the key list is older than one seen before");
        }
        let listed = list.claims.keys.into_iter().filter(|key| key.state != KeyState::Revoked);
        let keys = listed.map(|key| Ok((key.kid, PublicKey::from_x(&key.x)?))).collect::<anyhow::Result<_>>()?;
        Ok(Self { number: list.claims.number, keys })
    }

    pub fn read<T: DeserializeOwned>(&self, text: &str, kind: Kind, product: &str) -> anyhow::Result<Signed<T>> {
        parse(text, kind, product, |kid| self.keys.get(kid).copied())
    }
}

pub fn refuses(list: &RevocationsClaims, sub: &str, rev: u32, kid: &str) -> bool {
    list.entries.iter().any(|entry| match entry {
        Revocation::License { sub: named, revs } => {
            named == sub && revs.as_ref().is_none_or(|revs| revs.contains(&rev))
        }
        Revocation::Key { kid: named } => named == kid,
    })
}

pub fn answers(claims: &ValidationClaims, asked: &Asked) -> bool {
    claims.asked == *asked
}

#[expect(dead_code, reason = "provisional")]
pub type Unused = (LeaseClaims, LicenseFileClaims);
