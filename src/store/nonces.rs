//! Nonces that were used and may not come again.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::nonces};
use crate::base::{slug::Slug, time::Time};

impl Tx {
    /// Remembers a nonce until `expires_at`; `false` when it is already there.
    pub fn nonce_insert(&mut self, channel: &Slug, nonce: &str, expires_at: Time) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::insert_into(nonces::table)
            .values((nonces::channel.eq(channel), nonces::nonce.eq(nonce), nonces::expires_at.eq(expires_at)))
            .on_conflict((nonces::channel, nonces::nonce))
            .do_nothing()
            .execute(c))?;
        Ok(rows == 1)
    }

    /// Forgets at most `limit` nonces that expired before `before`; how many were forgotten.
    pub fn nonce_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<(Slug, String)> = each!(self, c => nonces::table
            .filter(nonces::expires_at.lt(before))
            .order(nonces::expires_at)
            .limit(super::purge_rows(limit))
            .select((nonces::channel, nonces::nonce))
            .load(c))?;
        let mut by_channel: BTreeMap<Slug, Vec<String>> = BTreeMap::new();
        for (channel, nonce) in old {
            by_channel.entry(channel).or_default().push(nonce);
        }
        let mut gone = 0;
        for (channel, old) in by_channel {
            gone += each!(self, c => diesel::delete(
                nonces::table.filter(nonces::channel.eq(&channel)).filter(nonces::nonce.eq_any(&old)),
            )
            .execute(c))?;
        }
        Ok(gone)
    }
}
