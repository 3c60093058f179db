//! How a license stands, in words, and what its holder should do next.

use jiff::SignedDuration;

use crate::{
    base::{text::Language, time::Time},
    license::model::{License, Standing},
    web::html::Words,
};

/// From this many days before its end on, a license is said to end soon.
const SOON_DAYS: i64 = 30;

/// How a license stands, as its holder needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// In force.
    Good,
    /// In force for so many days, the present one included.
    EndsSoon(i64),
    /// Its term is over, but it still holds until then.
    Late(Time),
    /// Over, the slack included.
    Over,
    /// Suspended by the marketplace because its term is over.
    HeldForTerm,
    /// Suspended by the marketplace for another reason.
    HeldForViolation,
    /// Suspended by whoever sells it.
    HeldBySeller,
    /// Ended for good.
    Released,
}

impl Condition {
    /// How `license`, which holds until `holds_until`, stands at `now`.
    pub fn of(license: &License, holds_until: Option<Time>, now: Time) -> Self {
        match license.standing {
            Standing { released: true, .. } => Self::Released,
            Standing { merchant_hold: true, .. } => Self::HeldBySeller,
            Standing { marketplace_hold: true, violation: true, .. } => Self::HeldForViolation,
            Standing { marketplace_hold: true, .. } => Self::HeldForTerm,
            _ => match (license.expiry.at(), holds_until) {
                (_, Some(end)) if end <= now => Self::Over,
                (Some(at), Some(end)) if at <= now => Self::Late(end),
                (Some(at), _) if days_between(now, at) <= SOON_DAYS => Self::EndsSoon(days_between(now, at)),
                _ => Self::Good,
            },
        }
    }

    /// Its class in the style sheet.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::EndsSoon(_) | Self::Late(_) => "warn",
            Self::Over | Self::HeldForTerm | Self::HeldForViolation | Self::HeldBySeller | Self::Released => "bad",
        }
    }

    /// A sign beside the words, so that colour is never all.
    pub fn sign(self) -> &'static str {
        match self.tone() {
            "good" => "✓",
            "warn" => "!",
            _ => "✕",
        }
    }

    /// In a few words.
    pub fn title(self, t: Words) -> String {
        match self {
            Self::Good => t.pick("有效", "Active").to_owned(),
            Self::EndsSoon(days) => match t.0 {
                Language::Zh => format!("有效，还剩 {days} 天"),
                Language::En => format!("Active, {} left", days_in_words(days)),
            },
            Self::Late(_) => t.pick("已到期，仍可使用", "Term over, still running").to_owned(),
            Self::Over => t.pick("已到期", "Expired").to_owned(),
            Self::HeldForTerm | Self::HeldForViolation => {
                t.pick("已被云商店冻结", "Suspended by the marketplace").to_owned()
            }
            Self::HeldBySeller => t.pick("已被卖方冻结", "Suspended by the seller").to_owned(),
            Self::Released => t.pick("已终止", "Ended for good").to_owned(),
        }
    }

    /// What it means and what to do next. `sold`: through a marketplace, where it can be renewed.
    pub fn advice(self, t: Words, sold: bool) -> String {
        let renew = if sold {
            t.pick("请在云商店续费", "Renew it at the marketplace")
        } else {
            t.pick("请向卖方续费", "Ask the seller for a renewal")
        };
        match self {
            Self::Good => t.pick("软件可以正常使用，您无需做任何事。", "The software may run. There is nothing to do.").to_owned(),
            Self::EndsSoon(_) => match t.0 {
                Language::Zh => format!("软件可以正常使用。{renew}，到期后就不会中断。"),
                Language::En => format!("The software may run. {renew} before it ends, and nothing is interrupted."),
            },
            Self::Late(until) => match t.0 {
                Language::Zh => format!("期限已过，软件仍可使用到 {}。{renew}；续费后自动恢复。", day(t, until)),
                Language::En => format!("The term is over. The software still runs until {}. {renew}; nothing else is needed.", day(t, until)),
            },
            Self::Over | Self::HeldForTerm => match t.0 {
                Language::Zh => format!("期限已过，软件停止运行。{renew}；续费后许可证自动恢复，机器无需重新激活。"),
                Language::En => format!("The term is over and the software stops. {renew}; the license then comes back by itself, and no machine has to be activated again."),
            },
            Self::HeldForViolation => t.pick(
                "云商店在期限内冻结了它，软件停止运行。请联系云商店或卖方了解原因；解除冻结后自动恢复。",
                "The marketplace suspended it before its term was over, and the software stops. Ask the marketplace or the seller why; once that is settled, it comes back by itself.",
            ).to_owned(),
            Self::HeldBySeller => t.pick(
                "卖方冻结了它，软件停止运行。请联系卖方；解除冻结后自动恢复。",
                "The seller suspended it, and the software stops. Contact the seller; once that is settled, it comes back by itself.",
            ).to_owned(),
            Self::Released => t.pick(
                "这个许可证已释放（例如退订或退款），不能恢复。要继续使用软件，请重新购买。",
                "This license was released, for example by a refund, and cannot come back. To go on using the software, buy a new one.",
            ).to_owned(),
        }
    }
}

/// Whole days from `now` until `at`, a day that has begun included.
pub fn days_between(now: Time, at: Time) -> i64 {
    let seconds = at.since(now).as_secs();
    seconds.div_euclid(86_400) + i64::from(seconds.rem_euclid(86_400) > 0)
}

/// `1 day`, `2 days`.
pub fn days_in_words(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

/// `2 March 2026`. Chinese readers get the day in China.
pub fn day(t: Words, at: Time) -> String {
    match t.0 {
        Language::Zh => in_china(at).civil().strftime("%Y年%-m月%-d日").to_string(),
        Language::En => at.civil().strftime("%-d %B %Y").to_string(),
    }
}

/// `2 March 2026, 08:00 UTC`. Chinese readers get China's time, which knows no summer time.
pub fn minute(t: Words, at: Time) -> String {
    match t.0 {
        Language::Zh => in_china(at).civil().strftime("%Y年%-m月%-d日 %H:%M（北京时间）").to_string(),
        Language::En => at.civil().strftime("%-d %B %Y, %H:%M UTC").to_string(),
    }
}

fn in_china(at: Time) -> Time {
    at.saturating_add(SignedDuration::from_hours(8))
}
