//! Finds the license behind what somebody shows: a license code, a license key or a signed key.
//!
//! What the license is now counts, never what an old code claims.

use signet_verify::{jws, kind::Kind};

use crate::{
    base::secret::{ExposeSecret, SecretString},
    license::{
        code::Claims,
        key::LicenseKey,
        keygen::key::{self as signed_key, Dataset},
        model::License,
        plan::{LicenseKeys, Product},
        revocation,
        seal::Purpose,
    },
    marketplace::koogallery::code::is_marketplace_code,
    store::Tx,
};

use super::{Context, Done, Failure, redemption};

/// What a shown text turned out to be.
#[derive(Debug)]
pub enum Credential {
    /// Neither a license code nor a license key; says why.
    Malformed(String),
    /// Of the right form, but not of a license here.
    Unknown,
    /// A code that the marketplace made and nobody has redeemed here.
    NotRedeemed,
    /// Of this license.
    Found(Box<Held>),
}

/// A license that somebody can show.
#[derive(Debug)]
pub struct Held {
    /// The license as it is now.
    pub license: License,
    /// The code, when one was shown.
    pub code: Option<ShownCode>,
}

/// A license code whose signature holds.
#[derive(Debug)]
pub struct ShownCode {
    /// What it says.
    pub claims: Claims,
    /// Whether the key that signed it is revoked.
    pub key_revoked: bool,
}

impl Held {
    /// Whether the key of the code that was shown leaked.
    pub fn key_revoked(&self) -> bool {
        self.code.as_ref().is_some_and(|code| code.key_revoked)
    }

    /// Whether the code that was shown is no longer to be believed: its key leaked, or it grants more than the license
    /// has now. The license key never is revoked: it says nothing. `product` is the license's.
    pub fn code_revoked(&self, product: Option<&Product>) -> bool {
        let too_good = |code: &ShownCode| revocation::grants_more(&code.claims, &self.license, product);
        self.code.as_ref().is_some_and(|code| code.key_revoked || too_good(code))
    }
}

/// The license behind `text`.
///
/// # Errors
/// The database's.
pub fn resolve(tx: &mut Tx, ctx: Context, text: &SecretString) -> Done<Credential> {
    let text = text.expose_secret().trim();
    if text.starts_with(signed_key::PREFIX) {
        return by_signed_key(tx, ctx, text);
    }
    // A dot stands in every code and in no key.
    if text.contains('.') { by_code(tx, ctx, text) } else { by_key(tx, ctx, text) }
}

fn by_key(tx: &mut Tx, ctx: Context, text: &str) -> Done<Credential> {
    let key = match LicenseKey::parse(text) {
        Ok(key) => key,
        Err(_) if is_marketplace_code(text) && redemption::takes_codes(ctx) => {
            let license = redemption::license(tx, ctx, text)?;
            return Ok(license.map_or(Credential::NotRedeemed, |license| found(license, None)));
        }
        Err(error) => return Ok(Credential::Malformed(error.to_string())),
    };
    let lookup = ctx.installation.master.lookup(Purpose::LicenseKey, key.as_bytes());
    let license = tx.license_by_key(&lookup)?;
    Ok(license.map_or(Credential::Unknown, |license| found(license, None)))
}

fn by_code(tx: &mut Tx, ctx: Context, text: &str) -> Done<Credential> {
    let malformed = |why: String| Ok(Credential::Malformed(why));
    let parsed = match jws::parse(text, Kind::LicenseCode) {
        Ok(parsed) => parsed,
        Err(error) => return malformed(format!("this is no license code: {error}")),
    };
    let Some((product, key)) = ctx.installation.keys.recognise(&parsed.kid) else { return Ok(Credential::Unknown) };
    if parsed.verify(&key.public).is_err() {
        return malformed("the license code was changed, or copied with an error: copy it again".to_owned());
    }
    let claims = match Claims::from_payload(&parsed.payload) {
        Ok(claims) => claims,
        Err(error) => return malformed(error.to_string()),
    };
    // The key of one product says nothing about the licenses of another.
    let license = tx.license_find(claims.sub)?.filter(|license| license.product == *product);
    let code = ShownCode { claims, key_revoked: !key.state.verifies() };
    Ok(license.map_or(Credential::Unknown, |license| found(license, Some(code))))
}

fn by_signed_key(tx: &mut Tx, ctx: Context, text: &str) -> Done<Credential> {
    let shown = match signed_key::parse(text) {
        Ok(shown) => shown,
        Err(error) => return Ok(Credential::Malformed(error.to_string())),
    };
    let product = &shown.dataset.product.id;
    let Ok(door) = ctx.installation.keys.door(product) else { return Ok(Credential::Unknown) };
    // Both are asked of every key: a forged one and one of no license cost alike and are answered alike.
    let genuine = shown.verify(door.public()).is_ok();
    let license = tx.license_find(shown.dataset.license.id)?;
    let Some(license) = license.filter(|license| genuine && license.product == *product) else {
        return Ok(Credential::Unknown);
    };
    // Whoever stole the door's key could make keys: what counts is that this one was given.
    let given = first_dataset(tx, &license)? == shown.dataset;
    Ok(if given { found(license, None) } else { Credential::Unknown })
}

/// The license's own key, as the door for existing software shows it to whoever may see it.
///
/// # Errors
/// The database's and the seal's.
pub fn door_key(tx: &mut Tx, ctx: Context, license: &License) -> Done<SecretString> {
    match signed_key(tx, ctx, license)? {
        Some(key) => Ok(key),
        None => Ok(super::issue::reveal_key(tx, ctx, license.id)?.to_string().into()),
    }
}

/// The license's signed key; `None` where its product has none. Made from the license's first code, so that it never changes.
///
/// # Errors
/// The database's; [`Failure::Missing`] for a license whose first code cannot be read.
pub fn signed_key(tx: &mut Tx, ctx: Context, license: &License) -> Done<Option<SecretString>> {
    if !has_signed_keys(ctx, license) {
        return Ok(None);
    }
    let dataset = first_dataset(tx, license)?;
    Ok(Some(dataset.key(ctx.installation.keys.door(&license.product)?).into()))
}

fn first_dataset(tx: &mut Tx, license: &License) -> Done<Dataset> {
    let missing = || Failure::Missing(format!("the first code of license {} cannot be read", license.id));
    let first = tx.code_first(license.id)?.ok_or_else(missing)?;
    let first = Claims::from_signing_input(&first.payload).map_err(|_| missing())?;
    Dataset::of(&license.product, &first).ok_or_else(missing)
}

/// Whether the product of `license` gives signed keys to its software.
pub fn has_signed_keys(ctx: Context, license: &License) -> bool {
    let product = ctx.installation.catalog.product(&license.product);
    product.is_some_and(|it| it.license_keys == LicenseKeys::Signed)
}

fn found(license: License, code: Option<ShownCode>) -> Credential {
    Credential::Found(Box::new(Held { license, code }))
}
