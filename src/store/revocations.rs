//! What no longer holds although its signature does: numbered per product, only ever added to.

use diesel::prelude::*;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::revocations,
    types::{MaybeRevs, UnknownName},
};
use crate::{
    base::{ids::LicenseId, limits, slug::Slug, time::Time},
    license::revocation::Cause,
};

/// One entry of a product's revocation list. Either a license or a key.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = revocations, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct RevocationRecord {
    /// The product.
    pub product: Slug,
    /// Counts up from 1 without a gap.
    pub number: i64,
    /// The license.
    pub license_id: Option<LicenseId>,
    /// Revisions of its code; `None`: the whole license.
    #[diesel(serialize_as = MaybeRevs, deserialize_as = MaybeRevs)]
    pub revs: Option<Vec<u32>>,
    /// The key.
    pub kid: Option<String>,
    /// Why.
    pub reason: Cause,
    /// When.
    pub created_at: Time,
}

impl Tx {
    /// The number of the product's newest entry; 0 when there is none.
    pub fn revocation_latest(&mut self, product: &Slug) -> Result<i64, StoreError> {
        let latest: Option<i64> = each!(self, c => revocations::table
            .filter(revocations::product.eq(product))
            .select(diesel::dsl::max(revocations::number))
            .first(c))?;
        Ok(latest.unwrap_or(0))
    }

    /// The product's entry `number`.
    pub fn revocation_find(&mut self, product: &Slug, number: i64) -> Result<Option<RevocationRecord>, StoreError> {
        each!(self, c => revocations::table
            .filter(revocations::product.eq(product))
            .filter(revocations::number.eq(number))
            .select(RevocationRecord::as_select())
            .first(c)
            .optional())
    }

    /// Adds an entry under the product's next number, whatever number it names, and answers that number.
    pub fn revocation_add(&mut self, entry: &RevocationRecord) -> Result<i64, StoreError> {
        let number = self.revocation_latest(&entry.product)? + 1;
        // Two that take the same number meet at this row, where PostgreSQL asks one of them to repeat; at the table's
        // own key it would say that the number is taken.
        self.meta_set(&format!("revocations/{}", entry.product), &number.to_string())?;
        let entry = RevocationRecord { number, ..entry.clone() };
        each!(self, c => diesel::insert_into(revocations::table).values(entry.clone()).execute(c))?;
        Ok(number)
    }

    /// The product's entries after number `after`, in order: as many as a list may hold.
    pub fn revocation_page(&mut self, product: &Slug, after: i64) -> Result<Vec<RevocationRecord>, StoreError> {
        each!(self, c => revocations::table
            .filter(revocations::product.eq(product))
            .filter(revocations::number.gt(after))
            .order(revocations::number)
            .limit(i64::try_from(limits::REVOCATIONS).unwrap_or(i64::MAX))
            .select(RevocationRecord::as_select())
            .load(c))
    }

    /// What is revoked of a license, in order.
    pub fn revocation_of_license(&mut self, license: LicenseId) -> Result<Vec<RevocationRecord>, StoreError> {
        each!(self, c => revocations::table
            .filter(revocations::license_id.eq(license))
            .order(revocations::number)
            .select(RevocationRecord::as_select())
            .load(c))
    }
}

impl std::str::FromStr for Cause {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| UnknownName::new(text))
    }
}
