//! What `signet client check` says: one line for people, one object for scripts, one exit code.

use serde::Serialize;
use signet_verify::claims::Features;

use crate::base::{slug::Slug, text::Language, time::Time};

use super::words::{self, pick};

/// Whether the software may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Runs,
    /// It may, but somebody should see to it.
    Grace,
    /// It may not: a reason's stable name.
    Ended(String),
    /// This machine is not the one that was activated.
    OtherMachine,
    /// The clock was turned back and the service could not be asked.
    ClockTurnedBack,
    /// Nothing was activated here.
    NotActivated,
}

impl Standing {
    /// The documented exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Runs => 0,
            Self::Grace => 10,
            Self::Ended(_) => 20,
            Self::NotActivated => 21,
            Self::OtherMachine | Self::ClockTurnedBack => 22,
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Grace => "grace",
            Self::Ended(_) => "ended",
            Self::OtherMachine => "other_machine",
            Self::ClockTurnedBack => "clock_turned_back",
            Self::NotActivated => "not_activated",
        }
    }
}

/// What is said after an activation or import.
pub fn activated(product: &Slug, language: Language) -> String {
    let words = pick(
        language,
        "已激活，可用 signet client check 查看状态",
        "activated; `signet client check` says how it stands",
    );
    format!("{product}: {words}")
}

/// What is known of the license.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facts {
    /// The license.
    pub license: String,
    /// Its plan.
    pub plan: String,
    /// Its revision.
    pub revision: u32,
    /// Its features.
    pub features: Features,
    /// When lease or file end.
    pub ends_at: Option<Time>,
    /// When the grace ends.
    pub grace_until: Option<Time>,
    /// When the license ends, for display.
    pub license_ends_at: Option<Time>,
}

/// The whole answer.
#[derive(Debug, Clone)]
pub struct Report {
    /// The product.
    pub product: String,
    /// The verdict.
    pub standing: Standing,
    /// Of what was activated.
    pub facts: Option<Facts>,
    /// Whether a new lease was fetched just now.
    pub renewed: bool,
    /// What does not stop the software but should be seen.
    pub warnings: Vec<String>,
}

#[derive(Serialize)]
struct Json<'a> {
    product: &'a str,
    may_run: bool,
    standing: &'static str,
    reason: Option<&'a str>,
    exit: u8,
    renewed: bool,
    warnings: &'a [String],
    #[serde(flatten)]
    facts: Option<&'a Facts>,
}

impl Report {
    /// For scripts.
    ///
    /// # Errors
    /// None that these fields can cause.
    pub fn json(&self) -> serde_json::Result<String> {
        let reason = match &self.standing {
            Standing::Ended(reason) => Some(reason.as_str()),
            _ => None,
        };
        serde_json::to_string_pretty(&Json {
            product: &self.product,
            may_run: matches!(self.standing, Standing::Runs | Standing::Grace),
            standing: self.standing.as_str(),
            reason,
            exit: self.standing.exit(),
            renewed: self.renewed,
            warnings: &self.warnings,
            facts: self.facts.as_ref(),
        })
    }

    /// For people.
    pub fn line(&self, language: Language) -> String {
        let facts = self.facts.clone().unwrap_or_default();
        let day = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
        let product = &self.product;
        match (&self.standing, language) {
            (Standing::Runs, Language::En) => {
                format!("{product}: may run ({}, asks again before {})", facts.plan, day(facts.ends_at))
            }
            (Standing::Runs, Language::Zh) => {
                format!("{product}：可以运行（{}，{} 前会再次确认）", facts.plan, day(facts.ends_at))
            }
            (Standing::Grace, Language::En) => format!(
                "{product}: may run, but only until {}: the lease ended and no new one could be fetched",
                day(facts.grace_until)
            ),
            (Standing::Grace, Language::Zh) => {
                format!("{product}：可以运行，但仅到 {}：租约已结束，未能取得新租约", day(facts.grace_until))
            }
            (Standing::Ended(reason), Language::En) => {
                format!("{product}: must not run: {}", words::reason(reason, language))
            }
            (Standing::Ended(reason), Language::Zh) => {
                format!("{product}：不能运行：{}", words::reason(reason, language))
            }
            (Standing::OtherMachine, _) => pick(
                language,
                "这不是已激活的机器，请在本机运行 signet client activate",
                "this is not the machine that was activated: run signet client activate here",
            )
            .to_owned(),
            (Standing::ClockTurnedBack, _) => pick(
                language,
                "系统时钟被回拨，且无法联系服务：请校准时钟或接通网络",
                "the clock was turned back and the service could not be asked: set the clock right, or connect",
            )
            .to_owned(),
            (Standing::NotActivated, _) => {
                pick(language, "尚未激活：请运行 signet client activate", "not activated: run signet client activate")
                    .to_owned()
            }
        }
    }
}
