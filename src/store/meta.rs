//! Named settings that Signet keeps about itself.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::meta};

/// Bytes that [`Tx::meta_probe`] stores: more than one page of either database.
const PROBE_BYTES: usize = 16 * 1024;
/// The two rows that it uses in turn.
const PROBES: [&str; 2] = ["ping-1", "ping-2"];

impl Tx {
    /// Stores a row so large that it needs new pages, before it deletes the one of the last time. On a full disk a
    /// small row would still find room in a page that is there already.
    pub(super) fn meta_probe(&mut self) -> Result<(), StoreError> {
        let [first, second] = PROBES;
        let last = each!(self, c => meta::table.find(first).select(meta::name).first::<String>(c).optional())?;
        let (new, old) = if last.is_some() { (second, first) } else { (first, second) };
        self.meta_set(new, &probe())?;
        each!(self, c => diesel::delete(meta::table.find(old)).execute(c))?;
        Ok(())
    }

    /// The value of `name`.
    pub fn meta_get(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        each!(self, c => meta::table.find(name).select(meta::value).first(c).optional())
    }

    /// Sets `name`, whatever it was before.
    pub fn meta_set(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(meta::table)
            .values((meta::name.eq(name), meta::value.eq(value)))
            .on_conflict(meta::name)
            .do_update()
            .set(meta::value.eq(value))
            .execute(c))?;
        Ok(())
    }

    /// Sets `name` unless it is set; `false` when it was.
    pub fn meta_insert_if_absent(&mut self, name: &str, value: &str) -> Result<bool, StoreError> {
        let rows = each!(self, c => diesel::insert_into(meta::table)
            .values((meta::name.eq(name), meta::value.eq(value)))
            .on_conflict(meta::name)
            .do_nothing()
            .execute(c))?;
        Ok(rows == 1)
    }
}

/// Text that PostgreSQL cannot compress, which would make it small again. The numbers of a linear congruential
/// generator (Knuth's, for 64 bits) are random enough.
fn probe() -> String {
    let mut state = 0_u64;
    let letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + u8::try_from(state >> 58).unwrap_or_default())
    };
    std::iter::repeat_with(letter).take(PROBE_BYTES).collect()
}
