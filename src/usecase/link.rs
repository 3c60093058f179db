//! The customer's link to the page of a license: what the marketplace's resource page leads to.
//!
//! The token in it is the license's id, the link's version and a tag under the master key. Nothing of it is stored,
//! so a copy of the database opens no page, and yet the link can be shown again; raising the version makes every
//! older link worthless at once. Whoever holds the link sees code and key: it is as secret as they are.

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::{
    base::{ids::LicenseId, time::Time},
    license::{
        model::License,
        seal::{MasterKey, Purpose},
    },
    store::{LinkRecord, Tx},
};

use super::{Context, Done, Failure, change};

/// Version of a link that was never rotated.
const FIRST_VERSION: u32 = 1;
/// Bytes of the tag: 128 bits, which nobody guesses.
const TAG: usize = 16;
/// Bytes of a token: id, version, tag.
const TOKEN: usize = 16 + 4 + TAG;

/// The link of a license as it is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The license it leads to.
    pub license: LicenseId,
    /// How often it was made, this time included.
    pub version: u32,
    /// When it was rotated last; `None`: never.
    pub rotated_at: Option<Time>,
}

impl Link {
    /// The address, to be shown to the customer alone: at most 255 characters.
    pub fn url(&self, ctx: Context) -> String {
        format!("{}/{}", ctx.installation.customer_page(), self.token(ctx))
    }

    fn token(&self, ctx: Context) -> String {
        token(&ctx.installation.master, self.license, self.version)
    }
}

/// The token of the link's `version` of a license.
pub fn token(master: &MasterKey, license: LicenseId, version: u32) -> String {
    let named = named(license, version);
    let tag = tag(master, &named);
    BASE64URL_NOPAD.encode(&[named.as_slice(), &tag].concat())
}

/// The link of the license `id`, which must exist.
///
/// # Errors
/// The database's.
pub fn of(tx: &mut Tx, id: LicenseId) -> Done<Link> {
    let record = tx.link_find(id)?;
    let version = record.map_or(Ok(FIRST_VERSION), |it| u32::try_from(it.version));
    let version = version.map_err(|_| Failure::Missing(format!("the link's version of license {id} is no version")))?;
    Ok(Link { license: id, version, rotated_at: record.map(|it| it.rotated_at) })
}

/// The license that `token` opens, with its link. `None` alike for what is no token, for one that was not made here,
/// and for one that was rotated since.
///
/// # Errors
/// The database's.
pub fn open(tx: &mut Tx, ctx: Context, token: &str) -> Done<Option<(License, Link)>> {
    let Some((id, version)) = named_by(&ctx.installation.master, token) else { return Ok(None) };
    in_force(tx, id, version)
}

/// The license `id` when `version` is still its link's.
///
/// # Errors
/// The database's.
pub fn in_force(tx: &mut Tx, id: LicenseId, version: u32) -> Done<Option<(License, Link)>> {
    let Some(license) = tx.license_find(id)? else { return Ok(None) };
    let link = of(tx, id)?;
    Ok((link.version == version).then_some((license, link)))
}

/// Makes a new link; the one before opens nothing from now on, and what was opened with it is closed. `None` when
/// there is no such license.
///
/// # Errors
/// The database's.
pub fn rotate(tx: &mut Tx, ctx: Context, id: LicenseId) -> Done<Option<Link>> {
    let Some(license) = tx.license_for_update(id)? else { return Ok(None) };
    let before = of(tx, id)?;
    let next = before.version.checked_add(1).ok_or_else(|| Failure::Missing(format!("license {id} had every link")))?;
    tx.link_save(&LinkRecord { license_id: id, version: next.into(), rotated_at: ctx.now })?;
    change::record(tx, ctx, &license, "link_rotated", json!({ "version": { "from": before.version, "to": next } }))?;
    Ok(Some(Link { license: id, version: next, rotated_at: Some(ctx.now) }))
}

/// What a token names, a license and its link's version, when it was made under this master key; whether that link is still
/// in force must be asked.
pub fn named_by(master: &MasterKey, token: &str) -> Option<(LicenseId, u32)> {
    // Exactly one text for each link: the alphabet's last symbol carries no spare bits, and nothing is trimmed.
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    let (named, found) = bytes.split_at_checked(TOKEN - TAG)?;
    if !bool::from(tag(master, named).ct_eq(found)) {
        return None;
    }
    let (id, version) = named.split_first_chunk::<16>()?;
    Some((LicenseId::from_bytes(*id), u32::from_be_bytes(version.try_into().ok()?)))
}

fn named(id: LicenseId, version: u32) -> Vec<u8> {
    [id.to_bytes().as_slice(), &version.to_be_bytes()].concat()
}

fn tag(master: &MasterKey, named: &[u8]) -> [u8; TAG] {
    let whole = master.lookup(Purpose::CustomerLink, named);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&whole[..TAG]);
    tag
}
