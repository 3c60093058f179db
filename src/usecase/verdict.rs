//! The signed answer: whether a license may run, why, and since when that is known.
//!
//! Every answer to licensed software is signed, the refusals as well: an error page or a proxy can never end a license.

use signet_verify::{
    claims::{Asked, LicenseFacts, MeterFacts, ReportFacts, ValidationClaims},
    kind::Kind,
    machine,
};

use crate::{
    base::{
        ids::{ActivationId, LicenseId},
        secret::{ExposeSecret, SecretString},
        time::Time,
    },
    license::{
        activation::{self, Claim, Reason, Rules},
        meter::Reading,
        model::License,
        sign,
    },
    store::{StoreError, Tx},
};

use super::{
    Context, Done, Failure,
    credential::{self, Credential, Held},
};

/// The answer to a question about a license.
#[derive(Clone)]
pub struct Verdict {
    /// Why it may run or not; [`Reason::Valid`] when it may.
    pub reason: Reason,
    /// Whether asking again unchanged is useless until somebody changes something.
    pub conclusive: bool,
    /// The same in a sentence, in English.
    pub detail: String,
    /// The license, where there is one.
    pub license: Option<LicenseFacts>,
    /// The machine's activation, where it has one that was not given back.
    pub activation: Option<ActivationId>,
    /// What was used of the meters of the license's plan, where it holds.
    pub meters: Vec<Reading>,
    /// The service's clock.
    pub server_time: Time,
    /// All of it but the sentence, as a `validation+jwt`.
    pub signed: String,
    /// The key list by which `signed` verifies, as a `keys+jwt`.
    pub keys: String,
}

/// Without the signed texts, which nobody can read.
impl std::fmt::Debug for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdict")
            .field("reason", &self.reason)
            .field("detail", &self.detail)
            .field("activation", &self.activation)
            .finish_non_exhaustive()
    }
}

impl Verdict {
    /// Whether the software may run.
    pub fn valid(&self) -> bool {
        self.reason == Reason::Valid
    }
}

/// What an answer is about, beside its reason.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject<'a> {
    /// The license with its rules.
    pub(super) license: Option<(&'a License, Rules<'a>)>,
    /// The machine's activation.
    pub(super) activation: Option<ActivationId>,
    /// What was used of the meters of the license's plan.
    pub(super) meters: &'a [Reading],
    /// What became of reported usage.
    pub(super) reports: &'a [ReportFacts],
}

/// Names the credential in a question by its digest, exactly as it was sent.
pub(super) fn asked(credential: &SecretString, rest: Asked) -> Asked {
    Asked { license: machine::sha256(credential.expose_secret()), ..rest }
}

/// The plan's rules for `license`.
pub(super) fn rules<'a>(ctx: Context<'a>, license: &License) -> Rules<'a> {
    Rules::of(ctx.installation.catalog.plan(&license.product, &license.plan))
}

/// The license behind `credential`, or the answer that there is none. `first` is what the caller reads first of a license that
/// is there: done for nobody's license too, so that the answer comes neither sooner nor later.
///
/// # Errors
/// The database's; missing keys.
pub(super) fn find(
    tx: &mut Tx,
    ctx: Context,
    credential: &SecretString,
    asked: &Asked,
    first: impl FnOnce(&mut Tx, LicenseId) -> Result<(), StoreError>,
) -> Done<Result<Held, Box<Verdict>>> {
    let (reason, detail) = match credential::resolve(tx, ctx, credential)? {
        Credential::Found(held) => return Ok(Ok(*held)),
        Credential::Malformed(why) => (Reason::LicenseMalformed, Some(why)),
        Credential::NotRedeemed => (Reason::NotRedeemed, None),
        Credential::Unknown => (Reason::LicenseNotFound, None),
    };
    first(tx, LicenseId::new(ctx.now, ctx.entropy))?;
    Ok(Err(Box::new(answer(ctx, asked.clone(), Subject::default(), reason, detail)?)))
}

/// Whether the code that was shown is no longer to be believed.
pub(super) fn code_revoked(ctx: Context, held: &Held) -> bool {
    held.code_revoked(ctx.installation.catalog.product(&held.license.product))
}

/// The first reason why the license does not hold, before any machine is looked for. Whether the shown code's being revoked
/// is one is the caller's to say.
pub(super) fn objection(ctx: Context, held: &Held, rules: &Rules, asked: &Asked, code_revoked: bool) -> Option<Reason> {
    let claim = Claim {
        product: asked.product.as_deref(),
        version: asked.version.as_deref(),
        feature: asked.feature.as_deref(),
        components: &asked.components,
        code_revoked,
    };
    activation::objection(&held.license, rules, &claim, ctx.now)
}

/// Signs the answer. `detail` says more than the reason's own sentence.
///
/// # Errors
/// [`Failure::Missing`] when keys are missing, or a question is longer than any answer.
pub(super) fn answer(
    ctx: Context,
    asked: Asked,
    subject: Subject,
    reason: Reason,
    detail: Option<String>,
) -> Done<Verdict> {
    let license = subject.license.map(|(license, rules)| activation::facts(license, &rules));
    let product = subject.license.map(|(license, _)| &license.product);
    let answering = ctx.installation.keys.answering(asked.product.as_deref(), product)?;
    let detail = detail.unwrap_or_else(|| sentence(reason, &asked, subject.license));
    // A floating seat comes free by itself: asking again is not useless.
    let floating = subject.license.is_some_and(|(_, rules)| rules.lease.floating);
    let conclusive = reason.conclusive() && !(reason == Reason::MachineLimit && floating);
    let claims = ValidationClaims {
        iss: ctx.installation.issuer.clone(),
        aud: Kind::Validation.audience(answering.product.as_str()),
        iat: ctx.now.as_seconds(),
        time: ctx.now.as_micros(),
        asked,
        valid: reason == Reason::Valid,
        reason: reason.as_str().to_owned(),
        conclusive,
        license: license.clone(),
        activation: subject.activation.map(|id| id.to_string()),
        meters: subject.meters.iter().map(meter_facts).collect(),
        reports: subject.reports.to_vec(),
    };
    let too_long = |error: sign::TooLong| Failure::Missing(error.to_string());
    let signed = sign::sign(Kind::Validation, &claims, answering.signer).map_err(too_long)?;
    let (server_time, keys) = (ctx.now, answering.list.to_owned());
    let (activation, meters) = (subject.activation, subject.meters.to_vec());
    Ok(Verdict { reason, conclusive, detail, license, activation, meters, server_time, signed, keys })
}

fn meter_facts(reading: &Reading) -> MeterFacts {
    MeterFacts {
        meter: reading.meter.slug.to_string(),
        used: reading.used.to_string(),
        limit: reading.meter.limit.map(|limit| limit.to_string()),
        left: reading.left().map(|left| left.to_string()),
        resets_at: reading.resets_at.map(Time::as_seconds),
    }
}

/// What happened, and what to do.
fn sentence(reason: Reason, asked: &Asked, license: Option<(&License, Rules)>) -> String {
    let product = license.map(|(license, _)| license.product.to_string()).unwrap_or_default();
    let plan = license.map(|(license, _)| license.plan.to_string()).unwrap_or_default();
    let machines = license.map_or(0, |(license, _)| license.machines);
    let version = asked.version.as_deref().unwrap_or_default();
    let feature = asked.feature.as_deref().unwrap_or_default();
    match reason {
        Reason::Valid => "The license holds.".to_owned(),
        Reason::LicenseMalformed => "This is neither a license code nor a license key: compare it.".to_owned(),
        Reason::LicenseNotFound => {
            "There is no such license here: compare it with the original, and ask who sold it.".to_owned()
        }
        Reason::NotRedeemed => {
            "This code of the marketplace was not redeemed yet: activate with it, or enter it on the license's page.".to_owned()
        }
        Reason::ProductMismatch => format!("The license is for the product {product}: use one for this product."),
        Reason::LicenseReleased => "The license was ended for good: buy a new one.".to_owned(),
        Reason::LicenseFrozen => "The license is suspended: renew it, or ask who sold it.".to_owned(),
        Reason::LicenseExpired => "The license is over: renew it.".to_owned(),
        Reason::CodeRevoked => {
            "This license code is no longer good: use the newest code of the license, or its key.".to_owned()
        }
        Reason::VersionNotAllowed => {
            format!("The plan {plan} does not cover version {version}: use another version, or upgrade the license.")
        }
        Reason::FeatureMissing => format!("The plan {plan} does not have {feature}: upgrade the license."),
        Reason::DeviceMismatch => "The license is bound to another device: use it there.".to_owned(),
        Reason::MachineUnknown => "This machine has no seat of the license: activate it.".to_owned(),
        Reason::MachineMismatch => "The activation belongs to another machine: activate this one.".to_owned(),
        Reason::LeaseEnded => "The seat went back when its lease ended: activate again.".to_owned(),
        Reason::MachineLimit => {
            let machines = if machines == 1 { "1 machine".to_owned() } else { format!("{machines} machines") };
            let floating = license.is_some_and(|(_, rules)| rules.lease.floating);
            let wait = if floating { " wait until a lease ends and its seat goes back," } else { "" };
            format!("The license is for {machines}, and all seats are taken: free one,{wait} or buy more.")
        }
        Reason::MeterUnknown => format!("The plan {plan} has no such meter: nothing was counted. Upgrade the license."),
        Reason::ReportConflict => {
            "The id was used for another report: nothing was counted. Give each report an id of its own.".to_owned()
        }
        Reason::ReportLimit => {
            "The license sent more reports today than are kept: nothing was counted. Add up before reporting, and send it \
             again tomorrow."
                .to_owned()
        }
        Reason::UsageLimit => {
            "The report goes beyond what the plan allows: nothing was counted. Wait until counting starts anew, or \
             upgrade the license."
                .to_owned()
        }
        Reason::ActivationCycling => {
            "Too many new machines were activated within a day: try again tomorrow, or ask who sold the license."
                .to_owned()
        }
    }
}
