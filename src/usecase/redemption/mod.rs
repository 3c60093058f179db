//! Codes that the marketplace made (license code 2.0) become licenses: each once, whoever enters it and however often.
//!
//! A redemption is one row, written before the marketplace is asked: an activation cannot be taken back, and a second one is
//! refused. So whoever finds a row whose asker is gone looks first how the code stands, and then decides. The code is
//! worth money until it is redeemed and opens the license afterwards: the row holds it sealed, and a keyed hash stands for it
//! wherever an instance id does.
//!
//! [`standing`] is what follows from how the marketplace says that a code stands.

pub mod standing;

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    base::{ids::OrderId, limits, slug::Slug, time::Time},
    catalog::{Channel, PlanMatch},
    license::{
        model::{License, State},
        plan::{Plan, Product},
        seal::Purpose,
    },
    marketplace::{
        event::{PlanRef, PurchaseDetails},
        koogallery::open::license::{Activated, CodeStanding},
    },
    store::{OrderKind, OrderRecord, OrderStatus, RedemptionRecord, RedemptionStatus, Tx},
};

use super::{
    Context, Done, Failure,
    alert::{self, About, AlertKind},
    credential::{self, Credential},
    order,
    purchase::{self, Terms},
    term::Teller,
};

/// Whoever asks the marketplace has so long until somebody else looks what became of it.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);
/// The longest pause between two looks at a code whose activation was not answered.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// An activated code is asked about so often, while its license is in use.
const CHECKED: SignedDuration = SignedDuration::from_hours(24);

/// Why the marketplace makes no license of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know the code.
    Unknown,
    /// The buyer has not collected it.
    NotCollected,
    /// It was activated, but not by this service.
    Elsewhere,
    /// Its term is over, or it was given back.
    Ended,
}

impl Refusal {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotCollected => "not_collected",
            Self::Elsewhere => "elsewhere",
            Self::Ended => "ended",
        }
    }

    fn named(name: Option<&str>) -> Self {
        let all = [Self::NotCollected, Self::Elsewhere, Self::Ended];
        all.into_iter().find(|it| Some(it.as_str()) == name).unwrap_or(Self::Unknown)
    }

    /// How long the marketplace is not asked again: a buyer who collects the code comes back at once.
    fn remembered(self) -> SignedDuration {
        match self {
            Self::NotCollected => SignedDuration::from_secs(20),
            Self::Unknown | Self::Elsewhere | Self::Ended => SignedDuration::from_mins(10),
        }
    }
}

/// How far a redemption is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Nobody has entered the code yet, or it is time to ask once more.
    New,
    /// The license is here.
    Redeemed(Box<License>),
    /// The marketplace activated the code, and its order waits: somebody has to say what was bought.
    Waiting,
    /// The marketplace refused a moment ago.
    Refused(Refusal),
    /// Somebody is asking the marketplace.
    Asking,
    /// The answer to an activation was lost, and nobody looks after it right now.
    InDoubt,
}

/// What whoever claimed a redemption has to ask the marketplace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Through this channel.
    pub channel: Slug,
    /// Whether it was asked before: first how the code stands.
    pub look_first: bool,
}

/// The id that stands for a code of the marketplace wherever an instance id does.
pub fn instance_id(ctx: Context, code: &str) -> String {
    let tag = ctx.installation.master.lookup(Purpose::MarketplaceCode, code.as_bytes());
    format!("plc-{}", HEXLOWER.encode(&tag[..24]))
}

/// Whether anything here is sold by codes that the marketplace makes: some channel can ask it about them.
pub fn takes_codes(ctx: Context) -> bool {
    let installation = ctx.installation;
    installation.catalog.catalog().channels.iter().any(|it| installation.open_api_keys.contains_key(&it.slug))
}

/// The license of a code that was redeemed.
///
/// # Errors
/// The database's.
pub fn license(tx: &mut Tx, ctx: Context, code: &str) -> Done<Option<License>> {
    let id = instance_id(ctx, code);
    match tx.redemption_find(&id)? {
        Some(row) => Ok(tx.license_seen_by_instance(&row.channel, &id)?),
        None => Ok(None),
    }
}

/// Whether `text` has the form of a marketplace's code that has no license here yet.
///
/// # Errors
/// The database's.
pub fn is_open(tx: &mut Tx, ctx: Context, text: &str) -> Done<bool> {
    let shown = text.to_owned().into();
    Ok(matches!(credential::resolve(tx, ctx, &shown)?, Credential::NotRedeemed))
}

/// How far the redemption of `code` is. Changes nothing.
///
/// # Errors
/// The database's.
pub fn progress(tx: &mut Tx, ctx: Context, code: &str) -> Done<Progress> {
    let id = instance_id(ctx, code);
    let Some(row) = tx.redemption_find(&id)? else { return Ok(Progress::New) };
    let rests = row.next_at > ctx.now;
    Ok(match row.status {
        RedemptionStatus::Activated => match tx.license_seen_by_instance(&row.channel, &id)? {
            Some(license) if license.standing.state() == State::Released => Progress::Refused(Refusal::Ended),
            Some(license) => Progress::Redeemed(Box::new(license)),
            None => Progress::Waiting,
        },
        RedemptionStatus::Refused if rests => Progress::Refused(Refusal::named(row.reason.as_deref())),
        RedemptionStatus::Refused => Progress::New,
        RedemptionStatus::Asked if rests => Progress::Asking,
        RedemptionStatus::Asked => Progress::InDoubt,
    })
}

/// Takes the redemption of `code` over, so that nobody else asks the marketplace for a while. `channel` is where a code
/// is activated that nobody entered before. `None`: somebody else was faster, or there is nothing to ask.
///
/// # Errors
/// The database's.
pub fn claim(tx: &mut Tx, ctx: Context, code: &str, channel: &Slug) -> Done<Option<Claimed>> {
    let id = instance_id(ctx, code);
    let next_at = ctx.now.saturating_add(CLAIM);
    let Some(row) = tx.redemption_for_update(&id)? else {
        let sealed_code = ctx.installation.master.seal(Purpose::MarketplaceCode, &id, code.as_bytes(), ctx.entropy);
        let (channel, status) = (channel.clone(), RedemptionStatus::Asked);
        let row = RedemptionRecord {
            id,
            channel: channel.clone(),
            status,
            sealed_code,
            reason: None,
            tries: 1,
            next_at,
            created_at: ctx.now,
        };
        return Ok(tx.redemption_insert(&row)?.then_some(Claimed { channel, look_first: false }));
    };
    if row.next_at > ctx.now || row.status == RedemptionStatus::Activated {
        return Ok(None);
    }
    let look_first = row.status == RedemptionStatus::Asked;
    let channel = if look_first { row.channel.clone() } else { channel.clone() };
    let tries = if look_first { row.tries.saturating_add(1) } else { 1 };
    let status = RedemptionStatus::Asked;
    tx.redemption_update(&RedemptionRecord { channel: channel.clone(), status, tries, next_at, reason: None, ..row })?;
    Ok(Some(Claimed { channel, look_first }))
}

/// The marketplace behind the claimed channel does not know the code: another one may.
///
/// # Errors
/// The database's.
pub fn elsewhere(tx: &mut Tx, ctx: Context, code: &str, channel: &Slug) -> Done<()> {
    changed(tx, ctx, code, |row| RedemptionRecord { channel: channel.clone(), ..row })
}

/// The marketplace refused: nothing was activated.
///
/// # Errors
/// The database's.
pub fn refused(tx: &mut Tx, ctx: Context, code: &str, refusal: Refusal) -> Done<()> {
    let next_at = ctx.now.saturating_add(refusal.remembered());
    let reason = Some(refusal.as_str().to_owned());
    changed(tx, ctx, code, |row| RedemptionRecord { status: RedemptionStatus::Refused, reason, next_at, ..row })
}

/// The marketplace was not asked, or did nothing: whoever enters the code next asks anew.
///
/// # Errors
/// The database's.
pub fn not_asked(tx: &mut Tx, ctx: Context, code: &str) -> Done<()> {
    let id = instance_id(ctx, code);
    match tx.redemption_for_update(&id)? {
        Some(row) if row.status == RedemptionStatus::Asked => Ok(tx.redemption_delete(&id)?),
        _ => Ok(()),
    }
}

/// Nobody knows what became of the activation: it is looked at again, ever less often.
///
/// # Errors
/// The database's.
pub fn in_doubt(tx: &mut Tx, ctx: Context, code: &str) -> Done<()> {
    changed(tx, ctx, code, |row| {
        let seconds = 5_i64.checked_shl(row.tries.saturating_sub(1).min(20)).unwrap_or(i64::MAX);
        let pause = SignedDuration::from_secs(seconds).min(LONGEST_PAUSE);
        RedemptionRecord { next_at: ctx.now.saturating_add(pause), ..row }
    })
}

fn changed(
    tx: &mut Tx,
    ctx: Context,
    code: &str,
    change: impl FnOnce(RedemptionRecord) -> RedemptionRecord,
) -> Done<()> {
    match tx.redemption_for_update(&instance_id(ctx, code))? {
        Some(row) if row.status == RedemptionStatus::Asked => Ok(tx.redemption_update(&change(row))?),
        _ => Ok(()),
    }
}

/// The marketplace activated the code: its license is issued, and the calls that came before are applied. `told`: what the
/// activation said; `None` when its answer was lost. A code of which nobody can say what was bought waits as an order
/// for the merchant's word.
///
/// # Errors
/// The database's; a missing signing key.
pub fn activated(
    tx: &mut Tx,
    ctx: Context,
    code: &str,
    told: Option<&Activated>,
    standing: Option<&CodeStanding>,
) -> Done<Progress> {
    let id = instance_id(ctx, code);
    let row = tx.redemption_for_update(&id)?.ok_or_else(|| Failure::Missing(format!("redemption {id} vanished")))?;
    let installation = ctx.installation;
    let channel = installation.catalog.channel(&row.channel);
    let channel = channel.ok_or_else(|| Failure::Missing(format!("the channel of redemption {id} is gone")))?;
    if row.status != RedemptionStatus::Activated {
        let (status, next_at) = (RedemptionStatus::Activated, ctx.now.saturating_add(CHECKED));
        tx.redemption_update(&RedemptionRecord { status, next_at, reason: None, ..row })?;
        let order = record(ctx, channel, &id, told);
        let details = PurchaseDetails {
            expires_at: standing.and_then(|it| it.expires_at).or_else(|| told.and_then(|it| it.expires_at)),
            quantity: told.and_then(|it| it.amount),
            ..PurchaseDetails::default()
        };
        match bought(ctx, channel, told) {
            Ok((product, plan)) => {
                let terms = Terms { product, plan, details: &details, teller: Teller::Marketplace, notes: &[] };
                purchase::issue_for(tx, ctx, channel, order, &terms, "")?;
            }
            Err(why) => wait(tx, ctx, channel, order, &why)?,
        }
    }
    if let Some(standing) = standing {
        standing::follow(tx, ctx, &id, standing)?;
    }
    progress(tx, ctx, code)
}

/// The plan that was bought, or why nobody can tell.
fn bought<'a>(
    ctx: Context<'a>,
    channel: &Channel,
    told: Option<&Activated>,
) -> Result<(&'a Product, &'a Plan), String> {
    let catalog = &ctx.installation.catalog;
    let Some(product_id) = told.and_then(|it| it.product_id.clone()) else {
        // Where only one thing is sold, it was that.
        let mut sold = channel.products.iter().filter_map(|slug| catalog.product(slug));
        return match (sold.next(), sold.next()) {
            (Some(product), None) if product.plans.len() == 1 => Ok((product, &product.plans[0])),
            _ => Err(
                "the marketplace activated the code, but its answer was lost, so that nobody knows the plan: look at \
                      the order in the seller center, and complete it here"
                    .to_owned(),
            ),
        };
    };
    let wanted = PlanRef { product_id: Some(product_id), sku_code: None };
    match catalog.plan_for(channel, &wanted) {
        PlanMatch::Found(product, plan) => Ok((product, plan)),
        PlanMatch::Unknown(what) => Err(format!(
            "the marketplace says that {what} was bought, which no plan of the catalog sells: add it to one, and complete \
             the order"
        )),
    }
}

fn record(ctx: Context, channel: &Channel, id: &str, told: Option<&Activated>) -> OrderRecord {
    OrderRecord {
        id: OrderId::new(ctx.now, ctx.entropy),
        channel: Some(channel.slug.clone()),
        identity: json!(["code", id]).to_string(),
        kind: OrderKind::Purchase,
        // Of an order whose number nobody told, the code's own stands in.
        order_id: told.and_then(|it| it.order_id.clone()).unwrap_or_else(|| id.to_owned()),
        line_id: None,
        product_id: told.and_then(|it| it.product_id.clone()),
        sku_code: None,
        instance_id: Some(id.to_owned()),
        license_id: None,
        status: OrderStatus::Fulfilled,
        quantity: told.and_then(|it| it.amount),
        details: json!({}),
        created_at: ctx.now,
        updated_at: ctx.now,
    }
}

fn wait(tx: &mut Tx, ctx: Context, channel: &Channel, order: OrderRecord, why: &str) -> Done<()> {
    let about = About {
        channel: Some(&channel.slug),
        order_id: Some(&order.order_id),
        detail: json!({ "why": why }),
        ..About::default()
    };
    alert::raise(tx, ctx, AlertKind::OrderWaiting, &about)?;
    order::save(tx, ctx, OrderRecord { status: OrderStatus::Waiting, ..order })
}

/// A code that is to be looked at.
#[derive(Clone)]
pub struct Due {
    /// The code.
    pub code: String,
    /// The channel whose marketplace is asked.
    pub channel: Slug,
    /// How many machines of its license have a seat; `None`: it is not known to be activated.
    pub seats: Option<u32>,
}

/// Without the code.
impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Due").field("channel", &self.channel).field("seats", &self.seats).finish_non_exhaustive()
    }
}

/// Takes what is due, so that nobody else takes it for a while: activations whose answers were lost, and activated codes whose
/// licenses are in use, once a day.
///
/// # Errors
/// The database's; a sealed code that does not open.
pub fn due(tx: &mut Tx, ctx: Context) -> Done<Vec<Due>> {
    let mut due = Vec::new();
    for row in tx.redemptions_due(RedemptionStatus::Asked, ctx.now, limits::REDEMPTIONS)? {
        let (code, channel) = (clear(ctx, &row)?, row.channel.clone());
        if claim(tx, ctx, &code, &channel)?.is_some() {
            due.push(Due { code, channel, seats: None });
        }
    }
    for row in tx.redemptions_due(RedemptionStatus::Activated, ctx.now, limits::REDEMPTIONS)? {
        let license = tx.license_by_instance(&row.channel, &row.id)?;
        let seats = match &license {
            Some(license) if license.standing.state() != State::Released => {
                tx.activation_seats(license.id, None, ctx.now)?
            }
            _ => 0,
        };
        let (code, channel) = (clear(ctx, &row)?, row.channel.clone());
        // Whoever dies before it was asked about has tomorrow's turn: notices still come, and the query only compares.
        tx.redemption_update(&RedemptionRecord { next_at: ctx.now.saturating_add(CHECKED), ..row })?;
        if seats > 0 {
            due.push(Due { code, channel, seats: Some(seats) });
        }
    }
    Ok(due)
}

fn clear(ctx: Context, row: &RedemptionRecord) -> Done<String> {
    let bytes = ctx.installation.master.open(Purpose::MarketplaceCode, &row.id, &row.sealed_code)?;
    String::from_utf8(bytes.to_vec())
        .map_err(|_| Failure::Missing(format!("the code of redemption {} is no text", row.id)))
}

/// How many refusals were forgotten that are no longer remembered: at most `limit`.
///
/// # Errors
/// The database's.
pub fn forget(tx: &mut Tx, now: Time, limit: u32) -> Done<usize> {
    Ok(tx.redemption_purge(now, limit)?)
}
