//! A write asked for twice with the same idempotency key is carried out once.
//!
//! The answer is remembered in the transaction of the change itself: neither a crash nor a race can leave one
//! without the other. It may show a license code and key, so it is sealed under the master key: a dump of the
//! database holds no usable license here either. Answers are kept for [`crate::base::limits::IDEMPOTENCY_HOURS`].

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::{
    base::ids::TokenId,
    license::seal::Purpose,
    store::{IdempotencyRecord, StoreError, Tx},
};

use super::{Context, Done, Failure};

/// A write that named an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The token that asks: keys of different tokens never meet.
    pub token: TokenId,
    /// Its key.
    pub key: String,
    /// What is asked for, by [`digest`].
    pub hash: [u8; 32],
}

/// An answer worth remembering.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: String,
}

/// Without the body: it may show a license code.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What came of the key before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing: carry the request out.
    Nothing,
    /// The same request: give the same answer.
    Same(Answer),
    /// Another request: a mistake of the caller.
    Another,
}

/// SHA-256 over the parts of a request, each with its length before it, so that no two lists look the same.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Looks for an earlier request with the same key of the same token.
///
/// # Errors
/// The database's and the seal's.
pub fn earlier(tx: &mut Tx, ctx: Context, request: &Request) -> Done<Earlier> {
    let Some(record) = tx.idempotency_find(request.token, &request.key)? else { return Ok(Earlier::Nothing) };
    if record.request_hash != request.hash {
        return Ok(Earlier::Another);
    }
    let unreadable = || Failure::Missing(format!("a remembered answer of token {} cannot be read", request.token));
    let sealed = BASE64.decode(record.body.as_bytes()).map_err(|_| unreadable())?;
    let clear = ctx.installation.master.open(Purpose::IdempotentAnswer, &associated(request), &sealed)?;
    let body = std::str::from_utf8(&clear).map_err(|_| unreadable())?.to_owned();
    let status = u16::try_from(record.status).map_err(|_| unreadable())?;
    Ok(Earlier::Same(Answer { status, body }))
}

/// Remembers the answer, in the transaction of the change it tells of.
///
/// # Errors
/// The database's; a temporary one when an equal request was faster: nothing was changed, and the next attempt
/// finds its answer.
pub fn remember(tx: &mut Tx, ctx: Context, request: &Request, answer: &Answer) -> Done<()> {
    let master = &ctx.installation.master;
    let body = answer.body.as_bytes();
    let sealed = master.seal(Purpose::IdempotentAnswer, &associated(request), body, ctx.entropy);
    let first = tx.idempotency_insert(&IdempotencyRecord {
        token_id: request.token,
        key: request.key.clone(),
        request_hash: request.hash,
        status: answer.status.into(),
        content_type: None,
        body: BASE64.encode(&sealed),
        created_at: ctx.now,
    })?;
    if first { Ok(()) } else { Err(StoreError::Contended { rounds: 1 }.into()) }
}

fn associated(request: &Request) -> String {
    format!("idempotent-answer/{}/{}", request.token, request.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_run_into_each_other() {
        let one = digest(&[b"POST", b"/a", b"bc"]);
        assert_eq!(one, digest(&[b"POST", b"/a", b"bc"]));
        for other in [digest(&[b"POST", b"/ab", b"c"]), digest(&[b"POST/a", b"bc"]), digest(&[b"POST", b"/a", b"bd"])] {
            assert_ne!(one, other);
        }
    }
}
