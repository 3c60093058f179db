//! Judges an answer as the marketplace would: rule by rule, with what was expected, what was seen and what to do.
//!
//! `envelope` holds the rules of every answer (time, status, signature, result code), `fields` those of the
//! single activities. Nothing here sends anything.

mod check;
mod envelope;
mod fields;
mod repeat;
mod rule;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::check::Checks;
pub use self::{
    repeat::same_answer,
    rule::{Outcome, Rule, RuleResult},
};
use crate::{
    call::Call,
    line::{Activity, Line},
    marketplace::Exchange,
    sign::AccessKey,
};

/// Success.
pub const SUCCESS: &str = "000000";
/// Authentication failed.
pub const UNAUTHENTIC: &str = "000001";
/// Illegal parameter.
pub const ILLEGAL: &str = "000002";
/// The instance does not exist.
pub const UNKNOWN_INSTANCE: &str = "000003";
/// Accepted, still in progress.
pub const IN_PROGRESS: &str = "000004";
/// Another internal error.
pub const INTERNAL: &str = "000005";

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    codes: Vec<&'static str>,
    signed: bool,
    activity: Option<Activity>,
    instances: Vec<String>,
}

impl Expectation {
    /// Success of `call`, with every field its activity needs. Activities whose work may take longer than an
    /// answer may also say "in progress".
    pub fn success_of(call: &Call) -> Self {
        let activity = call.activity();
        let may_wait = matches!(
            activity,
            Activity::NewInstance
                | Activity::GetLicenseAsync
                | Activity::UpgradeInstance
                | Activity::Upgrade
                | Activity::QueryInstance
        );
        let codes = if may_wait { vec![SUCCESS, IN_PROGRESS] } else { vec![SUCCESS] };
        let asked = call.field("instanceId").filter(|_| activity == Activity::QueryInstance);
        let instances = asked.map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default();
        Self { codes, signed: true, activity: Some(activity), instances }
    }

    /// Any of these codes, correctly signed. Fields beyond the code are not looked at.
    pub fn codes(codes: &[&'static str]) -> Self {
        Self { codes: codes.to_vec(), signed: true, activity: None, instances: Vec::new() }
    }

    /// The same, but no signature is asked for: a URL nobody owns has no key to sign with.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.signed = false;
        self
    }

    /// The same, with these codes instead.
    #[must_use]
    pub fn or_codes(mut self, codes: &[&'static str]) -> Self {
        self.codes.extend(codes);
        self
    }
}

/// Every rule that was checked on one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The product line.
    pub line: Line,
    /// The value of `activity`.
    pub activity: String,
    /// The rules in the order of checking. The first missing foundation ends the list: an answer that is no JSON has no
    /// fields to judge.
    pub rules: Vec<RuleResult>,
}

impl Verdict {
    pub(crate) fn of(line: Line, key: &AccessKey, expectation: &Expectation, exchange: &Exchange) -> Self {
        let mut checks = Checks::default();
        if let Some((reply, object)) = envelope::check(&mut checks, key, expectation, exchange) {
            let code = object.get("resultCode").and_then(serde_json::Value::as_str).unwrap_or_default();
            if let Some(activity) = expectation.activity
                && (code == SUCCESS || code == IN_PROGRESS)
            {
                let subject = fields::Subject { line, activity, key, reply, object: &object, code };
                fields::check(&mut checks, &subject, &expectation.instances);
            }
        }
        Self { line, activity: exchange.request.activity.clone(), rules: checks.done() }
    }

    /// Nothing failed; notes do not count.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The rules that failed.
    pub fn failures(&self) -> impl Iterator<Item = &RuleResult> {
        self.rules.iter().filter(|result| result.outcome == Outcome::Fail)
    }

    /// The result of a rule, when it was checked.
    pub fn result(&self, rule: Rule) -> Option<&RuleResult> {
        self.rules.iter().filter(|result| result.rule == rule).max_by_key(|result| result.outcome)
    }

    /// Adds rules that need more than one answer, such as [`same_answer`].
    pub fn extend(&mut self, more: impl IntoIterator<Item = RuleResult>) {
        self.rules.extend(more);
    }
}
