//! Mail to the holders of licenses, and to the merchant: who is written to ([`contact`]), about what, and what became of it.
//!
//! SMTP cannot be asked whether a message arrived. So a mail is claimed, everything up to its text is done, and only then, just
//! before the text leaves, [`leaving`] writes that down. Who dies before was sending nothing, and it is tried again; who dies
//! after leaves a mail of which nobody knows, and which is never sent again: nobody gets the same mail twice, and a mail may
//! be lost with the server that was sending it. Its `Message-ID` is the same however often it is tried.

pub mod contact;
pub mod expiry;

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    base::{
        ids::{LicenseId, MailId},
        secret::{ExposeSecret, SecretString},
        text::{Language, Localized, truncate},
        time::Time,
    },
    letters::{Facts, Kind},
    license::plan::Support,
    store::{EventRecord, MailRecord, Tx},
};

use super::{
    Context, Done,
    event::{self},
    link,
};

/// Who sends has so long until somebody else may: longer than a connection and its text may take.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);
/// When a mail is tried again after so many tries.
const AGAIN_AFTER: [SignedDuration; 7] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(12),
    SignedDuration::from_hours(24),
];
/// The merchant is written to about calls that fail at most so often.
const TROUBLE_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// Characters of what went wrong.
const ERROR_CHARS: usize = 300;

/// Who can be written to.
#[derive(Debug, Clone, Default)]
pub struct Post {
    /// Whether mail is sent at all.
    pub is_open: bool,
    /// Where the merchant reads mail.
    pub merchant: Option<String>,
    /// The language of the merchant, and of holders who never named one.
    pub language: Option<Language>,
}

impl Post {
    fn language(&self) -> Language {
        self.language.unwrap_or(Language::Zh)
    }
}

/// What an event is a reason to write about.
fn kind(event: &EventRecord) -> Option<Kind> {
    Some(match event.kind.parse().ok()? {
        event::Kind::LicenseIssued => Kind::LicenseDelivered,
        event::Kind::LicenseExpiring => Kind::LicenseExpiring,
        event::Kind::LicenseRenewed => Kind::LicenseRenewed,
        event::Kind::LicenseReleased => Kind::LicenseReleased,
        event::Kind::DeploymentDone => Kind::DeploymentDone,
        event::Kind::MarketplaceCallFailing => Kind::CallFailing,
        _ => return None,
    })
}

/// Puts a mail about `event` on its way, where there is a reason and somebody to write to.
///
/// # Errors
/// The database's.
pub fn begin(tx: &mut Tx, ctx: Context, post: &Post, event: &EventRecord) -> Done<()> {
    let Some(kind) = kind(event).filter(|_| post.is_open) else { return Ok(()) };
    let somebody = match event.license_id {
        _ if kind.is_to_the_merchant() => {
            let last = tx.mail_last(kind.as_str())?;
            post.merchant.is_some() && last.is_none_or(|last| ctx.now.since(last) >= TROUBLE_PAUSE)
        }
        Some(license) => tx.contact_find(license)?.is_some(),
        None => false,
    };
    if !somebody {
        return Ok(());
    }
    Ok(tx.mail_insert(&MailRecord {
        id: MailId::new(ctx.now, ctx.entropy),
        event_id: event.id,
        kind: kind.as_str().to_owned(),
        license_id: event.license_id,
        state: "pending".to_owned(),
        tries: 0,
        next_at: ctx.now,
        created_at: ctx.now,
        ended_at: None,
        worker: None,
        error: None,
    })?)
}

/// A mail that is to be sent now.
#[derive(Clone)]
pub struct Outgoing {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: Kind,
    /// To whom.
    pub to: SecretString,
    /// In which language.
    pub language: Language,
    /// What it tells.
    pub facts: Facts,
    /// When it was written.
    pub at: Time,
    claim: String,
}

/// Without the address, and without the link in it.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What there is to do.
#[derive(Debug, Clone)]
pub enum Next {
    /// To send this.
    Send(Box<Outgoing>),
    /// Something was settled without sending: look again.
    Settled,
    /// Nothing.
    Nothing,
}

/// Claims the mail that waits longest. One whose text was leaving when its server died is given up: nobody knows whether it
/// arrived.
///
/// # Errors
/// The database's; a sealed address that does not open.
pub fn claim(tx: &mut Tx, ctx: Context, post: &Post) -> Done<Next> {
    let Some(mail) = tx.mail_due(ctx.now)? else { return Ok(Next::Nothing) };
    let ended = |state: &str, why: &str| MailRecord {
        state: state.to_owned(),
        ended_at: Some(ctx.now),
        worker: None,
        error: Some(why.to_owned()),
        ..mail.clone()
    };
    if mail.state == "sending" {
        tx.mail_update(&ended("unknown", "the service stopped while it was sent"))?;
        return Ok(Next::Settled);
    }
    let kind: Option<Kind> = mail.kind.parse().ok();
    let event = tx.event_find(mail.event_id)?;
    let (Some(kind), Some(event)) = (kind, event) else {
        tx.mail_update(&ended("failed", "what it was about is not known any more"))?;
        return Ok(Next::Settled);
    };
    let to = match mail.license_id {
        Some(license) if !kind.is_to_the_merchant() => contact::find(tx, ctx, license)?,
        _ => post.merchant.as_ref().map(|to| (SecretString::from(to.as_str()), post.language())),
    };
    let Some((to, language)) = to else {
        tx.mail_update(&ended("failed", "there is no address any more"))?;
        return Ok(Next::Settled);
    };
    let claim = HEXLOWER.encode(&ctx.entropy.bytes::<16>());
    let facts = facts(tx, ctx, mail.license_id, &event)?;
    let (id, at) = (mail.id, mail.created_at);
    let (tries, next_at) = (mail.tries.saturating_add(1), ctx.now.saturating_add(CLAIM));
    tx.mail_update(&MailRecord { tries, next_at, worker: Some(claim.clone()), ..mail })?;
    Ok(Next::Send(Box::new(Outgoing { id, kind, to, language, facts, at, claim })))
}

/// What a letter about an event tells: the license as it was then.
fn facts(tx: &mut Tx, ctx: Context, license: Option<LicenseId>, event: &EventRecord) -> Done<Facts> {
    let told: Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let shown = &told["data"]["license"];
    let expires_at: Option<Time> = shown["expires_at"].as_str().and_then(|at| at.parse().ok());
    let (product, plan) = (&shown["product"], &shown["plan"]);
    let catalog = &ctx.installation.catalog;
    let named = |text: &Value| text.as_str().unwrap_or_default().to_owned();
    let plain = |text: &Value| Localized { zh: named(text), en: named(text) };
    let known = named(product).parse().ok().and_then(|slug| catalog.product(&slug));
    let known_plan = known.and_then(|known| catalog.plan(&known.slug, &named(plan).parse().ok()?));
    let alert = &told["data"]["alert"];
    let why = ["why", "reason", "unknown"].iter().find_map(|name| alert["detail"][*name].as_str());
    let trouble = [
        ("kind", alert["kind"].as_str()),
        ("channel", alert["channel"].as_str()),
        ("order", alert["order_id"].as_str()),
        ("license", alert["license_id"].as_str()),
        ("why", why),
    ];
    Ok(Facts {
        product: known.map_or_else(|| plain(product), |it| it.name.clone()),
        plan: known_plan.map_or_else(|| plain(plan), |it| it.name.clone()),
        license: named(&shown["id"]),
        expires_at,
        days_left: expires_at.map_or(0, |at| days_left(event.at, at)),
        page: match license {
            Some(license) => link::of(tx, license)?.url(ctx),
            None => String::new(),
        },
        support: known.and_then(|it| support(&it.support)),
        trouble: trouble.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect(),
    })
}

fn support(support: &Support) -> Option<String> {
    support.email.clone().or_else(|| support.phone.clone()).or_else(|| support.url.clone())
}

/// Whole days from `now` to `at`, the begun one included.
fn days_left(now: Time, at: Time) -> i64 {
    let seconds = at.since(now).as_secs().max(0);
    (seconds + 86_399) / 86_400
}

/// Notes that the text of a mail is about to leave; `false`: somebody else is at it, and it must not.
///
/// # Errors
/// The database's.
pub fn leaving(tx: &mut Tx, ctx: Context, mail: &Outgoing) -> Done<bool> {
    let Some(record) = held(tx, mail)? else { return Ok(false) };
    let next_at = ctx.now.saturating_add(CLAIM);
    tx.mail_update(&MailRecord { state: "sending".to_owned(), next_at, ..record })?;
    Ok(true)
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// The server took it.
    Sent,
    /// It was not sent, and is tried again.
    Later(String),
    /// It was not sent, and never will be.
    Never(String),
    /// Nobody knows.
    Unknown(String),
}

/// Writes down what became of a mail.
///
/// # Errors
/// The database's.
pub fn record(tx: &mut Tx, ctx: Context, mail: &Outgoing, became: &Became) -> Done<()> {
    let Some(record) = held(tx, mail)? else { return Ok(()) };
    let hidden = |why: &str| truncate(&why.replace(mail.to.expose_secret(), "…"), ERROR_CHARS);
    let again = |tries: u32| AGAIN_AFTER.get(usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX));
    let (state, error) = match became {
        Became::Sent => ("sent", None),
        Became::Unknown(why) => ("unknown", Some(hidden(why))),
        Became::Never(why) => ("failed", Some(hidden(why))),
        Became::Later(why) => match again(record.tries) {
            None => ("failed", Some(hidden(why))),
            Some(after) => {
                let (state, next_at) = ("pending".to_owned(), ctx.now.saturating_add(*after));
                let error = Some(hidden(why));
                return Ok(tx.mail_update(&MailRecord { state, next_at, worker: None, error, ..record })?);
            }
        },
    };
    let state = state.to_owned();
    Ok(tx.mail_update(&MailRecord { state, ended_at: Some(ctx.now), worker: None, error, ..record })?)
}

fn held(tx: &mut Tx, mail: &Outgoing) -> Done<Option<MailRecord>> {
    Ok(tx.mail_find(mail.id)?.filter(|it| it.worker.as_deref() == Some(&mail.claim)))
}

/// What a letter would tell now: about the license `id`, or about a made-up one of the first product. `None`: there is no
/// such license, or no product.
///
/// # Errors
/// The database's.
pub fn sample(tx: &mut Tx, ctx: Context, id: Option<LicenseId>) -> Done<Option<Facts>> {
    let catalog = &ctx.installation.catalog;
    let trouble = [("kind", "call_failed"), ("channel", "koogallery"), ("order", "CS0000000000"), ("why", "…")];
    let trouble = trouble.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let license = match id {
        Some(id) => match tx.license_find(id)? {
            Some(license) => Some(license),
            None => return Ok(None),
        },
        None => None,
    };
    let product = match &license {
        Some(license) => catalog.product(&license.product),
        None => catalog.catalog().products.first(),
    };
    let Some(product) = product else { return Ok(None) };
    let plan = match &license {
        Some(license) => catalog.plan(&product.slug, &license.plan),
        None => product.plans.first(),
    };
    let name = plan.map_or_else(|| product.name.clone(), |it| it.name.clone());
    let expires_at = license.as_ref().map_or(Some(ctx.now.plus_days(30)), |it| it.expiry.at());
    Ok(Some(Facts {
        product: product.name.clone(),
        plan: name,
        license: license
            .as_ref()
            .map_or_else(|| "00000000-0000-0000-0000-000000000000".to_owned(), |it| it.id.to_string()),
        expires_at,
        days_left: expires_at.map_or(0, |at| days_left(ctx.now, at)),
        // A preview is for the merchant, whose token need not open the page of a license.
        page: format!("{}/…", ctx.installation.customer_page()),
        support: support(&product.support),
        trouble,
    }))
}
