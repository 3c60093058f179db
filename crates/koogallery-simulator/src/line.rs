//! The five product lines and the activities each one speaks.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A product line: who makes the license and how calls arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// License 1.0: the merchant makes the license; signed GET.
    #[serde(rename = "license-1-0")]
    License1,
    /// License code 2.0: the marketplace makes the code (`PL…`); signed POST.
    #[serde(rename = "code-2-0")]
    Code2,
    /// Client license: one license per device, delivered asynchronously; signed POST.
    #[serde(rename = "client")]
    Client,
    /// SaaS 2.0; signed POST.
    #[serde(rename = "saas-2-0")]
    Saas2,
    /// SaaS 1.0; signed GET.
    #[serde(rename = "saas-1-0")]
    Saas1,
}

/// How a call travels and is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// GET, everything in the query string, `authToken`.
    V1,
    /// POST with a JSON body; `signature`, `timestamp` and `nonce` in the query string.
    V2,
}

impl Line {
    /// Every line, in the order of the marketplace's guides.
    pub const ALL: [Self; 5] = [Self::License1, Self::Code2, Self::Client, Self::Saas2, Self::Saas1];

    /// The name used on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::License1 => "license-1-0",
            Self::Code2 => "code-2-0",
            Self::Client => "client",
            Self::Saas2 => "saas-2-0",
            Self::Saas1 => "saas-1-0",
        }
    }

    /// How this line's calls travel.
    pub fn transport(self) -> Transport {
        match self {
            Self::License1 | Self::Saas1 => Transport::V1,
            Self::Code2 | Self::Client | Self::Saas2 => Transport::V2,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The line is not one of the five.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown line {0:?}: use one of license-1-0, code-2-0, client, saas-2-0, saas-1-0")]
pub struct UnknownLine(String);

impl FromStr for Line {
    type Err = UnknownLine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|line| line.as_str() == text).ok_or_else(|| UnknownLine(text.to_owned()))
    }
}

/// What a call asks for: the value of its `activity` parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Activity {
    GetLicense,
    RefreshLicense,
    ExpireLicense,
    ReleaseLicense,
    RefreshLicenseCode,
    UpdateLicenseCodeStatus,
    ReleaseLicenseCode,
    NewInstance,
    QueryInstance,
    RefreshInstance,
    UpdateInstanceStatus,
    ExpireInstance,
    InstanceStatus,
    ReleaseInstance,
    Upgrade,
    UpgradeInstance,
    OrderNotify,
    GetLicenseAsync,
}

impl Activity {
    /// The protocol's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetLicense => "getLicense",
            Self::RefreshLicense => "refreshLicense",
            Self::ExpireLicense => "expireLicense",
            Self::ReleaseLicense => "releaseLicense",
            Self::RefreshLicenseCode => "refreshLicenseCode",
            Self::UpdateLicenseCodeStatus => "updateLicenseCodeStatus",
            Self::ReleaseLicenseCode => "releaseLicenseCode",
            Self::NewInstance => "newInstance",
            Self::QueryInstance => "queryInstance",
            Self::RefreshInstance => "refreshInstance",
            Self::UpdateInstanceStatus => "updateInstanceStatus",
            Self::ExpireInstance => "expireInstance",
            Self::InstanceStatus => "instanceStatus",
            Self::ReleaseInstance => "releaseInstance",
            Self::Upgrade => "upgrade",
            Self::UpgradeInstance => "upgradeInstance",
            Self::OrderNotify => "orderNotify",
            Self::GetLicenseAsync => "getLicenseAsync",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
