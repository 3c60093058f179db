//! Where the holder of a license reads mail: what the order told, what the merchant entered, what the holder chose.

use crate::{
    base::{ids::LicenseId, secret::SecretString, text::Language, time::Time},
    license::seal::Purpose,
    store::{ContactRecord, Tx},
    usecase::{Context, Done, Failure},
};

/// Who named an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The marketplace's order.
    Order,
    /// The merchant.
    Merchant,
    /// The holder, on the page of the license.
    Customer,
}

impl Source {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Merchant => "merchant",
            Self::Customer => "customer",
        }
    }
}

/// The stable name of a language.
pub fn language_name(language: Language) -> &'static str {
    match language {
        Language::Zh => "zh",
        Language::En => "en",
    }
}

/// Where the holder of a license is written to, and in which language.
///
/// # Errors
/// The database's; a sealed address that does not open.
pub fn find(tx: &mut Tx, ctx: Context, license: LicenseId) -> Done<Option<(SecretString, Language)>> {
    let Some(contact) = tx.contact_find(license)? else { return Ok(None) };
    open(ctx, &contact).map(Some)
}

/// The address and language of a contact.
///
/// # Errors
/// A sealed address that does not open.
pub fn open(ctx: Context, contact: &ContactRecord) -> Done<(SecretString, Language)> {
    let license = contact.license_id;
    let clear = ctx.installation.master.open(Purpose::ContactAddress, &license.to_string(), &contact.address)?;
    let broken = || Failure::Missing(format!("the address of license {license} cannot be read"));
    let address = std::str::from_utf8(&clear).map_err(|_| broken())?;
    let language = if contact.language == language_name(Language::En) { Language::En } else { Language::Zh };
    Ok((address.into(), language))
}

/// Writes down where the holder of a license reads mail. What an order tells takes the place of nothing that somebody chose.
///
/// # Errors
/// The database's.
pub fn set(
    tx: &mut Tx,
    ctx: Context,
    license: LicenseId,
    address: &str,
    language: Language,
    source: Source,
) -> Done<()> {
    if source == Source::Order && tx.contact_find(license)?.is_some() {
        return Ok(());
    }
    let master = &ctx.installation.master;
    let address = master.seal(Purpose::ContactAddress, &license.to_string(), address.as_bytes(), ctx.entropy);
    let updated_at: Time = ctx.now;
    let (language, source) = (language_name(language).to_owned(), source.as_str().to_owned());
    Ok(tx.contact_save(&ContactRecord { license_id: license, address, language, source, updated_at })?)
}
