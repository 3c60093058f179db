//! `signet simulate koogallery`: the marketplace's side, against any address.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp, ToSpan};
use koogallery_simulator::{
    AccessKey, Call, Line, Marketplace,
    play::{Goods, StepReport},
    probe,
    random::Random,
    report::{self, Style},
};

use crate::base::clock::{Clock, SystemClock};

use super::{
    soak,
    terminal::{out, outln},
};

/// Arguments of `signet simulate koogallery`.
#[derive(Debug, Args)]
pub struct Koogallery {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    call: Step,
}

/// Whom to call, and how.
#[derive(Debug, Args)]
pub struct Target {
    /// The channel's address, such as https://license.example.com/marketplace/koogallery/atlas
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080/marketplace/koogallery/license-1-0")]
    url: String,
    /// File with the access key (Key值)
    #[arg(long, global = true)]
    key_file: Option<PathBuf>,
    /// The access key itself; better in the environment than on the command line
    #[arg(long, global = true, env = "SIGNET_SIMULATE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The product line: license-1-0, code-2-0, client, saas-2-0 or saas-1-0
    #[arg(long, global = true, default_value = "license-1-0")]
    line: Line,
    /// Send a debug call (testFlag=1)
    #[arg(long, global = true)]
    debug: bool,
    /// Let the marketplace's clock be off by so many seconds
    #[arg(long, global = true, default_value_t = 0, allow_hyphen_values = true)]
    skew_seconds: i64,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Buy: getLicense or newInstance
    Buy {
        /// productId as the catalog knows it
        #[arg(long)]
        product_id: Option<String>,
        /// skuCode
        #[arg(long)]
        sku_code: Option<String>,
        /// The order; a new one by default. The same again is a retry
        #[arg(long)]
        order: Option<String>,
        /// Quantity
        #[arg(long)]
        amount: Option<u32>,
        /// Days until the estimated expiry
        #[arg(long)]
        days: Option<i64>,
        /// As a trial
        #[arg(long)]
        trial: bool,
        /// What the buyer typed into the product's own fields: name=value
        #[arg(long = "extension", value_name = "NAME=VALUE")]
        extensions: Vec<String>,
    },
    /// Renew to a number of days from now
    Renew(Renewal),
    /// Refund a renewal: the expiry moves back to a number of days from now
    RefundRenewal(Renewal),
    /// The term is over (License 1.0, SaaS 1.0)
    Expire {
        /// The instance id
        instance: String,
        /// The purchase's order
        order: String,
    },
    /// Freeze
    Freeze {
        /// The instance id, or the PL code
        instance: String,
    },
    /// Unfreeze
    Unfreeze {
        /// The instance id, or the PL code
        instance: String,
    },
    /// Upgrade (SaaS)
    Upgrade {
        /// The instance id
        instance: String,
        /// The upgrade's order; a new one by default. The same again is a retry
        #[arg(long)]
        order: Option<String>,
        /// The new productId
        #[arg(long)]
        product_id: Option<String>,
        /// The new skuCode
        #[arg(long)]
        sku_code: Option<String>,
    },
    /// Query instances (SaaS)
    Query {
        /// Instance ids
        #[arg(required = true)]
        instances: Vec<String>,
    },
    /// Release for good
    Release {
        /// The instance id, or the PL code
        instance: String,
        /// The order that caused it
        #[arg(long)]
        order: Option<String>,
    },
    /// Apply for a device's license (client)
    ApplyLicense {
        /// The instance id
        instance: String,
        /// The device's fingerprint
        #[arg(long)]
        fingerprint: Option<String>,
        /// The application; a new one by default
        #[arg(long)]
        event: Option<String>,
        /// Days that the device's license lasts
        #[arg(long)]
        days: Option<i64>,
    },
    /// Replay the daily debug cases and hostile calls
    Probe,
    /// Random customers with retries, duplicates, reorderings, lost answers and clock skew
    Soak(soak::Soak),
}

#[derive(Debug, Args)]
struct Renewal {
    /// The instance id, or the PL code
    instance: String,
    /// Days from now
    #[arg(long, default_value_t = 365, allow_hyphen_values = true)]
    days: i64,
    /// The renewal's order; a new one by default
    #[arg(long)]
    order: Option<String>,
    /// productId
    #[arg(long)]
    product_id: Option<String>,
}

/// Sends the call and judges the answer. Exit code 1 when the marketplace would not accept it.
///
/// # Errors
/// When a call cannot be made: no key, an address that is none, a step the line does not have.
pub async fn run(command: Koogallery) -> anyhow::Result<ExitCode> {
    let Koogallery { target, call } = command;
    match call {
        Step::Soak(options) => soak::run(options).await,
        Step::Probe => {
            let style = Style { colour: false, verbose: false };
            if !target.json {
                out!("{}", report::step_header());
            }
            let quiet = target.json;
            let shown = |step: &StepReport| {
                if !quiet {
                    out!("{}", report::step(step, style));
                }
            };
            let steps = probe::probe(&target.marketplace()?, shown).await?;
            if quiet {
                outln!("{}", serde_json::to_string_pretty(&steps)?);
            } else {
                out!("{}", report::summary(&steps, style));
            }
            Ok(exit(steps.iter().all(StepReport::passed)))
        }
        step => one(&target, step).await,
    }
}

async fn one(target: &Target, step: Step) -> anyhow::Result<ExitCode> {
    let marketplace = target.marketplace()?;
    let call = call(target.line, step)?;
    let exchange = marketplace.call(&call).await;
    let verdict = marketplace.judge(&call, &exchange);
    if target.json {
        outln!("{}", serde_json::to_string_pretty(&verdict)?);
    } else {
        outln!("{}", exchange.request.summary);
        match &exchange.answer {
            Ok(reply) => outln!("{}", String::from_utf8_lossy(&reply.body)),
            Err(reason) => outln!("no answer: {reason}"),
        }
        out!("{}", report::verdict(&verdict, Style { colour: false, verbose: true }));
    }
    Ok(exit(verdict.passed()))
}

fn call(line: Line, step: Step) -> anyhow::Result<Call> {
    Ok(match step {
        Step::Buy { product_id, sku_code, order, amount, days, trial, extensions } => {
            let goods = Goods {
                product_id: product_id.unwrap_or_else(|| probe::DEBUG_PRODUCT.to_owned()),
                sku_code,
                amount,
                extensions: extensions.iter().map(|pair| split(pair)).collect::<anyhow::Result<_>>()?,
                ..Goods::default()
            };
            let mut call = goods.fill(Call::buy(line, &order.unwrap_or_else(new_order))?);
            if let Some(days) = days {
                call = call.expires_at(days_from_now(days)?);
            }
            if trial { call.trial() } else { call }
        }
        Step::Renew(it) => it.call(line, Call::renew)?,
        Step::RefundRenewal(it) => it.call(line, Call::refund_renewal)?,
        Step::Expire { instance, order } => Call::expire(line, &instance, &order)?,
        Step::Freeze { instance } => Call::freeze(line, &instance)?,
        Step::Unfreeze { instance } => Call::unfreeze(line, &instance)?,
        Step::Upgrade { instance, order, product_id, sku_code } => {
            let mut call = Call::upgrade(line, &instance, &order.unwrap_or_else(new_order))?;
            if let Some(product_id) = &product_id {
                call = call.product(product_id);
            }
            if let Some(sku_code) = &sku_code {
                call = call.sku(sku_code);
            }
            call
        }
        Step::Query { instances } => Call::query(line, &instances.iter().map(String::as_str).collect::<Vec<_>>())?,
        Step::Release { instance, order } => Call::release(line, &instance, order.as_deref()),
        Step::ApplyLicense { instance, fingerprint, event, days } => {
            let event = event.unwrap_or_else(new_order);
            let mut call = Call::apply_license(line, &instance, &event, now())?;
            if let Some(fingerprint) = &fingerprint {
                call = call.fingerprint(fingerprint);
            }
            match days {
                Some(days) => call.expires_at(days_from_now(days)?),
                None => call,
            }
        }
        Step::Probe | Step::Soak(_) => bail!("probe and soak are more than one call"),
    })
}

impl Renewal {
    fn call(&self, line: Line, make: fn(Line, &str, &str, Timestamp) -> Call) -> anyhow::Result<Call> {
        let order = self.order.clone().unwrap_or_else(new_order);
        let call = make(line, &self.instance, &order, days_from_now(self.days)?);
        Ok(match &self.product_id {
            Some(product_id) => call.product(product_id),
            None => call,
        })
    }
}

impl Target {
    fn marketplace(&self) -> anyhow::Result<Marketplace> {
        let key = match (&self.key, &self.key_file) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => read_key(file)?,
            (None, None) => bail!("name the access key with --key-file or SIGNET_SIMULATE_KEY"),
        };
        Ok(Marketplace::builder(&self.url, AccessKey::new(key), self.line)
            .debug(self.debug)
            .skew(SignedDuration::from_secs(self.skew_seconds))
            .build()?)
    }
}

/// Reads an access key's file.
///
/// # Errors
/// Names the file.
pub fn read_key(file: &std::path::Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("the key {} cannot be read", file.display()))?;
    Ok(text.trim().to_owned())
}

fn split(pair: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = pair.split_once('=').with_context(|| format!("`{pair}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn new_order() -> String {
    format!("CS{}", Random::from_system().capitals(14))
}

fn now() -> Timestamp {
    Timestamp::from_microsecond(SystemClock.now().as_micros()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn days_from_now(days: i64) -> anyhow::Result<Timestamp> {
    let hours = days.checked_mul(24).filter(|hours| hours.abs() < 1_000_000).context("too many days")?;
    Ok(now().checked_add(hours.hours())?)
}

fn exit(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
