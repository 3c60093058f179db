//! Management tokens (only their hashes) and the answers that repeated requests get again.

use diesel::prelude::*;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{idempotency_keys, tokens},
    types::{Hash32, Names},
};
use crate::base::{ids::TokenId, slug::Slug, time::Time};

/// A management token.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = tokens, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// The name people gave it.
    pub name: String,
    /// SHA-256 of the token.
    #[diesel(serialize_as = Hash32, deserialize_as = Hash32)]
    pub hash: [u8; 32],
    /// What it may do.
    #[diesel(serialize_as = Names, deserialize_as = Names)]
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used, as far as that was noted.
    pub last_used_at: Option<Time>,
    /// When it expires.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// The product for whose door it is; `None`: for the management API.
    pub product: Option<Slug>,
}

impl std::fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// The answer to a request that named an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct IdempotencyRecord {
    /// The token that asked.
    pub token_id: TokenId,
    /// Its key.
    pub key: String,
    /// Hash of the request, so that another one with the same key is noticed.
    #[diesel(serialize_as = Hash32, deserialize_as = Hash32)]
    pub request_hash: [u8; 32],
    /// The answer's HTTP status.
    pub status: i64,
    /// The answer's content type.
    pub content_type: Option<String>,
    /// The answer's body.
    pub body: String,
    /// When it was answered.
    pub created_at: Time,
}

impl Tx {
    /// Adds a token.
    pub fn token_insert(&mut self, token: &TokenRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(tokens::table).values(token.clone()).execute(c))?;
        Ok(())
    }

    /// The token with this hash, also when revoked or expired.
    pub fn token_by_hash(&mut self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, StoreError> {
        each!(self, c => tokens::table
            .filter(tokens::hash.eq(&hash[..]))
            .select(TokenRecord::as_select())
            .first(c)
            .optional())
    }

    /// Every token, newest first.
    pub fn token_list(&mut self) -> Result<Vec<TokenRecord>, StoreError> {
        each!(self, c => tokens::table.order(tokens::id.desc()).select(TokenRecord::as_select()).load(c))
    }

    /// Revokes a token; `false` when there is none or it was revoked before.
    pub fn token_revoke(&mut self, id: TokenId, now: Time) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::update(tokens::table.find(id).filter(tokens::revoked_at.is_null()))
            .set(tokens::revoked_at.eq(now))
            .execute(c))?;
        Ok(rows == 1)
    }

    /// Notes that a token was used.
    pub fn token_touch(&mut self, id: TokenId, now: Time) -> Result<(), StoreError> {
        each!(self, c => diesel::update(tokens::table.find(id)).set(tokens::last_used_at.eq(now)).execute(c))?;
        Ok(())
    }

    /// The answer that was given to `key` of `token`.
    pub fn idempotency_find(&mut self, token: TokenId, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        each!(self, c => idempotency_keys::table
            .find((token, key))
            .select(IdempotencyRecord::as_select())
            .first(c)
            .optional())
    }

    /// Remembers an answer; `false` when the key is already there.
    pub fn idempotency_insert(&mut self, record: &IdempotencyRecord) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::insert_into(idempotency_keys::table)
            .values(record.clone())
            .on_conflict((idempotency_keys::token_id, idempotency_keys::key))
            .do_nothing()
            .execute(c))?;
        Ok(rows == 1)
    }

    /// Forgets at most `limit` answers older than `before`; how many were forgotten.
    pub fn idempotency_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<(TokenId, String)> = each!(self, c => idempotency_keys::table
            .filter(idempotency_keys::created_at.lt(before))
            .order(idempotency_keys::created_at)
            .limit(super::purge_rows(limit))
            .select((idempotency_keys::token_id, idempotency_keys::key))
            .load(c))?;
        let mut gone = 0;
        for (token, key) in &old {
            gone += each!(self, c => diesel::delete(idempotency_keys::table.find((token, key))).execute(c))?;
        }
        Ok(gone)
    }
}
