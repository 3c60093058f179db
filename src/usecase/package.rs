//! Packages: what of a product can be installed, by version.
//!
//! A version is published once and never changes: the same bytes again are the same package, other bytes are refused.
//! The bytes are in the package store before the row is written, so nothing that is half there is ever seen.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use semver::Version;
use sha2::{Digest, Sha256};
use signet_verify::{claims::PackageClaims, kind::Kind};

use super::{Context, Done, Failure};
use crate::{
    base::{limits, slug::Slug, time::Time},
    license::sign::sign,
    provision::recipe::PackageSource,
    store::{PackageRecord, Tx},
};

/// A package that can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The product.
    pub product: Slug,
    /// The version.
    pub version: String,
    /// Name of its file.
    pub file: String,
    /// SHA-256 of its bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
    /// The key that signed the manifest.
    pub kid: String,
    /// The signed manifest.
    pub manifest: String,
    /// Where it is kept; `None`: in the package store, under product and digest.
    pub url: Option<String>,
}

/// What is to be published. The bytes are measured already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The product.
    pub product: Slug,
    /// The version: three numbers, as semantic versioning writes them.
    pub version: String,
    /// SHA-256 of the bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Name of the file, without folders.
    pub file: String,
    /// Software older than this is not to be installed any more.
    pub min_version: Option<String>,
    /// The package is not to be installed from here on.
    pub expires_at: Option<Time>,
}

/// What came of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The package.
    pub record: PackageRecord,
    /// Whether it was published before, and nothing changed.
    pub unchanged: bool,
}

/// Why a package is not published or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody sells it.
    #[error("the catalog has no product {0}: add it, or correct the name")]
    Product(Slug),
    /// The version's form.
    #[error("`{0}` is no version: write three numbers such as 1.4.0, in at most 64 characters")]
    Version(String),
    /// The file's name.
    #[error(
        "the file's name `{0}` cannot be used: letters, digits and . _ - + only, at most 128, not beginning with a sign"
    )]
    File(String),
    /// The smallest version is larger than the package's own.
    #[error("the minimum version {minimum} is newer than the package's own version {version}")]
    Minimum {
        /// The minimum.
        minimum: String,
        /// The version.
        version: String,
    },
    /// Nothing is in it.
    #[error("the file is empty")]
    Empty,
    /// The version means other bytes already.
    #[error(
        "version {version} is published with other bytes (SHA-256 {sha256}): a version never changes, use the next one"
    )]
    OtherBytes {
        /// The version.
        version: String,
        /// The digest that was published.
        sha256: String,
    },
    /// It was withdrawn.
    #[error("version {0} was withdrawn and does not come back: use the next one")]
    Withdrawn(String),
    /// There is no such version.
    #[error("there is no version {0}: `signet package list` shows what is published")]
    Unknown(String),
    /// Too many.
    #[error("the product has {0} versions already, more are not kept")]
    TooMany(i64),
}

/// Whether `wanted` may be published, and the row that stands there already. For a look before the bytes are written.
///
/// # Errors
/// The database's.
pub fn check(tx: &mut Tx, ctx: Context, wanted: &Wanted) -> Done<Result<Option<PackageRecord>, Refused>> {
    if let Err(refused) = well_formed(ctx, wanted) {
        return Ok(Err(refused));
    }
    let Some(found) = tx.package_find(&wanted.product, &wanted.version)? else {
        let count = i64::try_from(tx.package_list(Some(&wanted.product))?.len()).unwrap_or(i64::MAX);
        return Ok(if count < limits::PACKAGE_VERSIONS { Ok(None) } else { Err(Refused::TooMany(count)) });
    };
    Ok(if found.sha256 != wanted.sha256 {
        Err(Refused::OtherBytes { version: found.version, sha256: found.sha256 })
    } else if found.withdrawn_at.is_some() {
        Err(Refused::Withdrawn(found.version))
    } else {
        Ok(Some(found))
    })
}

fn well_formed(ctx: Context, wanted: &Wanted) -> Result<(), Refused> {
    if ctx.installation.catalog.product(&wanted.product).is_none() {
        return Err(Refused::Product(wanted.product.clone()));
    }
    let version = version(&wanted.version)?;
    if let Some(minimum) = &wanted.min_version
        && self::version(minimum)? > version
    {
        return Err(Refused::Minimum { minimum: minimum.clone(), version: wanted.version.clone() });
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    let file = wanted.file.as_bytes();
    if file.len() > limits::PACKAGE_FILE_CHARS
        || !file.first().is_some_and(u8::is_ascii_alphanumeric)
        || !file.iter().all(|byte| plain(*byte))
    {
        return Err(Refused::File(wanted.file.chars().take(limits::PACKAGE_FILE_CHARS).collect()));
    }
    if wanted.size == 0 { Err(Refused::Empty) } else { Ok(()) }
}

fn version(text: &str) -> Result<Version, Refused> {
    let refused = || Refused::Version(text.chars().take(limits::VERSION_CHARS).collect());
    Version::parse(text).ok().filter(|_| text.len() <= limits::VERSION_CHARS).ok_or_else(refused)
}

/// Publishes a package whose bytes are in the package store. The same again changes nothing; its manifest is signed
/// anew only where the signing key is another one by now, the minimum differs, or the package has expired.
///
/// # Errors
/// The database's; the product's missing key.
pub fn publish(tx: &mut Tx, ctx: Context, wanted: &Wanted) -> Done<Result<Published, Refused>> {
    let before = match check(tx, ctx, wanted)? {
        Ok(before) => before,
        Err(refused) => return Ok(Err(refused)),
    };
    let kid = ctx.installation.keys.signer(&wanted.product)?.kid().to_owned();
    let good = |it: &PackageRecord| {
        it.kid == kid && it.min_version == wanted.min_version && it.expires_at.is_none_or(|end| ctx.now < end)
    };
    if let Some(record) = before.filter(good) {
        return Ok(Ok(Published { record, unchanged: true }));
    }
    let claims = PackageClaims {
        iss: ctx.installation.issuer.clone(),
        aud: Kind::Package.audience(wanted.product.as_str()),
        iat: ctx.now.as_seconds(),
        version: wanted.version.clone(),
        sha256: wanted.sha256.clone(),
        size: wanted.size,
        file: wanted.file.clone(),
        exp: wanted.expires_at.map(Time::as_seconds),
        min_version: wanted.min_version.clone(),
    };
    let manifest = signed(ctx, &wanted.product, &claims)?;
    let record = PackageRecord {
        product: wanted.product.clone(),
        version: wanted.version.clone(),
        sha256: wanted.sha256.clone(),
        size: i64::try_from(wanted.size).unwrap_or(i64::MAX),
        file: wanted.file.clone(),
        min_version: wanted.min_version.clone(),
        kid,
        manifest_sha256: manifest_digest(&manifest),
        manifest,
        published_at: ctx.now,
        expires_at: wanted.expires_at,
        withdrawn_at: None,
    };
    tx.package_save(&record)?;
    Ok(Ok(Published { record, unchanged: false }))
}

fn signed(ctx: Context, product: &Slug, claims: &PackageClaims) -> Done<String> {
    let signer = ctx.installation.keys.signer(product)?;
    sign(Kind::Package, claims, signer).map_err(|error| Failure::Missing(error.to_string()))
}

/// Withdraws a version: nothing new installs it, and machines on the way to it are refused. Once more changes nothing.
///
/// # Errors
/// The database's.
pub fn withdraw(tx: &mut Tx, ctx: Context, product: &Slug, version: &str) -> Done<Result<PackageRecord, Refused>> {
    let Some(mut record) = tx.package_find(product, version)? else {
        return Ok(Err(Refused::Unknown(version.to_owned())));
    };
    if record.withdrawn_at.is_none() {
        record.withdrawn_at = Some(ctx.now);
        tx.package_save(&record)?;
    }
    Ok(Ok(record))
}

/// Digests of everything that must stay in the package store, as `product/digest`. Withdrawn versions stay: who
/// withdrew one may want to look at it.
///
/// # Errors
/// The database's.
pub fn needed(tx: &mut Tx) -> Done<BTreeSet<String>> {
    Ok(tx.package_list(None)?.into_iter().map(|it| format!("{}/{}", it.product, it.sha256)).collect())
}

/// The package that a recipe installs now. `None`: none is published, or the one it names is withdrawn, has expired, is
/// older than the minimum, or was signed by a revoked key.
///
/// # Errors
/// The database's; the product's missing key.
pub fn for_recipe(tx: &mut Tx, ctx: Context, product: &Slug, source: &PackageSource) -> Done<Option<Package>> {
    let wanted = match source {
        PackageSource::Url { expires_at, .. } if expires_at.is_some_and(|end| end <= ctx.now) => return Ok(None),
        PackageSource::Url { .. } => return kept_elsewhere(ctx, product, source).map(Some),
        PackageSource::Published { version } => version,
    };
    let versions = tx.package_list(Some(product))?;
    let floor = versions
        .iter()
        .filter(|it| it.withdrawn_at.is_none())
        .filter_map(|it| Version::parse(it.min_version.as_deref()?).ok())
        .max();
    let installable = |record: &PackageRecord| {
        record.withdrawn_at.is_none()
            && record.expires_at.is_none_or(|end| ctx.now < end)
            && ctx.installation.keys.verifies(product, &record.kid)
            && wanted.as_ref().is_none_or(|wanted| *wanted == record.version)
    };
    let newest = versions
        .into_iter()
        .filter(installable)
        .filter_map(|record| Some((Version::parse(&record.version).ok()?, record)))
        .filter(|(version, _)| floor.as_ref().is_none_or(|floor| version >= floor))
        .max_by(|(one, _), (other, _)| one.cmp(other));
    Ok(newest.map(|(_, record)| Package::from(record)))
}

/// The very package that a deployment was begun with, known by its manifest's digest: also when a newer one was published
/// since. `None`: it was withdrawn or signed anew meanwhile.
///
/// # Errors
/// The database's; the product's missing key.
pub fn pinned(
    tx: &mut Tx,
    ctx: Context,
    product: &Slug,
    source: &PackageSource,
    version: &str,
    manifest_sha256: &str,
) -> Done<Option<Package>> {
    if let PackageSource::Url { .. } = source {
        let package = kept_elsewhere(ctx, product, source)?;
        return Ok(Some(package).filter(|it| manifest_digest(&it.manifest) == manifest_sha256));
    }
    let found = tx.package_find(product, version)?;
    let same = |it: &PackageRecord| {
        it.manifest_sha256 == manifest_sha256
            && it.withdrawn_at.is_none()
            && ctx.installation.keys.verifies(product, &it.kid)
    };
    Ok(found.filter(same).map(Package::from))
}

/// The package at an address. No row knows it: its manifest is the same text whenever it is asked for, so it names no time.
fn kept_elsewhere(ctx: Context, product: &Slug, source: &PackageSource) -> Done<Package> {
    let PackageSource::Url { url, version, sha256, size, minimum_version, expires_at } = source else {
        return Err(Failure::Missing(format!("the package of {product} has no address")));
    };
    let file = url.rsplit('/').next().unwrap_or_default().to_owned();
    let claims = PackageClaims {
        iss: ctx.installation.issuer.clone(),
        aud: Kind::Package.audience(product.as_str()),
        iat: 0,
        version: version.clone(),
        sha256: sha256.clone(),
        size: *size,
        file: file.clone(),
        exp: expires_at.map(Time::as_seconds),
        min_version: minimum_version.clone(),
    };
    Ok(Package {
        product: product.clone(),
        version: version.clone(),
        file,
        sha256: sha256.clone(),
        size: *size,
        kid: ctx.installation.keys.signer(product)?.kid().to_owned(),
        manifest: signed(ctx, product, &claims)?,
        url: Some(url.clone()),
    })
}

/// SHA-256 of a manifest's text, 64 hexadecimal digits in lower case: what a machine's user-data pins.
pub fn manifest_digest(manifest: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(manifest))
}

impl From<PackageRecord> for Package {
    fn from(record: PackageRecord) -> Self {
        Self {
            product: record.product,
            version: record.version,
            file: record.file,
            sha256: record.sha256,
            size: record.size.unsigned_abs(),
            kid: record.kid,
            manifest: record.manifest,
            url: None,
        }
    }
}
