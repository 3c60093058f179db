//! Who comes in at a product's door, and what of it they may see.

use crate::{
    base::{
        ids::LicenseId,
        secret::{ExposeSecret, SecretString},
        slug::Slug,
    },
    license::{
        model::{License, State},
        plan::{ExpirySlack, LeaseRule},
    },
    store::Tx,
    usecase::{
        Context, Done,
        credential::{self, Credential, Held},
        token::{self, Bearer, Scope},
        verdict,
    },
};

/// What somebody shows.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A license: its key, its signed key or one of its codes.
    License(SecretString),
    /// A token.
    Token(SecretString),
}

/// Who was let in.
#[derive(Debug, Clone)]
pub enum Guest {
    /// A license: it sees itself and its machines.
    License(Box<SeenLicense>),
    /// The merchant's own program: it sees all of the product.
    Token(Bearer),
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No license of this product, or one that ended for good.
    LicenseInvalid,
    /// A code of an older revision that says too much, or of a key that leaked.
    CodeRevoked,
    /// A frozen license.
    LicenseSuspended,
    /// Not the form of a token.
    TokenFormatInvalid,
    /// Unknown or revoked.
    TokenInvalid,
    /// Over.
    TokenExpired,
    /// Another product's, or not for this door.
    TokenNotAllowed,
}

/// A license as its guest may see it.
#[derive(Debug, Clone)]
pub struct SeenLicense {
    /// The license as it is now.
    pub license: License,
    /// What opens the software: exactly what the guest showed, or the license's own key where a token was shown.
    pub key: SecretString,
    /// The plan's leases.
    pub lease: LeaseRule,
    /// How long it holds beyond its expiry.
    pub slack: ExpirySlack,
    /// Whether its keys are signed ones.
    pub is_signed: bool,
}

impl SeenLicense {
    pub(super) fn of(ctx: Context, license: License, key: SecretString) -> Self {
        let rules = verdict::rules(ctx, &license);
        let (lease, slack) = (rules.lease, rules.slack);
        let is_signed = credential::has_signed_keys(ctx, &license);
        Self { license, key, lease, slack, is_signed }
    }
}

/// Lets a guest in at the door of `product`.
///
/// # Errors
/// The database's.
pub fn enter(tx: &mut Tx, ctx: Context, product: &Slug, shown: &Shown) -> Done<Result<Guest, Denied>> {
    match shown {
        Shown::License(text) => by_license(tx, ctx, product, text),
        Shown::Token(text) => by_token(tx, ctx, product, text),
    }
}

fn by_license(tx: &mut Tx, ctx: Context, product: &Slug, text: &SecretString) -> Done<Result<Guest, Denied>> {
    let held = match held(tx, ctx, product, text)? {
        Ok(held) => held,
        Err(denied) => return Ok(Err(denied)),
    };
    Ok(match held.license.standing.state() {
        State::Released => Err(Denied::LicenseInvalid),
        State::Frozen => Err(Denied::LicenseSuspended),
        State::Active => Ok(Guest::License(Box::new(SeenLicense::of(ctx, held.license, text.clone())))),
    })
}

/// The license of `product` behind `text`, in whatever state.
pub(super) fn held(tx: &mut Tx, ctx: Context, product: &Slug, text: &SecretString) -> Done<Result<Held, Denied>> {
    let held = match credential::resolve(tx, ctx, text)? {
        Credential::Found(held) if held.license.product == *product => *held,
        Credential::Found(_) | Credential::Malformed(_) | Credential::NotRedeemed | Credential::Unknown => {
            return Ok(Err(Denied::LicenseInvalid));
        }
    };
    let revoked = verdict::code_revoked(ctx, &held);
    Ok(if revoked { Err(Denied::CodeRevoked) } else { Ok(held) })
}

fn by_token(tx: &mut Tx, ctx: Context, product: &Slug, text: &SecretString) -> Done<Result<Guest, Denied>> {
    if !token::has_form(text) {
        return Ok(Err(Denied::TokenFormatInvalid));
    }
    let Some(bearer) = token::authenticate(tx, ctx.now, text)? else {
        let expired = token::is_expired(tx, ctx.now, text)?;
        return Ok(Err(if expired { Denied::TokenExpired } else { Denied::TokenInvalid }));
    };
    let allowed = bearer.scopes.contains(&Scope::Keygen) && bearer.product.as_ref() == Some(product);
    Ok(if allowed { Ok(Guest::Token(bearer)) } else { Err(Denied::TokenNotAllowed) })
}

impl Guest {
    /// The license that is named by its id or by a text that opens it, where the guest may see it.
    ///
    /// # Errors
    /// The database's and the seal's.
    pub fn license(&self, tx: &mut Tx, ctx: Context, product: &Slug, name: &str) -> Done<Option<SeenLicense>> {
        let id = name.parse::<LicenseId>().ok();
        match self {
            Self::License(own) => {
                let same = match id {
                    Some(id) => own.license.id == id,
                    None if own.key.expose_secret() == name => true,
                    None => {
                        held(tx, ctx, product, &name.to_owned().into())?.is_ok_and(|it| it.license.id == own.license.id)
                    }
                };
                Ok(same.then(|| (**own).clone()))
            }
            Self::Token(_) => {
                let license = match id {
                    Some(id) => tx.license_find(id)?.filter(|it| it.product == *product),
                    None => held(tx, ctx, product, &name.to_owned().into())?.ok().map(|it| it.license),
                };
                let license = license.filter(|it| it.standing.state() != State::Released);
                license.map(|license| own(tx, ctx, license)).transpose()
            }
        }
    }

    /// The license with this id, where the guest may see it.
    ///
    /// # Errors
    /// The database's and the seal's.
    pub fn license_by_id(&self, tx: &mut Tx, ctx: Context, product: &Slug, id: LicenseId) -> Done<Option<SeenLicense>> {
        self.license(tx, ctx, product, &id.to_string())
    }
}

/// A license as a token sees it: with its own key.
fn own(tx: &mut Tx, ctx: Context, license: License) -> Done<SeenLicense> {
    let key = credential::door_key(tx, ctx, &license)?;
    Ok(SeenLicense::of(ctx, license, key))
}
