//! Management tokens: made once in clear, kept as hashes, limited to scopes.

use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    base::{
        ids::TokenId,
        secret::{ExposeSecret, SecretString},
        slug::Slug,
        time::Time,
    },
    store::{TokenRecord, Tx},
};

use super::{Context, Done, Failure};

/// What every token starts with, so that scanners of leaked secrets can find it.
const PREFIX: &str = "sgt_";
/// How far apart two noted uses of a token lie.
const NOTE_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See licenses, without codes and keys.
    #[serde(rename = "licenses:read")]
    LicensesRead,
    /// See license codes and keys.
    #[serde(rename = "licenses:reveal")]
    LicensesReveal,
    /// Issue, suspend, resume, extend and release licenses.
    #[serde(rename = "licenses:write")]
    LicensesWrite,
    /// See orders.
    #[serde(rename = "orders:read")]
    OrdersRead,
    /// Complete waiting orders.
    #[serde(rename = "orders:write")]
    OrdersWrite,
    /// See products, plans and channels.
    #[serde(rename = "catalog:read")]
    CatalogRead,
    /// See messages.
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// See alerts.
    #[serde(rename = "alerts:read")]
    AlertsRead,
    /// Resolve alerts.
    #[serde(rename = "alerts:write")]
    AlertsWrite,
    /// See webhooks, and what was delivered to them.
    #[serde(rename = "webhooks:read")]
    WebhooksRead,
    /// Make, change and delete webhooks; send again.
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    /// See mail, and what it looks like.
    #[serde(rename = "mails:read")]
    MailsRead,
    /// Act for a product at its door for existing software.
    #[serde(rename = "keygen")]
    Keygen,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::LicensesRead,
        Self::LicensesReveal,
        Self::LicensesWrite,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::CatalogRead,
        Self::MessagesRead,
        Self::AlertsRead,
        Self::AlertsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::MailsRead,
        Self::Keygen,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LicensesRead => "licenses:read",
            Self::LicensesReveal => "licenses:reveal",
            Self::LicensesWrite => "licenses:write",
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::CatalogRead => "catalog:read",
            Self::MessagesRead => "messages:read",
            Self::AlertsRead => "alerts:read",
            Self::AlertsWrite => "alerts:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::MailsRead => "mails:read",
            Self::Keygen => "keygen",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|scope| scope.as_str()).collect();
            format!("`{text}` is no scope; there are {}", known.join(", "))
        })
    }
}

/// Who a valid token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The token.
    pub id: TokenId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The product for whose door it is; `None`: for the management API.
    pub product: Option<Slug>,
    /// When it was last used, as far as that was noted.
    pub last_used_at: Option<Time>,
}

impl Bearer {
    /// Whether this use at `now` should be noted: at most one a minute is, so that reading stays free of writes.
    pub fn is_note_due(&self, now: Time) -> bool {
        is_note_due(self.last_used_at, now)
    }
}

/// Makes a token for the management API. The text is shown once and never again.
///
/// # Errors
/// As [`create_for`].
pub fn create(
    tx: &mut Tx,
    ctx: Context,
    name: &str,
    scopes: &[Scope],
    expires_at: Option<Time>,
) -> Done<(TokenId, SecretString)> {
    create_for(tx, ctx, name, scopes, None, expires_at)
}

/// Makes a token: with a `product` for its door and for nothing else.
///
/// # Errors
/// The database's; [`Failure::Missing`] for [`Scope::Keygen`] without a product and for a product without that scope.
pub fn create_for(
    tx: &mut Tx,
    ctx: Context,
    name: &str,
    scopes: &[Scope],
    product: Option<&Slug>,
    expires_at: Option<Time>,
) -> Done<(TokenId, SecretString)> {
    if product.is_some() != scopes.contains(&Scope::Keygen) {
        let why = "the scope `keygen` and a product belong together: the token opens the door of one product";
        return Err(Failure::Missing(why.to_owned()));
    }
    let text = format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&ctx.entropy.bytes::<32>()));
    let id = TokenId::new(ctx.now, ctx.entropy);
    tx.token_insert(&TokenRecord {
        id,
        name: name.to_owned(),
        hash: hash(&text),
        scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        created_at: ctx.now,
        last_used_at: None,
        expires_at,
        revoked_at: None,
        product: product.cloned(),
    })?;
    Ok((id, text.into()))
}

/// Who holds `token`; `None` when it is unknown, expired or revoked.
///
/// # Errors
/// The database's.
pub fn authenticate(tx: &mut Tx, now: Time, token: &SecretString) -> Done<Option<Bearer>> {
    let Some(record) = tx.token_by_hash(&hash(token.expose_secret()))? else { return Ok(None) };
    if record.revoked_at.is_some() || record.expires_at.is_some_and(|at| at <= now) {
        return Ok(None);
    }
    // A scope of a newer version is no right of this one.
    let scopes = record.scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
    Ok(Some(Bearer {
        id: record.id,
        name: record.name,
        scopes,
        product: record.product,
        last_used_at: record.last_used_at,
    }))
}

/// Whether `text` can be a token at all.
pub fn has_form(text: &SecretString) -> bool {
    let rest = text.expose_secret().strip_prefix(PREFIX);
    rest.is_some_and(|rest| BASE64URL_NOPAD.decode(rest.as_bytes()).is_ok_and(|bytes| bytes.len() == 32))
}

/// Whether `token` was good once and ended by itself.
///
/// # Errors
/// The database's.
pub fn is_expired(tx: &mut Tx, now: Time, token: &SecretString) -> Done<bool> {
    let record = tx.token_by_hash(&hash(token.expose_secret()))?;
    Ok(record.is_some_and(|it| it.revoked_at.is_none() && it.expires_at.is_some_and(|at| at <= now)))
}

/// Notes that `token` was used, unless that was noted within the last minute.
///
/// # Errors
/// The database's.
pub fn note_use(tx: &mut Tx, now: Time, token: &SecretString) -> Done<()> {
    // Read again: of many requests at once only the first has something to note.
    match tx.token_by_hash(&hash(token.expose_secret()))? {
        Some(record) if is_note_due(record.last_used_at, now) => Ok(tx.token_touch(record.id, now)?),
        _ => Ok(()),
    }
}

fn is_note_due(last: Option<Time>, now: Time) -> bool {
    last.is_none_or(|last| now.since(last) >= NOTE_INTERVAL)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
