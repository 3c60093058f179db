//! What a customer's browser keeps while the page of a license is open: which license, under which version of its
//! link, since when, sealed under the master key. The server keeps nothing.

use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use subtle::ConstantTimeEq;

use crate::{
    base::{ids::LicenseId, time::Time},
    license::{model::License, seal::Purpose},
    store::Tx,
};

use super::{Context, Done, link};

/// How long a page stays open.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// What is sealed belongs to no row.
const ASSOCIATED: &str = "session";
/// Characters of a session's text that are looked at at all; real ones have 92.
const TEXT_CHARS: usize = 128;

/// An open page.
#[derive(Clone)]
pub struct Session {
    /// The license, as it is now.
    pub license: License,
    /// What the forms of the page carry, so that no other page can send them: 22 characters.
    pub form_token: String,
}

/// Without the form's token.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("license", &self.license.id).finish_non_exhaustive()
    }
}

impl Session {
    /// Whether a form carried this session's token; in constant time.
    pub fn sent(&self, form_token: &str) -> bool {
        self.form_token.as_bytes().ct_eq(form_token.as_bytes()).into()
    }
}

/// The text for the browser of somebody who has just shown that the license `id` is theirs. It ends after
/// [`LIFETIME`], and when the license's link is rotated.
///
/// # Errors
/// The database's.
pub fn begin(tx: &mut Tx, ctx: Context, id: LicenseId) -> Done<String> {
    let version = link::of(tx, id)?.version;
    let clear = [&id.to_bytes()[..], &version.to_be_bytes(), &ctx.now.as_micros().to_be_bytes()].concat();
    let sealed = ctx.installation.master.seal(Purpose::CustomerSession, ASSOCIATED, &clear, ctx.entropy);
    Ok(BASE64URL_NOPAD.encode(&sealed))
}

/// The session behind a browser's text; `None` when it is none of ours, over, or ended by a new link.
///
/// # Errors
/// The database's.
pub fn resume(tx: &mut Tx, ctx: Context, text: &str) -> Done<Option<Session>> {
    let Some((id, version, begun)) = read(ctx, text) else { return Ok(None) };
    // One begun in the future was begun by a replica whose clock is ahead: sealed by us all the same.
    if ctx.now.since(begun) >= LIFETIME {
        return Ok(None);
    }
    let found = link::in_force(tx, id, version)?;
    Ok(found.map(|(license, _)| Session { license, form_token: form_token(ctx, text) }))
}

fn read(ctx: Context, text: &str) -> Option<(LicenseId, u32, Time)> {
    if text.len() > TEXT_CHARS {
        return None;
    }
    let sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let clear = ctx.installation.master.open(Purpose::CustomerSession, ASSOCIATED, &sealed).ok()?;
    let (id, rest) = clear.split_first_chunk::<16>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let micros = i64::from_be_bytes(rest.try_into().ok()?);
    Some((LicenseId::from_bytes(*id), u32::from_be_bytes(*version), Time::from_micros(micros)?))
}

fn form_token(ctx: Context, text: &str) -> String {
    let tag = ctx.installation.master.lookup(Purpose::CustomerSession, text.as_bytes());
    BASE64URL_NOPAD.encode(&tag[..16])
}
