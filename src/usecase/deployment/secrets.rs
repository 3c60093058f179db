//! What a deployment keeps secret: credentials and password hash, sealed; the tokens of its machine, and what ties agencies
//! to its license, which derive from the master key, so that a dump of the database holds none.

use std::borrow::Cow;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    base::{
        ids::{DeploymentId, LicenseId},
        secret::{ExposeSecret, SecretString},
    },
    license::seal::{MasterKey, Purpose},
    provision::{
        password::PasswordHash,
        provider::{Agency, Bond, Credentials, Entry},
    },
    store::DeploymentRecord,
};

use super::super::{Context, Done, Failure};

/// Bytes of a tag: 128 bits, which nobody guesses.
const TAG: usize = 16;

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Clear<'a> {
    Keys {
        #[serde(borrow)]
        access_key: Cow<'a, str>,
        #[serde(borrow)]
        secret_key: Cow<'a, str>,
        #[serde(borrow)]
        session_token: Option<Cow<'a, str>>,
    },
    Trust {
        #[serde(borrow)]
        urn: Cow<'a, str>,
    },
    Named {
        #[serde(borrow)]
        account: Cow<'a, str>,
    },
}

/// Seals what opens the account for the deployment `id`.
pub fn seal_entry(ctx: Context, id: DeploymentId, entry: &Entry) -> Vec<u8> {
    let clear = match entry {
        Entry::Keys(keys) => Clear::Keys {
            access_key: (&keys.access_key).into(),
            secret_key: keys.secret_key.expose_secret().into(),
            session_token: keys.session_token.as_ref().map(|token| token.expose_secret().into()),
        },
        Entry::Agency(Agency::Trust(urn)) => Clear::Trust { urn: urn.into() },
        Entry::Agency(Agency::Named(account)) => Clear::Named { account: account.into() },
    };
    let clear = Zeroizing::new(serde_json::to_vec(&clear).expect("texts are JSON"));
    ctx.installation.master.seal(Purpose::CloudCredentials, &id.to_string(), &clear, ctx.entropy)
}

/// What opens the account, while the deployment still has it.
///
/// # Errors
/// [`Failure::Seal`] and [`Failure::Missing`] for a damaged row.
pub fn entry(ctx: Context, record: &DeploymentRecord) -> Done<Option<Entry>> {
    let Some(sealed) = &record.credentials else { return Ok(None) };
    let clear = ctx.installation.master.open(Purpose::CloudCredentials, &record.id.to_string(), sealed)?;
    let Ok(clear) = serde_json::from_slice::<Clear>(&clear) else {
        return Err(Failure::Missing(format!("the credentials of deployment {} cannot be read", record.id)));
    };
    Ok(Some(match clear {
        Clear::Keys { access_key, secret_key, session_token } => Entry::Keys(Credentials {
            access_key: access_key.into_owned(),
            secret_key: SecretString::from(&*secret_key),
            session_token: session_token.map(|token| SecretString::from(&*token)),
        }),
        Clear::Trust { urn } => Entry::Agency(Agency::Trust(urn.into_owned())),
        Clear::Named { account } => Entry::Agency(Agency::Named(account.into_owned())),
    }))
}

/// What ties agencies to a license: 128 bits for each of the two, always the same.
pub fn bond(master: &MasterKey, license: LicenseId) -> Bond {
    let derived = |purpose| HEXLOWER.encode(&master.lookup(purpose, &license.to_bytes())[..TAG]);
    Bond { external_id: derived(Purpose::AgencyExternalId), name: format!("signet-{}", derived(Purpose::AgencyName)) }
}

/// Seals the hash of a server's password.
pub fn seal_password(ctx: Context, id: DeploymentId, hash: &PasswordHash) -> Vec<u8> {
    let hash = hash.expose().as_bytes();
    ctx.installation.master.seal(Purpose::ServerPassword, &id.to_string(), hash, ctx.entropy)
}

/// The hash of the server's password, where there is one.
///
/// # Errors
/// [`Failure::Seal`] and [`Failure::Missing`] for a damaged row.
pub fn password(ctx: Context, record: &DeploymentRecord) -> Done<Option<PasswordHash>> {
    let Some(sealed) = &record.password else { return Ok(None) };
    let clear = ctx.installation.master.open(Purpose::ServerPassword, &record.id.to_string(), sealed)?;
    let text = std::str::from_utf8(&clear)
        .map_err(|_| Failure::Missing(format!("the password of deployment {} cannot be read", record.id)))?;
    Ok(Some(PasswordHash::kept(SecretString::from(text))))
}

/// The token that a server of this attempt carries in its user-data: 43 characters. Always the same, because the same
/// attempt must send the same order.
pub fn token(ctx: Context, id: DeploymentId, attempt: &str) -> SecretString {
    SecretString::from(token_text(ctx, id, attempt))
}

/// The session of the machine that holds the key with the digest `key`: 43 characters.
pub fn session(ctx: Context, id: DeploymentId, attempt: &str, key: &[u8]) -> SecretString {
    let tag = tag(ctx, Purpose::BootstrapSession, &[&id.to_bytes(), attempt.as_bytes(), key]);
    SecretString::from(text(id, &tag))
}

/// Which deployment a token or session is for; whether it is a good one must still be asked.
pub fn named(presented: &str) -> Option<DeploymentId> {
    let bytes = BASE64URL_NOPAD.decode(presented.as_bytes()).ok()?;
    let (id, tag) = bytes.split_first_chunk::<16>()?;
    (tag.len() == TAG).then(|| DeploymentId::from_bytes(*id))
}

/// Whether `presented` is this one; in constant time.
pub fn is_same(presented: &str, expected: &SecretString) -> bool {
    presented.as_bytes().ct_eq(expected.expose_secret().as_bytes()).into()
}

/// By what a machine's key is remembered.
pub fn key_digest(key: &[u8]) -> Vec<u8> {
    Sha256::digest(key).to_vec()
}

fn token_text(ctx: Context, id: DeploymentId, attempt: &str) -> String {
    text(id, &tag(ctx, Purpose::BootstrapToken, &[&id.to_bytes(), attempt.as_bytes()]))
}

fn text(id: DeploymentId, tag: &[u8; TAG]) -> String {
    BASE64URL_NOPAD.encode(&[id.to_bytes().as_slice(), tag].concat())
}

fn tag(ctx: Context, purpose: Purpose, parts: &[&[u8]]) -> [u8; TAG] {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let whole = ctx.installation.master.lookup(purpose, &bytes);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&whole[..TAG]);
    tag
}
