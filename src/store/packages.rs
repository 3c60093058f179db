//! Packages: what of a product can be installed. Their bytes lie elsewhere.

use diesel::prelude::*;

use super::{Tx, conn::each, error::StoreError, schema::packages};
use crate::base::{limits, slug::Slug, time::Time};

/// One version of a product's package.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = packages, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct PackageRecord {
    /// The product.
    pub product: Slug,
    /// The version, as semantic versioning writes it.
    pub version: String,
    /// SHA-256 of the bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Bytes.
    pub size: i64,
    /// Name of the file on the customer's machine.
    pub file: String,
    /// Software older than this is not to be installed any more.
    pub min_version: Option<String>,
    /// The key that signed the manifest.
    pub kid: String,
    /// The signed manifest, `package+jwt`.
    pub manifest: String,
    /// SHA-256 of the manifest's text, 64 hexadecimal digits in lower case.
    pub manifest_sha256: String,
    /// When it was published.
    pub published_at: Time,
    /// It is not installed any more from here on.
    pub expires_at: Option<Time>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Time>,
}

impl Tx {
    /// Writes a package down, in the place of one of the same version.
    pub fn package_save(&mut self, package: &PackageRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::delete(packages::table.find((&package.product, &package.version))).execute(c))?;
        each!(self, c => diesel::insert_into(packages::table).values(package.clone()).execute(c))?;
        Ok(())
    }

    /// One version.
    pub fn package_find(&mut self, product: &Slug, version: &str) -> Result<Option<PackageRecord>, StoreError> {
        each!(self, c => packages::table
            .find((product, version))
            .select(PackageRecord::as_select())
            .first(c)
            .optional())
    }

    /// All versions of a product, withdrawn ones included; without a product, of all.
    pub fn package_list(&mut self, product: Option<&Slug>) -> Result<Vec<PackageRecord>, StoreError> {
        each!(self, c => {
            let mut query = packages::table.select(PackageRecord::as_select()).into_boxed();
            if let Some(product) = product {
                query = query.filter(packages::product.eq(product)).limit(limits::PACKAGE_VERSIONS);
            }
            query.order((packages::product, packages::published_at)).load(c)
        })
    }
}
