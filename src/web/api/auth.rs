//! Who asks: `Authorization: Bearer sgt_…` (RFC 6750).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use crate::{
    app::App,
    base::secret::SecretString,
    usecase::{
        Actor, Failure,
        token::{self, Bearer, Scope},
    },
    web::problem::Problem,
};

/// Characters of a token that are looked at at all; real ones have 47.
const TOKEN_CHARS: usize = 128;
const SCHEME: &str = "bearer";

/// The holder of a valid token, who has yet to show the scope that a handler asks for.
#[derive(Debug)]
pub struct Authorized(Bearer);

impl Authorized {
    /// The holder, when the token has `scope`.
    ///
    /// # Errors
    /// 403 naming the scope.
    pub fn require(self, scope: Scope) -> Result<Bearer, Problem> {
        if self.0.product.is_some() {
            let detail = "This token is for the door of one product only. Use a token without a product.";
            return Err(Problem::forbidden(detail));
        }
        if self.0.scopes.contains(&scope) {
            return Ok(self.0);
        }
        let scope = scope.as_str();
        let detail = format!("This needs the scope `{scope}`, which the token does not have. Use a token with it.");
        Err(Problem::forbidden(detail))
    }
}

/// Unknown, expired, revoked and missing tokens are answered alike: the answer tells nobody which tokens exist.
impl FromRequestParts<App> for Authorized {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = presented(&parts.headers).ok_or_else(refused)?;
        let now = app.now();
        let presented = token.clone();
        let authenticate = move |tx: &mut _, _: crate::usecase::Context<'_>| token::authenticate(tx, now, &presented);
        let bearer = app.read::<_, Failure, _>(Actor::Signet, authenticate).await?.ok_or_else(refused)?;
        if bearer.is_note_due(now) {
            let note = move |tx: &mut _, _: crate::usecase::Context<'_>| token::note_use(tx, now, &token);
            // A database that only reads right now is no reason to refuse a reader.
            if let Err(failure) = app.write::<_, Failure, _>(Actor::Signet, note).await {
                tracing::warn!(token.id = %bearer.id, "the use of a token could not be noted: {failure}");
            }
        }
        Ok(Self(bearer))
    }
}

fn presented(headers: &HeaderMap) -> Option<SecretString> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let plausible = scheme.eq_ignore_ascii_case(SCHEME) && (1..=TOKEN_CHARS).contains(&token.len());
    plausible.then(|| token.to_owned().into())
}

fn refused() -> Problem {
    Problem::unauthorized(
        "Send `Authorization: Bearer sgt_…` with a token that exists and is neither expired nor revoked. \
         `signet token create` makes one.",
    )
}
