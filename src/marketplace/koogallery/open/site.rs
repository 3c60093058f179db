//! Where the marketplace is.

use serde::{Deserialize, Serialize};

/// One of its three sites: accounts, products and codes of one are unknown to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// 中国站
    Cn,
    /// International.
    Intl,
    /// European.
    Eu,
}

impl Site {
    /// Every one, by its name in the catalog.
    pub const ALL: [(&'static str, Self); 3] = [("cn", Self::Cn), ("intl", Self::Intl), ("eu", Self::Eu)];

    /// Its name in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cn => "cn",
            Self::Intl => "intl",
            Self::Eu => "eu",
        }
    }

    /// Its hosts: the next one is asked when no connection to the one before could be made.
    pub fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Cn => &["mkt.myhuaweicloud.com", "mkt.myhuaweicloud.cn"],
            Self::Intl => &["mkt-intl.myhuaweicloud.com"],
            Self::Eu => &["mkt.myhuaweicloud.eu"],
        }
    }
}
