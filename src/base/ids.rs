//! Ids: UUIDv7 newtypes, one type per thing, so that an order's id cannot stand for a license's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{entropy::Entropy, limits, time::Time};

/// Whether `text` may be the id of a usage report: 1 to 64 characters of `A-Z a-z 0-9 . _ : -`.
pub fn is_report_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=limits::USAGE_REPORT_ID_CHARS).contains(&text.len()) && text.bytes().all(fits)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id that sorts by `now` (RFC 9562 §5.7).
            pub fn new(now: Time, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(now, entropy.bytes()))
            }

            /// The lowest id that [`Self::new`] could make at `now`: ids from here on are as young.
            pub fn lowest(now: Time) -> Self {
                Self(uuid_v7(now, [0; 10]))
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A license: `sub` of its code.
    LicenseId
);

impl LicenseId {
    /// The id in 16 bytes, for texts that are short.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The id that [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

id!(
    /// A machine that has, or had, a seat of a license.
    ActivationId
);
id!(
    /// One run of a recipe on a customer's server.
    DeploymentId
);

impl DeploymentId {
    /// The id in 16 bytes, for texts that are short.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The id that [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

id!(
    /// A row of the order table.
    OrderId
);
id!(
    /// A call from or to a marketplace.
    MessageId
);
id!(
    /// Something the merchant must see.
    AlertId
);
id!(
    /// A management token.
    TokenId
);
id!(
    /// An entry of a license's history.
    HistoryId
);
id!(
    /// Something that happened, as others are told.
    EventId
);
id!(
    /// Where a merchant's system wants to be told.
    WebhookId
);
id!(
    /// One of a webhook's secrets.
    SecretId
);
id!(
    /// A mail.
    MailId
);
id!(
    /// A request as the log shows it.
    RequestId
);

/// A version 7 UUID (RFC 9562 §5.7) from the instant and random bytes. The 12 bits after the milliseconds hold the
/// fraction of the millisecond (§6.2, method 3), so that ids sort by microseconds.
pub fn uuid_v7(now: Time, mut random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_micros().div_euclid(1000)).unwrap_or(0);
    let micros = now.as_micros().rem_euclid(1000);
    let fraction = u16::try_from(micros * 4096 / 1000).unwrap_or(0);
    random[..2].copy_from_slice(&fraction.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let entropy = SeededEntropy::new(1);
        let early = LicenseId::new(Time::from_millis(1_000).unwrap(), &entropy);
        let late = LicenseId::new(Time::from_millis(2_000).unwrap(), &entropy);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<LicenseId>().unwrap(), early);
        assert_eq!(early.0.get_version_num(), 7);
    }

    #[test]
    fn the_lowest_id_of_an_instant_divides_before_from_since() {
        let entropy = SeededEntropy::new(3);
        let at = |micros: i64| Time::from_micros(1_700_000_000_123_456 + micros).unwrap();
        for _ in 0..100 {
            assert!(HistoryId::new(at(-1), &entropy) < HistoryId::lowest(at(0)));
            assert!(HistoryId::new(at(0), &entropy) >= HistoryId::lowest(at(0)));
        }
    }

    #[test]
    fn ids_sort_by_the_microsecond() {
        let entropy = SeededEntropy::new(2);
        let at = |micros: i64| LicenseId::new(Time::from_micros(1_700_000_000_000_000 + micros).unwrap(), &entropy);
        let ids: Vec<_> = (0..3_000).map(at).collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }
}
