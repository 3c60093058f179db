//! Redeems codes that the marketplace made: asks it once, whoever enters a code and however often, and says in words what came
//! of it.

use std::{net::IpAddr, time::Duration};

use crate::{
    base::{
        limits,
        proxies::counted_as,
        rate::{Exhausted, Limiter},
        secret::{ExposeSecret, SecretString},
        slug::Slug,
    },
    catalog::Channel,
    license::model::License,
    marketplace::koogallery::{
        code::is_marketplace_code,
        open::{
            RefusalKind,
            license::{self as interface, Activated, CodeStanding, CodeStatus},
        },
    },
    usecase::{
        Actor, Failure,
        redemption::{self, Claimed, Progress, Refusal},
    },
};

use super::{App, open_api::NotTold};

/// How long somebody waits for another who is asking.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often they look.
const LOOK: Duration = Duration::from_millis(300);

/// How often the marketplace is asked on behalf of anybody who types a code.
#[derive(Debug)]
pub(super) struct Redeeming {
    address: Option<Limiter<IpAddr>>,
    everybody: Option<Limiter<()>>,
}

impl Redeeming {
    pub(super) fn new() -> Self {
        Self {
            address: Limiter::new(limits::REDEMPTIONS_OF_ADDRESS),
            everybody: Limiter::new(limits::REDEMPTIONS_OF_ALL),
        }
    }

    fn charge(&self, address: Option<IpAddr>) -> Result<(), Exhausted> {
        if let (Some(limiter), Some(address)) = (&self.address, address) {
            limiter.charge(&counted_as(address))?;
        }
        self.everybody.as_ref().map_or(Ok(()), |it| it.charge(&()).map(drop))
    }
}

/// Why there is no license.
#[derive(Debug, thiserror::Error)]
pub enum NotRedeemed {
    /// It has not the form of a code.
    #[error("this is no license code of the marketplace: those begin with PL")]
    NoCode,
    /// No channel sells by such codes, or none the product that was named.
    #[error("nothing is sold here by codes that the marketplace makes: ask who sold it")]
    NotSold,
    /// Too many codes were entered; seconds until the next may be.
    #[error("too many codes were entered: try again in {0} s")]
    TooOften(u64),
    /// The marketplace refused.
    #[error("{}", in_words(*.0))]
    Refused(Refusal),
    /// The marketplace activated it, and somebody must say what was bought.
    #[error("the marketplace activated the code, and the merchant has to complete the order: ask who sold it")]
    Waiting,
    /// The marketplace was asked, and has not answered yet.
    #[error("the marketplace has not answered yet, and is asked again: come back in a minute")]
    Unanswered,
    /// The marketplace cannot be asked; nothing was done.
    #[error("the marketplace cannot be asked right now, and nothing was done: try again in a minute")]
    NotAsked,
    /// Something of ours.
    #[error(transparent)]
    Failed(#[from] Failure),
}

fn in_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => "the marketplace does not know this code: compare it with the order in the buyer center",
        Refusal::NotCollected => {
            "the code was not collected yet: collect it at the order in the marketplace's buyer center, then enter it again"
        }
        Refusal::Elsewhere => "the code was activated elsewhere before: ask who sold it",
        Refusal::Ended => "the code ended: its term is over, or the order was refunded",
    }
}

/// What the marketplace said to a claimed code.
enum Told {
    Activated(Option<Activated>, Option<CodeStanding>),
    Refused(Refusal),
    /// Nothing was done.
    Nothing(NotTold),
    /// Nobody knows.
    InDoubt(String),
}

impl App {
    /// The license of `code`: redeemed now, where nobody did before. `product` narrows where it may have been sold.
    ///
    /// # Errors
    /// [`NotRedeemed`].
    pub async fn redeem(
        &self,
        actor: Actor,
        code: &SecretString,
        product: Option<&Slug>,
        address: Option<IpAddr>,
    ) -> Result<License, NotRedeemed> {
        let code: SecretString = code.expose_secret().trim().to_owned().into();
        if !is_marketplace_code(code.expose_secret()) {
            return Err(NotRedeemed::NoCode);
        }
        let channels = self.selling(product);
        let first = channels.first().ok_or(NotRedeemed::NotSold)?;
        let began = tokio::time::Instant::now();
        loop {
            match self.progress(&code).await? {
                Progress::New | Progress::InDoubt => {}
                Progress::Asking if began.elapsed() > PATIENCE => return Err(NotRedeemed::Unanswered),
                Progress::Asking => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                known => return found(known),
            }
            self.0.redeeming.charge(address).map_err(|exhausted| NotRedeemed::TooOften(exhausted.wait))?;
            let (text, channel) = (code.clone(), first.slug.clone());
            let claim = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
                redemption::claim(tx, ctx, text.expose_secret(), &channel)
            };
            let claimed: Option<Claimed> = self.write::<_, Failure, _>(actor.clone(), claim).await?;
            // Somebody else was faster: look what they are told.
            let Some(claimed) = claimed else { continue };
            return self.carried_out(actor, &code, claimed, &channels).await;
        }
    }

    /// Looks what became of an activation whose asker is gone, and finishes it. The caller has claimed it.
    pub(crate) async fn finish_redemption(&self, code: &SecretString, channel: &Slug) -> Result<License, NotRedeemed> {
        let claimed = Claimed { channel: channel.clone(), look_first: true };
        self.carried_out(Actor::Signet, code, claimed, &self.selling(None)).await
    }

    async fn progress(&self, code: &SecretString) -> Result<Progress, Failure> {
        let code = code.clone();
        let look =
            move |tx: &mut _, ctx: crate::usecase::Context<'_>| redemption::progress(tx, ctx, code.expose_secret());
        self.read(Actor::Signet, look).await
    }

    /// The channels that can ask their marketplace about codes.
    fn selling(&self, product: Option<&Slug>) -> Vec<Channel> {
        let installation = self.installation();
        let sells = |it: &&Channel| {
            installation.open_api_keys.contains_key(&it.slug)
                && product.is_none_or(|product| it.products.contains(product))
        };
        installation.catalog.catalog().channels.iter().filter(sells).cloned().collect()
    }

    async fn carried_out(
        &self,
        actor: Actor,
        code: &SecretString,
        claimed: Claimed,
        channels: &[Channel],
    ) -> Result<License, NotRedeemed> {
        let told = self.told(actor.clone(), code, claimed, channels).await?;
        let text = code.clone();
        let settled: Progress = match told {
            Told::Activated(activated, standing) => {
                let settle = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
                    redemption::activated(tx, ctx, text.expose_secret(), activated.as_ref(), standing.as_ref())
                };
                self.write::<_, Failure, _>(actor, settle).await?
            }
            Told::Refused(refusal) => {
                let settle = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
                    redemption::refused(tx, ctx, text.expose_secret(), refusal)
                };
                self.write::<_, Failure, _>(actor, settle).await?;
                Progress::Refused(refusal)
            }
            Told::Nothing(why) => {
                tracing::warn!("a code of the marketplace could not be redeemed: {why}");
                let settle = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
                    redemption::not_asked(tx, ctx, text.expose_secret())
                };
                self.write::<_, Failure, _>(actor, settle).await?;
                return Err(NotRedeemed::NotAsked);
            }
            Told::InDoubt(why) => {
                tracing::warn!("what became of a code's activation is not known, and is looked at again: {why}");
                let settle = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
                    redemption::in_doubt(tx, ctx, text.expose_secret())
                };
                self.write::<_, Failure, _>(actor, settle).await?;
                return Err(NotRedeemed::Unanswered);
            }
        };
        found(settled)
    }

    /// Asks the marketplaces, one after the other until one knows the code.
    async fn told(
        &self,
        actor: Actor,
        code: &SecretString,
        claimed: Claimed,
        channels: &[Channel],
    ) -> Result<Told, Failure> {
        let Claimed { channel, look_first } = claimed;
        let Some(at) = channels.iter().position(|it| it.slug == channel) else {
            return Ok(Told::Nothing(NotTold::NoCredentials));
        };
        if look_first {
            return Ok(self.looked(&channels[at], code).await);
        }
        let mut told = self.activation(&channels[at], code).await;
        for next in &channels[at + 1..] {
            if !matches!(told, Told::Refused(Refusal::Unknown)) {
                break;
            }
            let (text, slug) = (code.clone(), next.slug.clone());
            let note = move |tx: &mut _, ctx: crate::usecase::Context<'_>| {
                redemption::elsewhere(tx, ctx, text.expose_secret(), &slug)
            };
            self.write::<_, Failure, _>(actor.clone(), note).await?;
            told = self.activation(next, code).await;
        }
        Ok(told)
    }

    /// Activates a code that nobody here asked about before.
    async fn activation(&self, channel: &Channel, code: &SecretString) -> Told {
        match self.ask_marketplace(channel, &interface::activate(code.expose_secret())).await {
            Ok(answer) => {
                // Only an estimate of the end stands in the answer. Without the other word it is compared tomorrow.
                let standing = self.standing(channel, code).await.ok().flatten();
                Told::Activated(interface::read_activated(&answer), standing)
            }
            Err(NotTold::Refused(refusal)) if refusal.kind == RefusalKind::State => {
                match self.standing(channel, code).await {
                    Ok(Some(CodeStanding { status: CodeStatus::Expired | CodeStatus::Released, .. })) => {
                        Told::Refused(Refusal::Ended)
                    }
                    _ => Told::Refused(Refusal::Elsewhere),
                }
            }
            Err(why) => refused(&why).map_or_else(|| undone(why), Told::Refused),
        }
    }

    /// What became of an activation whose answer was lost; where nothing did, it is asked for again.
    async fn looked(&self, channel: &Channel, code: &SecretString) -> Told {
        match self.standing(channel, code).await {
            Ok(Some(CodeStanding { status: CodeStatus::Released, .. })) => Told::Refused(Refusal::Ended),
            Ok(Some(standing)) if standing.activated_at.is_some() => Told::Activated(None, Some(standing)),
            Ok(Some(CodeStanding { status: CodeStatus::Expired, .. })) => Told::Refused(Refusal::Ended),
            Ok(Some(_)) => self.activated_again(channel, code).await,
            Ok(None) => Told::InDoubt("the marketplace's answer says no documented state".to_owned()),
            // A code in no state to be asked about is not active.
            Err(NotTold::Refused(it)) if it.kind == RefusalKind::State => self.activated_again(channel, code).await,
            Err(why) => refused(&why).map_or_else(|| Told::InDoubt(why.to_string()), Told::Refused),
        }
    }

    /// Asks for the activation again. That it is refused for the code's state means that the first one came late.
    async fn activated_again(&self, channel: &Channel, code: &SecretString) -> Told {
        match self.activation(channel, code).await {
            Told::Refused(Refusal::Elsewhere) => Told::InDoubt("the code's state allows no activation".to_owned()),
            Told::Nothing(why) => Told::InDoubt(why.to_string()),
            told => told,
        }
    }

    pub(crate) async fn standing(
        &self,
        channel: &Channel,
        code: &SecretString,
    ) -> Result<Option<CodeStanding>, NotTold> {
        let answer = self.ask_marketplace(channel, &interface::query(code.expose_secret())).await?;
        Ok(interface::read_standing(&answer))
    }
}

/// The marketplace's word on the code itself, where it is one.
fn refused(why: &NotTold) -> Option<Refusal> {
    let NotTold::Refused(refusal) = why else { return None };
    match refusal.kind {
        RefusalKind::Unknown | RefusalKind::Parameter => Some(Refusal::Unknown),
        RefusalKind::NotCollected => Some(Refusal::NotCollected),
        _ => None,
    }
}

fn undone(why: NotTold) -> Told {
    if why.was_not_done() { Told::Nothing(why) } else { Told::InDoubt(why.to_string()) }
}

fn found(progress: Progress) -> Result<License, NotRedeemed> {
    match progress {
        Progress::Redeemed(license) => Ok(*license),
        Progress::Refused(refusal) => Err(NotRedeemed::Refused(refusal)),
        Progress::Waiting => Err(NotRedeemed::Waiting),
        Progress::New | Progress::Asking | Progress::InDoubt => Err(NotRedeemed::Unanswered),
    }
}
