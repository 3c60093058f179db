//! The rule that needs two answers: the same order always gets the same answer.

use super::{
    check::Checks,
    rule::{Rule, RuleResult},
};
use crate::reply::Reply;

/// Compares the answer to a repeated purchase with the first one. Both should be successful.
pub fn same_answer(first: &Reply, repeat: &Reply) -> Vec<RuleResult> {
    let mut checks = Checks::default();
    if let Some(id) = first.instance_id() {
        let seen = repeat.instance_id().unwrap_or_else(|| "nothing".to_owned());
        checks.that(Rule::SameInstance, seen == id, &id, &seen);
    }
    if let Some(license) = first.license() {
        let again = repeat.license();
        let same = again.as_ref() == Some(&license);
        let seen = match (same, again) {
            (true, _) => "the same, byte for byte",
            (false, Some(_)) => "another license",
            (false, None) => "no license",
        };
        checks.that(Rule::SameLicense, same, "the license of the first answer", seen);
    }
    checks.done()
}
