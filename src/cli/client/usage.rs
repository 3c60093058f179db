//! `signet client usage METER AMOUNT`: reports what was used, once.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use signet_verify::claims::{Asked, MeterFacts};

use crate::{
    base::{decimal::Decimal, ids::is_report_id, secret::ExposeSecret, slug::Slug, text::Language, time::Time},
    cli::terminal::{errln, outln},
};

use super::{
    Common, NOT_ACTIVATED, REFUSED, nonce,
    server::{Answer, Reports, Server, UsageReport},
    state::State,
    trust::{Signed, Trust, seconds},
    words::{self, pick},
};

/// Arguments of `signet client usage`.
#[derive(Debug, Args)]
pub struct Usage {
    #[command(flatten)]
    common: Common,
    /// What was used: a meter of the license's plan
    meter: Slug,
    /// How much: at most 4 digits behind the point
    amount: Decimal,
    /// By which a repeat is known: the same id is counted once. A new one by default
    #[arg(long, value_parser = report_id)]
    id: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    product: &'a str,
    id: &'a str,
    meter: &'a str,
    counted: bool,
    reason: Option<&'a str>,
    used: Option<&'a str>,
    limit: Option<&'a str>,
    left: Option<&'a str>,
    resets_at: Option<Time>,
    exit: u8,
}

/// Reports, and says what the service signed. The state is not changed: what ends the license, `check` finds out.
///
/// # Errors
/// When it is not known whether the report counts, and what to do then.
pub async fn run(command: Usage) -> anyhow::Result<ExitCode> {
    let product = &command.common.product;
    // Not held while the service is asked: reports do not wait for each other.
    let state = command.common.existing_folder()?.map(|folder| folder.load()).transpose()?.flatten();
    let Some(state) = state else {
        errln!("signet: {product} is not activated here");
        return Ok(ExitCode::from(NOT_ACTIVATED));
    };
    let id = command.id.clone().unwrap_or_else(nonce);
    let signed = ask(&command, &state, &id)
        .await
        .with_context(|| format!("it is not known whether this counts: run the same again with --id={id}"))?;
    let claims = &signed.read.claims;
    let report = claims.reports.iter().find(|report| report.id == id);
    let counted = report.is_some_and(|report| report.counted);
    // Without a word about the report, the license itself was refused.
    let reason = report.map_or(Some(claims.reason.as_str()), |report| report.reason.as_deref());
    let meter = claims.meters.iter().find(|it| it.meter == command.meter.as_str());
    let exit = if counted { 0 } else { REFUSED };
    let language = words::language();
    if command.json {
        let (used, limit) = (meter.map(|it| it.used.as_str()), meter.and_then(|it| it.limit.as_deref()));
        let left = meter.and_then(|it| it.left.as_deref());
        let resets_at = meter.and_then(|it| it.resets_at).and_then(seconds);
        let (product, meter) = (product.as_str(), command.meter.as_str());
        let outcome = Outcome { product, id: &id, meter, counted, reason, used, limit, left, resets_at, exit };
        outln!("{}", serde_json::to_string_pretty(&outcome)?);
    } else if counted {
        outln!("{product}: {}", line(&command.meter, meter, language));
    } else {
        errln!("signet: {}", words::reason(reason.unwrap_or_default(), language));
    }
    Ok(ExitCode::from(exit))
}

async fn ask(command: &Usage, state: &State, id: &str) -> anyhow::Result<Signed> {
    let client = &state.client;
    let (Some(address), Some(license), Some(activation)) = (&client.server, &client.license, &client.activation) else {
        bail!(
            "this machine was activated without network, so it can report nothing: activate it with `signet client activate`"
        );
    };
    let server = Server::new(address, license)?;
    let trust = Trust::new(&command.common.product, &client.root_key)?;
    let report = UsageReport { id, meter: command.meter.as_str(), amount: command.amount };
    let question = Reports { reports: [report], nonce: nonce() };
    let asked = Asked {
        nonce: Some(question.nonce.clone()),
        activation: Some(activation.clone()),
        ..Asked::about(license.expose_secret())
    };
    let answer = match server.report(activation, &question).await {
        Answer::Signed(answer) | Answer::Refused(answer) => answer,
        Answer::Unclear(why) => bail!(why),
        Answer::Granted(_) => bail!("the answer is none to this question"),
    };
    trust.answer(&server, &answer, Some(state), &asked).await.context("the answer is not the service's")
}

fn line(name: &Slug, meter: Option<&MeterFacts>, language: Language) -> String {
    let used = meter.map(|it| it.used.as_str()).unwrap_or_default();
    let limit = meter.and_then(|it| Some((it.limit.as_deref()?, it.left.as_deref()?)));
    match (limit, language) {
        (Some((limit, left)), Language::Zh) => format!("{name} 已用 {used} / {limit}，剩余 {left}"),
        (Some((limit, left)), Language::En) => format!("{name}: {used} of {limit} used, {left} left"),
        (None, language) => format!("{name}{}{used}", pick(language, " 已用 ", ": used ")),
    }
}

fn report_id(text: &str) -> Result<String, String> {
    if is_report_id(text) {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 characters of A-Z, a-z, 0-9 and . _ : -".to_owned())
    }
}
