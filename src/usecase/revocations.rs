//! The revocation list: what no longer holds although its signature does, numbered per product.
//!
//! An entry is written in the transaction that takes the right away: the whole license when it is released, the
//! revisions of its code that grant more than it has now, a key that leaked. Freezing writes none: it ends. Nothing
//! is listed twice and nothing is taken out: software keeps what it has seen, so an upgrade that makes an old
//! revision fair again does not bring it back. The newest revision says the same and is good.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::SignedDuration;
use signet_verify::{
    claims::{Revocation, RevocationsClaims},
    kind::Kind,
};

use crate::{
    base::{limits, slug::Slug, time::Time},
    license::{
        code::Claims,
        model::License,
        revocation::{self, Cause},
        sign::sign,
    },
    store::{RevocationRecord, Tx},
};

use super::{Context, Done, Failure};

/// How long a list says something about today.
const HOLDS: SignedDuration = SignedDuration::from_hours(7 * 24);
const HOUR_MICROS: i64 = 3_600_000_000;

/// Lists what a change took away: `before` became `after`, and its newest code is stored. Answers the revisions that
/// were listed; of a release, which lists the whole license, none.
///
/// # Errors
/// The database's.
pub fn follow(tx: &mut Tx, ctx: Context, before: &License, after: &License) -> Done<Vec<u32>> {
    if after.standing.released {
        if !before.standing.released {
            tx.revocation_add(&entry(ctx, after, Cause::Released, None))?;
        }
        return Ok(Vec::new());
    }
    // Without another revision nothing that a code grants has changed.
    if after.rev == before.rev {
        return Ok(Vec::new());
    }
    let listed: BTreeSet<u32> =
        tx.revocation_of_license(after.id)?.into_iter().filter_map(|it| it.revs).flatten().collect();
    let product = ctx.installation.catalog.product(&after.product);
    // A code that cannot be read is not vouched for.
    let fair = |payload: &str| {
        Claims::from_signing_input(payload).is_ok_and(|code| !revocation::grants_more(&code, after, product))
    };
    let older = tx.code_payloads(after.id, after.rev)?.into_iter();
    let revs: Vec<u32> =
        older.filter(|(rev, payload)| !listed.contains(rev) && !fair(payload)).map(|(rev, _)| rev).collect();
    if !revs.is_empty() {
        tx.revocation_add(&entry(ctx, after, Cause::GrantsMore, Some(revs.clone())))?;
    }
    Ok(revs)
}

/// Lists a key that was revoked.
///
/// # Errors
/// The database's.
pub fn revoke_key(tx: &mut Tx, ctx: Context, product: &Slug, kid: &str) -> Done<()> {
    tx.revocation_add(&RevocationRecord {
        product: product.clone(),
        number: 0,
        license_id: None,
        revs: None,
        kid: Some(kid.to_owned()),
        reason: Cause::KeyRevoked,
        created_at: ctx.now,
    })?;
    Ok(())
}

fn entry(ctx: Context, license: &License, reason: Cause, revs: Option<Vec<u32>>) -> RevocationRecord {
    RevocationRecord {
        product: license.product.clone(),
        number: 0,
        license_id: Some(license.id),
        revs,
        kid: None,
        reason,
        created_at: ctx.now,
    }
}

/// A signed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedList {
    /// The `revocations+jwt`.
    pub text: Arc<str>,
    /// Its SHA-256 in base64url: names these bytes.
    pub digest: Arc<str>,
    /// The number of its last entry.
    pub number: u64,
    /// Whether there are no more entries.
    pub complete: bool,
}

/// The lists that were signed last, by product and the number after which they start: whoever asks the same again, and
/// anybody can, costs no signature. They live as long as the snapshot, so none outlives the key that signed it.
#[derive(Debug, Default)]
pub struct Kept(Mutex<HashMap<(Slug, i64), KeptList>>);

/// A list with the number of the newest entry there was, and the hour.
type KeptList = (i64, i64, SignedList);

/// Lists that are kept beside those from the start.
const KEPT: usize = 64;

impl Kept {
    fn find(&self, product: &Slug, since: i64, latest: i64, hour: i64) -> Option<SignedList> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(product.clone(), since))
            .filter(|(of, at, _)| (*of, *at) == (latest, hour))
            .map(|(.., list)| list.clone())
    }

    fn keep(&self, product: &Slug, since: i64, latest: i64, hour: i64, list: SignedList) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those from the start are few and long to make, the others soon made again.
        if kept.len() >= KEPT {
            kept.retain(|(_, since), _| *since == 0);
        }
        kept.insert((product.clone(), since), (latest, hour, list));
    }
}

/// The product's entries after number `since`, signed: at most [`limits::REVOCATIONS`], the rest with the next list.
///
/// Who has seen a higher number than there is talks to a service that was set back to an older state: the answer is
/// the list from the start, so that nothing stays hidden. So is whoever knows the entry `since` by another name than `head`:
/// the service was set back, and has counted on since.
///
/// The same entries within the same hour are the same bytes on every server: the list says the beginning of the hour
/// as its time, and Ed25519 signs without chance (RFC 8032 §5.1.6).
///
/// # Errors
/// The database's; [`Failure::Missing`] when the product has no signing key.
pub fn list(tx: &mut Tx, ctx: Context, product: &Slug, since: u64, head: Option<&str>) -> Done<SignedList> {
    let latest = tx.revocation_latest(product)?;
    let since = i64::try_from(since).ok().filter(|since| *since <= latest).unwrap_or(0);
    let after = tx.revocation_find(product, since)?.map(|entry| name(&entry));
    let ours = head.is_none() || head == after.as_deref();
    let (since, after) = if ours { (since, after) } else { (0, None) };
    let hour = ctx.now.as_micros().div_euclid(HOUR_MICROS) * HOUR_MICROS;
    let kept = &ctx.installation.revocations;
    if let Some(list) = kept.find(product, since, latest, hour) {
        return Ok(list);
    }
    let made_at = Time::from_micros(hour).unwrap_or(ctx.now);
    let claims = RevocationsClaims { after, ..claims(tx, ctx, product, since, latest, made_at)? };
    let signer = ctx.installation.keys.signer(product)?;
    let text = sign(Kind::Revocations, &claims, signer).map_err(|error| Failure::Missing(error.to_string()))?;
    let digest = signet_verify::machine::sha256(&text).into();
    let list = SignedList { text: text.into(), digest, number: claims.number, complete: claims.complete };
    kept.keep(product, since, latest, hour, list.clone());
    Ok(list)
}

fn claims(
    tx: &mut Tx,
    ctx: Context,
    product: &Slug,
    since: i64,
    latest: i64,
    made_at: Time,
) -> Done<RevocationsClaims> {
    let mut entries = Vec::new();
    let mut number = since;
    let mut head = tx.revocation_find(product, since)?.map(|entry| name(&entry));
    let mut bytes = 0;
    let page = if since < latest { tx.revocation_page(product, since)? } else { Vec::new() };
    for record in page {
        bytes += size(&record);
        if bytes > limits::REVOCATIONS_BYTES && !entries.is_empty() {
            break;
        }
        number = record.number;
        head = Some(name(&record));
        entries.push(wire(record)?);
    }
    Ok(RevocationsClaims {
        iss: ctx.installation.issuer.clone(),
        aud: Kind::Revocations.audience(product.as_str()),
        iat: made_at.as_seconds(),
        time: made_at.as_micros(),
        exp: made_at.saturating_add(HOLDS).as_seconds(),
        number: number.unsigned_abs(),
        since: since.unsigned_abs(),
        complete: number == latest,
        head,
        after: None,
        entries,
    })
}

/// What an entry is called in this history and in no other: when it was written is part of it, to the microsecond.
fn name(record: &RevocationRecord) -> String {
    let RevocationRecord { product, number, license_id, revs, kid, created_at, .. } = record;
    let license = license_id.map(|id| id.to_string());
    let whole = serde_json::json!([product, number, license, revs, kid, created_at.as_micros()]);
    signet_verify::machine::sha256(&whole.to_string())
}

/// Bytes of an entry as JSON, or a few more.
fn size(record: &RevocationRecord) -> usize {
    // A license id has 36 characters, a key's name 43; a revision at most ten digits and a comma.
    80 + 11 * record.revs.as_ref().map_or(0, Vec::len)
}

fn wire(record: RevocationRecord) -> Done<Revocation> {
    match (record.license_id, record.kid) {
        (Some(id), None) => Ok(Revocation::License { sub: id.to_string(), revs: record.revs }),
        (None, Some(kid)) => Ok(Revocation::Key { kid }),
        _ => Err(Failure::Missing(format!("revocation {} of {} names nothing", record.number, record.product))),
    }
}
