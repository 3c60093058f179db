//! Signing keys (their seeds only sealed) and the signed lists that name them.

use diesel::prelude::*;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{key_lists, signing_keys},
    types::StateName,
};
use crate::{
    base::{slug::Slug, time::Time},
    license::keys::{KeyRole, KeyState},
};

/// A key of a product.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct SigningKeyRecord {
    /// The key's id, as in a code's header.
    pub kid: String,
    /// The product it signs for.
    pub product: Slug,
    /// What it signs.
    pub role: KeyRole,
    /// Where it stands.
    #[diesel(serialize_as = StateName, deserialize_as = StateName)]
    pub state: KeyState,
    /// The public half.
    pub public_key: Vec<u8>,
    /// The seed, sealed under the master key; `None` when it is kept offline.
    pub sealed_seed: Option<Vec<u8>>,
    /// When it was made or imported.
    pub created_at: Time,
    /// When it last changed.
    pub changed_at: Time,
}

impl std::fmt::Debug for SigningKeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeyRecord")
            .field("kid", &self.kid)
            .field("product", &self.product)
            .field("role", &self.role)
            .field("state", &self.state)
            .field("sealed_seed", &self.sealed_seed.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

/// A signed list of a product's keys.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = key_lists, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct KeyListRecord {
    /// The product.
    pub product: Slug,
    /// Counts up from 1.
    pub number: i64,
    /// The list as a compact JWS.
    pub jws: String,
    /// When it was signed.
    pub created_at: Time,
}

impl Tx {
    /// Adds a key.
    pub fn key_insert(&mut self, key: &SigningKeyRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(signing_keys::table).values(key.clone()).execute(c))?;
        Ok(())
    }

    /// The keys of one product or of all, oldest first.
    pub fn key_list(&mut self, product: Option<&Slug>) -> Result<Vec<SigningKeyRecord>, StoreError> {
        each!(self, c => {
            let mut query = signing_keys::table.select(SigningKeyRecord::as_select()).into_boxed();
            if let Some(product) = product {
                query = query.filter(signing_keys::product.eq(product));
            }
            query.order((signing_keys::created_at, signing_keys::kid)).load(c)
        })
    }

    /// The key `kid`.
    pub fn key_find(&mut self, kid: &str) -> Result<Option<SigningKeyRecord>, StoreError> {
        each!(self, c => signing_keys::table.find(kid).select(SigningKeyRecord::as_select()).first(c).optional())
    }

    /// Moves the key `kid` to `state`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such key.
    pub fn key_update_state(&mut self, kid: &str, state: KeyState, now: Time) -> Result<(), StoreError> {
        let rows = each!(self, c => diesel::update(signing_keys::table.find(kid))
            .set((signing_keys::state.eq(StateName::from(state)), signing_keys::changed_at.eq(now)))
            .execute(c))?;
        self.must_exist(rows, "signing_keys")
    }

    /// Forgets the sealed seed of the key `kid`: from now on it is kept offline.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such key.
    pub fn key_forget_seed(&mut self, kid: &str, now: Time) -> Result<(), StoreError> {
        let rows = each!(self, c => diesel::update(signing_keys::table.find(kid))
            .set((signing_keys::sealed_seed.eq(None::<Vec<u8>>), signing_keys::changed_at.eq(now)))
            .execute(c))?;
        self.must_exist(rows, "signing_keys")
    }

    /// Whether any key has a sealed seed, so that a master key is needed.
    pub fn key_any_sealed(&mut self) -> Result<bool, StoreError> {
        each!(self, c => diesel::select(diesel::dsl::exists(
            signing_keys::table.filter(signing_keys::sealed_seed.is_not_null())
        )).get_result(c))
    }

    /// Adds a key list.
    pub fn key_list_insert(&mut self, list: &KeyListRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(key_lists::table).values(list).execute(c))?;
        Ok(())
    }

    /// The product's key list with the highest number.
    pub fn key_list_latest(&mut self, product: &Slug) -> Result<Option<KeyListRecord>, StoreError> {
        each!(self, c => key_lists::table
            .filter(key_lists::product.eq(product))
            .order(key_lists::number.desc())
            .select(KeyListRecord::as_select())
            .first(c)
            .optional())
    }
}
