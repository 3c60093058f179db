//! When a call is sent again, and what a lost answer means.

use std::time::Duration;

use crate::{
    base::{entropy::Entropy, text::Wording, time::Time},
    http::{Answer as HttpAnswer, Unreachable},
};

use super::{Answer, CloudError, Trouble};

/// How long one exchange may take: a page of flavors is slow on some clouds.
pub const TIMEOUT: Duration = Duration::from_secs(45);
/// How often a call is sent at most.
const TRIES: u32 = 5;
/// The first wait is at most this long; each further one at most twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Whether a call may be sent again when its answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing, or the same thing only once.
    Harmless,
    /// It would do it twice: a lost answer is [`Trouble::Unknown`].
    Never,
}

impl Repeat {
    /// Makes `exchange`s until one succeeds or fails for good.
    ///
    /// # Errors
    /// The last exchange's.
    pub async fn until_done<T, F: Future<Output = Answer<T>> + Send>(
        self,
        entropy: &dyn Entropy,
        exchange: impl Fn() -> F + Send,
    ) -> Answer<T> {
        let mut longest = FIRST_WAIT;
        if self == Self::Harmless {
            for _ in 1..TRIES {
                match exchange().await {
                    Err(error) if error.trouble.passes() => {}
                    done => return done,
                }
                tokio::time::sleep(some_of(longest, entropy)).await;
                longest *= 2;
            }
        }
        exchange().await
    }

    /// What it means that no answer came.
    pub fn unreachable(self, error: &Unreachable) -> CloudError {
        let trouble = match error {
            Unreachable::Refused(_) => Trouble::Endpoint,
            _ if self == Self::Never && !error.was_not_sent() => Trouble::Unknown,
            Unreachable::TooLarge { .. } => Trouble::Unexpected,
            Unreachable::NoConnection { .. } | Unreachable::NoAnswer { .. } => Trouble::Unavailable,
        };
        CloudError::new(trouble, in_words(error))
    }

    /// What `trouble` means for the call: a gateway that gave up waiting does not know what became of it.
    pub fn judge(self, trouble: Trouble) -> Trouble {
        match (self, trouble) {
            (Self::Never, Trouble::Unavailable) => Trouble::Unknown,
            (_, trouble) => trouble,
        }
    }
}

/// What the system says stands in English behind our own words.
fn in_words(error: &Unreachable) -> Wording {
    let zh = match error {
        Unreachable::Refused(_) => format!("该地址不允许访问（{error}）"),
        Unreachable::NoConnection { host, reason } => format!("无法连接 {host}（{reason}）"),
        Unreachable::NoAnswer { host, reason } => format!("{host} 没有及时应答或中断了连接（{reason}）"),
        Unreachable::TooLarge { host, limit } => format!("{host} 的应答超过 {limit} 字节"),
    };
    Wording::both(zh, error.to_string())
}

/// Between half of `longest` and all of it, so that those who were refused together do not come back together.
fn some_of(longest: Duration, entropy: &dyn Entropy) -> Duration {
    let [byte] = entropy.bytes::<1>();
    longest / 2 + longest / 2 * u32::from(byte) / 255
}

/// Whether the cloud's clock differs by more than `seconds` from ours: it then calls signatures wrong.
pub fn skewed(answer: &HttpAnswer, now: Time, seconds: i64) -> bool {
    let date = answer.header("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    date.is_some_and(|date| Time::from(date.timestamp()).since(now).as_secs().abs() > seconds)
}
