//! One call, taken apart: what was asked, by whom, and the transaction in which it is answered.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::{
    body::Bytes,
    http::{HeaderMap, header, request::Parts},
};
use data_encoding::BASE64;

use crate::{
    app::App,
    base::{ids::ActivationId, limits, secret::SecretString, slug::Slug},
    store::Tx,
    usecase::{
        Actor, Context, Failure,
        keygen::{Guest, Shown, door, list::Page},
        token,
    },
    web::rate_limit::{self, Refused},
};

use super::{error::Fault, fields::Fields};

/// Rows of a page when nothing was asked for.
const USUAL_ROWS: u32 = 10;
/// Pages that can be asked for by number.
const PAGES: u32 = 100;
/// Pages that can be reached by the cursors that this door gives out, so that a list of any license can be read to its end.
const CURSORS: u32 = 1_000_000;
/// Characters of a token that are looked at at all.
const TOKEN_CHARS: usize = 128;

/// One call at the door of a product.
#[derive(Debug)]
pub struct Call {
    /// The service.
    pub app: App,
    /// Whose door.
    pub product: Slug,
    /// Method, address and headers.
    pub parts: Parts,
    /// What stands in the address where the route has a name, decoded.
    pub names: Vec<String>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether what the request shows was looked at.
    pub admitted: AtomicBool,
}

/// Why a transaction ends without an answer: it is rolled back.
#[derive(Debug)]
pub enum Stop {
    /// It could not be carried out. Logged only when no further round is tried.
    Failed(Failure),
    /// It does not fit.
    Refused(Fault),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<F: Into<Fault>> From<F> for Stop
where
    F: NotFailure,
{
    fn from(fault: F) -> Self {
        Self::Refused(fault.into())
    }
}

/// What becomes a fault without being logged.
pub trait NotFailure {}

impl NotFailure for Fault {}
impl NotFailure for crate::usecase::keygen::Denied {}
impl NotFailure for crate::usecase::keygen::machine::Refusal {}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(failure) => failure.into(),
            Stop::Refused(fault) => fault,
        }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(failure) => failure.into(),
            Refused::TooMany(exhausted) => {
                let detail = format!("More than {} calls came within a minute. Nothing was changed.", exhausted.limit);
                let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
                Self::new(status, "TOO_MANY_REQUESTS", "Too many requests", detail).after(exhausted.wait)
            }
        }
    }
}

impl Call {
    /// What stands in the address at the route's name number `index`.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// The body.
    ///
    /// # Errors
    /// 400.
    pub fn fields(&self) -> Result<Fields, Fault> {
        Fields::read(&self.body)
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What of the query narrows a list, to be kept in the addresses of its other pages: empty, or ends with `&`.
    pub fn narrowed(&self) -> String {
        let narrows = self.query.iter().filter(|(name, _)| ["fingerprint", "license"].contains(&name.as_str()));
        let pairs: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(narrows).finish();
        if pairs.is_empty() { pairs } else { format!("{pairs}&") }
    }

    /// Which rows of a list: `limit`, or `page[number]` and `page[size]`.
    ///
    /// # Errors
    /// 400.
    pub fn page(&self) -> Result<Page, Fault> {
        let number = |name: &str, most: u32| match self.parameter(name) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse::<u32>() {
                Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
                _ => Err(Fault::parameter(name, format!("must be a number from 1 to {most}"))),
            },
        };
        let limit = number("limit", limits::PAGE_ROWS)?;
        let size = number("page[size]", limits::PAGE_ROWS)?.or(limit).unwrap_or(USUAL_ROWS);
        // The cursor that this door gives out is the next page's number.
        let page = match number("page[number]", PAGES)? {
            Some(page) => page,
            None => number("page[cursor]", CURSORS)?.unwrap_or(1),
        };
        Ok(Page { skip: (page - 1) * size, size })
    }

    /// Counts a call of whoever shows `credential`.
    ///
    /// # Errors
    /// 429.
    pub async fn charge(&self, credential: &SecretString, renewed: Option<ActivationId>) -> Result<(), Fault> {
        Ok(rate_limit::charge(&self.app, &self.parts, credential, renewed).await?)
    }

    /// Answers a guest in a transaction that changes nothing.
    ///
    /// # Errors
    /// What `job` refuses; 401 and 403; 429; the database's.
    pub async fn read<T, F>(&self, job: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut Tx, Context, &Guest) -> Result<T, Stop> + Send + Sync + 'static,
    {
        let (shown, product) = (self.admitted(None).await?, self.product.clone());
        let entered = move |tx: &mut Tx, ctx: Context| enter(tx, ctx, &product, &shown, &job);
        Ok(self.app.read::<_, Stop, _>(Actor::Software, entered).await?)
    }

    /// Answers a guest in a transaction. `renewed` is the activation that the guest renews.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn write<T, F>(&self, renewed: Option<ActivationId>, job: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut Tx, Context, &Guest) -> Result<T, Stop> + Send + Sync + 'static,
    {
        let (shown, product) = (self.admitted(renewed).await?, self.product.clone());
        let entered = move |tx: &mut Tx, ctx: Context| enter(tx, ctx, &product, &shown, &job);
        Ok(self.app.write::<_, Stop, _>(Actor::Software, entered).await?)
    }

    /// What is shown, once its holder was let in by the limits. Tokens are the merchant's own and not counted, as at the
    /// management API; what is no token of this service counts for the address that shows it.
    async fn admitted(&self, renewed: Option<ActivationId>) -> Result<Shown, Fault> {
        self.admitted.store(true, Ordering::Relaxed);
        if self.parameter("auth").is_some() {
            let detail = "Credentials in an address end up in logs: send them in the header `Authorization`.";
            return Err(Fault::parameter("auth", detail));
        }
        let shown = shown(&self.parts.headers)?;
        match &shown {
            Shown::License(credential) => self.charge(credential, renewed).await?,
            Shown::Token(text) => self.note(text).await?,
        }
        Ok(shown)
    }

    /// Notes that a token was used, at most once a minute. A database that only reads right now is no reason to refuse.
    async fn note(&self, text: &SecretString) -> Result<(), Fault> {
        let (now, shown) = (self.app.now(), text.clone());
        let look = move |tx: &mut Tx, _: Context| token::authenticate(tx, now, &shown);
        match self.app.read::<_, Failure, _>(Actor::Signet, look).await {
            Ok(Some(bearer)) if bearer.is_note_due(now) => {}
            Ok(Some(_)) => return Ok(()),
            Ok(None) => return Ok(rate_limit::charge_stranger(&self.app, &self.parts)?),
            Err(failure) => return Err(failure.into()),
        }
        let shown = text.clone();
        let note = move |tx: &mut Tx, _: Context| token::note_use(tx, now, &shown);
        if let Err(failure) = self.app.write::<_, Failure, _>(Actor::Signet, note).await {
            tracing::warn!("the use of a token could not be noted: {failure}");
        }
        Ok(())
    }
}

fn enter<T>(
    tx: &mut Tx,
    ctx: Context,
    product: &Slug,
    shown: &Shown,
    job: &impl Fn(&mut Tx, Context, &Guest) -> Result<T, Stop>,
) -> Result<T, Stop> {
    let guest = door::enter(tx, ctx, product, shown)??;
    let actor = match &guest {
        Guest::License(_) => Actor::Software,
        Guest::Token(bearer) => Actor::Token(bearer.name.clone()),
    };
    job(tx, Context { actor: &actor, ..ctx }, &guest)
}

/// What the request shows: `License …`, `Bearer …`, or `Basic …` with the user name `license` or `token`.
fn shown(headers: &HeaderMap) -> Result<Shown, Fault> {
    let missing = || {
        Fault::unauthorized("TOKEN_MISSING", "Send `Authorization: License …` once with a license key, or `Bearer …`.")
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let value = value.to_str().map_err(|_| missing())?;
    let (scheme, text) = value.split_once(' ').ok_or_else(missing)?;
    let text = text.trim();
    if scheme.eq_ignore_ascii_case("license") {
        return license(text);
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return bearer(text);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(missing());
    }
    let malformed =
        || Fault::unauthorized("TOKEN_FORMAT_INVALID", "`Basic` carries base64 of `license:…` or `token:…`.");
    let decoded = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(malformed)?;
    match decoded.split_once(':') {
        Some(("license", text)) => license(text),
        Some(("token", text)) => bearer(text),
        _ => Err(malformed()),
    }
}

fn license(text: &str) -> Result<Shown, Fault> {
    if text.is_empty() || text.len() > limits::LICENSE_CODE_CHARS {
        let detail = format!("A license key has 1 to {} characters: compare it.", limits::LICENSE_CODE_CHARS);
        return Err(Fault::unauthorized("LICENSE_INVALID", detail));
    }
    Ok(Shown::License(text.to_owned().into()))
}

fn bearer(text: &str) -> Result<Shown, Fault> {
    if text.is_empty() || text.len() > TOKEN_CHARS {
        return Err(Fault::unauthorized("TOKEN_FORMAT_INVALID", "This is no token: tokens begin with `sgt_`."));
    }
    Ok(Shown::Token(text.to_owned().into()))
}
