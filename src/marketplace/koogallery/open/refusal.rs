//! Refusals: two families of codes, and the gateway in front of both.

use serde_json::Value;

use crate::base::text::truncate;

use super::read;

/// Characters of the marketplace's words that are kept.
const MESSAGE_CHARS: usize = 300;

/// What the marketplace answered instead of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message} ({})", kind.in_words(), code.as_deref().unwrap_or("no code"))]
pub struct Refusal {
    /// What it means.
    pub kind: RefusalKind,
    /// The marketplace's code.
    pub code: Option<String>,
    /// The marketplace's words, shortened, without control characters.
    pub message: String,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Too many calls: later.
    Busy,
    /// The access key, its secret key or its rights.
    Credentials,
    /// The clock of one side is off, so that the signature counts as old.
    Clock,
    /// Something that was sent is wrong.
    Parameter,
    /// There is no such code or order.
    Unknown,
    /// The buyer has not collected the code yet.
    NotCollected,
    /// The code is in a state that does not allow it, such as activated already.
    State,
    /// Nothing is left of what was bought.
    Exhausted,
    /// The marketplace failed.
    Internal,
    /// It is none of the documented answers.
    Unexpected,
}

impl RefusalKind {
    /// Whether the same call may succeed a little later.
    pub fn passes(self) -> bool {
        matches!(self, Self::Busy | Self::Internal)
    }

    /// Whether the same call is useless for ever: what was asked for is wrong, or does not stand so that it can be done.
    pub fn lasts(self) -> bool {
        matches!(self, Self::Parameter | Self::Unknown | Self::State | Self::Exhausted)
    }

    /// What happened, and what to do.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Busy => "the marketplace takes no more calls for the moment",
            Self::Credentials => {
                "the marketplace does not take the credentials: check `open_api` of the channel, and that its user may call \
                 the marketplace's open interfaces"
            }
            Self::Clock => "the marketplace takes the signature for an old one: set this machine's clock",
            Self::Parameter => "the marketplace does not take what was sent",
            Self::Unknown => "the marketplace does not know it",
            Self::NotCollected => "the buyer has not collected the code yet: it is in the buyer's center, at the order",
            Self::State => "the marketplace says that it does not stand so that this can be done",
            Self::Exhausted => "nothing is left of what was bought",
            Self::Internal => "the marketplace failed",
            Self::Unexpected => "the marketplace's answer is none of the documented ones",
        }
    }
}

/// What an answer holds.
///
/// # Errors
/// [`Refusal`] when it is none. Also with status 200: the marketplace's code decides.
pub fn judge(status: u16, body: &[u8]) -> Result<Value, Refusal> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let code = answer.as_ref().and_then(|it| read::any(it, &["resultCode", "error_code", "errorCode"]));
    let message = answer.as_ref().and_then(|it| read::any(it, &["resultMsg", "error_msg", "errorMsg"]));
    let ok = (200..300).contains(&status);
    match (answer, &code) {
        (Some(answer), Some(code)) if ok && succeeded(code) => return Ok(answer),
        (Some(answer @ Value::Object(_)), None) if ok => return Ok(answer),
        _ => {}
    }
    let kind = code.as_deref().and_then(known).unwrap_or_else(|| by_status(status));
    let message = message.unwrap_or_else(|| format!("HTTP status {status}"));
    let message: String = message.chars().filter(|char| !char.is_control()).collect();
    Err(Refusal { kind, code: code.map(|code| truncate(&code, 40)), message: truncate(&message, MESSAGE_CHARS) })
}

/// `MKT.0000`, `CBC.0000`, `92020000`, `91380000` and `000000`: no code of a refusal ends like that.
fn succeeded(code: &str) -> bool {
    code.ends_with("0000")
}

fn known(code: &str) -> Option<RefusalKind> {
    // Both prefixes stand for the same table; an older edition of the documents has the second.
    let bare = code.strip_prefix("MKT.").or_else(|| code.strip_prefix("CBC."));
    let kind = match (bare, code) {
        (Some("0150" | "0151" | "0154"), _) => RefusalKind::Credentials,
        (Some("0101" | "0199"), _) | (None, "92020002" | "91381033" | "91381034") => RefusalKind::Parameter,
        (Some("0250"), _) | (None, "APIG.0308") => RefusalKind::Busy,
        (Some(number), _) if number.starts_with("09") => RefusalKind::Internal,
        (None, "92020001") => RefusalKind::Internal,
        (None, "92020003") => RefusalKind::State,
        (None, "92020004") => RefusalKind::NotCollected,
        (None, "92020005") => RefusalKind::Unknown,
        (None, "91381035") => RefusalKind::Exhausted,
        (None, code) if code.starts_with("APIG.03") => RefusalKind::Credentials,
        _ => return None,
    };
    Some(kind)
}

fn by_status(status: u16) -> RefusalKind {
    match status {
        401 | 403 => RefusalKind::Credentials,
        400 | 413 | 415 | 422 => RefusalKind::Parameter,
        406 | 429 => RefusalKind::Busy,
        500.. => RefusalKind::Internal,
        _ => RefusalKind::Unexpected,
    }
}
