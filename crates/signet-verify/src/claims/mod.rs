//! What each kind of document says. Times named `iat`, `nbf`, `exp` and the like are whole seconds since 1970
//! (RFC 7519 §2); `time` is the server's clock in microseconds, for [trusted time](crate::clock).
//!
//! Unknown members are ignored, so that an older reader takes what a newer service signs.

mod key_list;

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::machine::MatchRule;

pub use key_list::{KeyListClaims, KeyState, ListedKey, UnknownState};

/// Features by name.
pub type Features = BTreeMap<String, FeatureValue>;
/// Digests of a machine's fingerprint components by name; see [`crate::machine::digest`].
pub type Components = BTreeMap<String, String>;

/// What a feature is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FeatureValue {
    /// On or off.
    Flag(bool),
    /// A limit.
    Number(u32),
    /// A name, such as an edition.
    Text(String),
}

/// `license+jwt`, and with `device` also `device-license+jwt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeClaims {
    /// The service that issued it.
    pub iss: String,
    /// The license.
    pub sub: String,
    /// The product.
    pub aud: String,
    /// When this revision was made.
    pub iat: i64,
    /// The license does not hold before.
    pub nbf: i64,
    /// The plan.
    pub plan: String,
    /// Machine limit.
    pub machines: u32,
    /// Features.
    pub features: Features,
    /// Revision: higher is newer.
    pub rev: u32,
    /// The license does not hold from here on; only where the plan's codes carry their expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// SHA-256 of the device's text in base64url; only where the license is bound to a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// `lease+jwt`: what lets an activated machine run without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseClaims {
    /// The service.
    pub iss: String,
    /// The license.
    pub sub: String,
    /// `<product>/lease`.
    pub aud: String,
    /// The activation.
    pub activation: String,
    /// When it was given.
    pub iat: i64,
    /// The server's clock then, in microseconds.
    pub time: i64,
    /// The lease ends here.
    pub exp: i64,
    /// From here on the machine asks for the next lease: long before `exp`, so that a service that is down for a day
    /// is no event.
    pub renew_after: i64,
    /// Without a newer lease the software may run on until here, and says so. Not before `exp`; equal to it where the
    /// plan gives no grace.
    pub grace_until: i64,
    /// The plan.
    pub plan: String,
    /// Machine limit of the license.
    pub machines: u32,
    /// Features of the license as it is now.
    pub features: Features,
    /// Revision of the license.
    pub rev: u32,
    /// When the license ends, where it does. For display: `exp` and `grace_until` are what counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_exp: Option<i64>,
    /// Whether the seat goes back when the lease ends.
    pub floating: bool,
    /// The machine it is for.
    pub machine: BoundMachine,
    /// The caller's nonce, where it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// Which machine a document is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundMachine {
    /// How many components must be the same.
    #[serde(rename = "match")]
    pub rule: MatchRule,
    /// Its components when it was last seen.
    pub components: Components,
}

/// `validation+jwt`: the signed answer of `POST /api/v1/validate`, and of a refused activation or renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationClaims {
    /// The service.
    pub iss: String,
    /// `<product>/validation`, of the product that was asked about, else of the license; `installation/validation`
    /// where neither is known.
    pub aud: String,
    /// When it was answered.
    pub iat: i64,
    /// The server's clock then, in microseconds.
    pub time: i64,
    /// What was asked. An answer to another question proves nothing.
    pub asked: Asked,
    /// Whether the software may run.
    pub valid: bool,
    /// Why, or why not: one of the documented reasons.
    pub reason: String,
    /// Whether asking again unchanged is useless until somebody changes something.
    pub conclusive: bool,
    /// The license, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseFacts>,
    /// The machine's activation, where a fingerprint was sent and has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
    /// The meters of the license's plan, where the license holds and its plan has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meters: Vec<MeterFacts>,
    /// What became of reported usage, in the order of the reports; only where some was reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<ReportFacts>,
}

/// What was used of a meter at the moment of the answer. Amounts are decimal text with at most four digits behind the
/// point. Other machines of the license go on counting: nothing to decide by later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterFacts {
    /// Its name.
    pub meter: String,
    /// What was used in its period.
    pub used: String,
    /// How much the period allows, where there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What is left of the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// When counting starts anew, where the calendar says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<i64>,
}

/// What became of a report of usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFacts {
    /// The id it was reported by.
    pub id: String,
    /// Whether it counts, now or since it was first reported.
    pub counted: bool,
    /// Why it does not count: one of the documented reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The question that a [`ValidationClaims`] answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// [`crate::machine::sha256`] of the license code or key exactly as it was sent.
    pub license: String,
    /// The caller's nonce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The software's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The feature wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The machine.
    #[serde(default, skip_serializing_if = "Components::is_empty")]
    pub components: Components,
    /// The activation for which usage was reported; of no other question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
}

/// What the holder of a license may know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseFacts {
    /// Its id.
    pub id: String,
    /// Its product.
    pub product: String,
    /// Its plan.
    pub plan: String,
    /// `active`, `frozen` or `released`.
    pub state: String,
    /// Whether it is a trial.
    pub trial: bool,
    /// When it ends, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Until when it is honoured: the end plus the plan's slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_until: Option<i64>,
    /// Machine limit.
    pub machines: u32,
    /// Features.
    pub features: Features,
    /// Revision.
    pub rev: u32,
}

/// `license-file+jwt`: a license for machines that never ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseFileClaims {
    /// The service.
    pub iss: String,
    /// The license.
    pub sub: String,
    /// `<product>/license-file`.
    pub aud: String,
    /// When it was made.
    pub iat: i64,
    /// The server's clock then, in microseconds.
    pub time: i64,
    /// The file's own end; fetch another before.
    pub exp: i64,
    /// The plan.
    pub plan: String,
    /// Machine limit of the license.
    pub machines: u32,
    /// Features.
    pub features: Features,
    /// Revision of the license.
    pub rev: u32,
    /// When the license ends, where it does. For display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_exp: Option<i64>,
    /// How many components must be the same.
    #[serde(rename = "match")]
    pub rule: MatchRule,
    /// The machines it is for; never empty.
    pub bound_to: Vec<Components>,
}

/// `revocations+jwt`: what no longer holds, although its signature does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationsClaims {
    /// The service.
    pub iss: String,
    /// `<product>/revocations`.
    pub aud: String,
    /// When it was made.
    pub iat: i64,
    /// The server's clock then, in microseconds.
    pub time: i64,
    /// A list older than this says nothing about today: fetch another.
    pub exp: i64,
    /// It holds the entries numbered `since + 1` to `number`.
    pub number: u64,
    /// 0: the list starts from nothing.
    pub since: u64,
    /// Whether the service had no more entries; when not, ask again with `since=<number>`.
    pub complete: bool,
    /// Names the entry `number` of this history: numbers come again when a service is set back to a backup, names do not.
    /// Ask for the next list with it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Names the entry `since`; a set that knows it by another name is of another history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// In the order of their numbers.
    pub entries: Vec<Revocation>,
}

/// One entry of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Revocation {
    /// Revisions of a license that grant more than it has now; without `revs` the whole license.
    License {
        /// The license.
        sub: String,
        /// The revisions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revs: Option<Vec<u32>>,
    },
    /// Everything that a key signed.
    Key {
        /// Its thumbprint.
        kid: String,
    },
}

/// `package+jwt`: what a package of the product's software is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageClaims {
    /// The service.
    pub iss: String,
    /// `<product>/package`.
    pub aud: String,
    /// When it was signed.
    pub iat: i64,
    /// The version.
    pub version: String,
    /// SHA-256 of its bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
    /// Name of its file, without folders.
    pub file: String,
    /// It is not to be installed from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// Software older than this is not to be installed any more: an old package that is served again is refused by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
}
