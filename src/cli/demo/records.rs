//! What Signet's own records must say after the play: right answers alone are not enough.

use std::collections::BTreeSet;

use anyhow::Context as _;
use koogallery_simulator::{Line, play::StepReport};

use crate::{
    app::App,
    base::{ids::LicenseId, slug::Slug},
    license::model::{License, State},
    store::LicenseFilter,
    usecase::{Actor, Failure},
};

/// Licenses looked at for one instance: one is right, two are enough to know that it is wrong.
const LOOKED_AT: u32 = 2;

/// The license that was bought to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Its instance id.
    pub(super) instance: String,
    /// `sub` of its code, when that verified.
    pub(super) subject: Option<LicenseId>,
}

/// An instance as the play must have left it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    line: &'static str,
    instance: String,
    released: bool,
    subject: Option<LicenseId>,
}

/// The instances that the play was answered.
pub(super) fn played(steps: &[StepReport]) -> Vec<(Line, String)> {
    steps.iter().filter_map(|step| Some((step.line, step.instance_id()?))).collect()
}

/// Compares the records with what was played and kept: each played instance is one released license, the kept one is
/// active and its code is its own. Answers every difference in words.
///
/// # Errors
/// The database's.
pub(super) async fn judge_records(
    app: &App,
    played: Vec<(Line, String)>,
    kept: Option<Kept>,
) -> anyhow::Result<Vec<String>> {
    let mut differences = missing(&played, kept.as_ref());
    for expected in expected(played, kept) {
        let found = find(app, &expected).await?;
        differences.extend(difference(&expected, &found));
    }
    Ok(differences)
}

/// What was never answered. Code 2.0 brings only notices of codes that nobody redeemed: it has no instances.
fn missing(played: &[(Line, String)], kept: Option<&Kept>) -> Vec<String> {
    let silent = |line: &Line| *line != Line::Code2 && !played.iter().any(|(answered, _)| answered == line);
    let mut missing: Vec<_> =
        Line::ALL.into_iter().filter(silent).map(|line| format!("{line}: no instance was answered")).collect();
    match kept {
        None => missing.push("the license to keep was not answered".to_owned()),
        Some(Kept { subject: None, .. }) => missing.push("the kept license has no code that verifies".to_owned()),
        Some(_) => {}
    }
    missing
}

fn expected(played: Vec<(Line, String)>, kept: Option<Kept>) -> BTreeSet<Expected> {
    let played = played.into_iter().map(|(line, instance)| Expected {
        line: line.as_str(),
        instance,
        released: true,
        subject: None,
    });
    let kept = kept.map(|Kept { instance, subject }| Expected {
        line: Line::License1.as_str(),
        instance,
        released: false,
        subject,
    });
    played.chain(kept).collect()
}

async fn find(app: &App, expected: &Expected) -> anyhow::Result<Vec<(LicenseId, State)>> {
    let channel: Slug = expected.line.parse().context("the sample's channels are named like their lines")?;
    let filter = LicenseFilter {
        channel: Some(channel),
        instance_id: Some(expected.instance.clone()),
        ..LicenseFilter::default()
    };
    let page = app.read(Actor::CommandLine, move |tx, _| Ok(tx.license_page(&filter, None, LOOKED_AT)?));
    let found: Result<Vec<License>, Failure> = page.await;
    Ok(found?.iter().map(|license| (license.id, license.standing.state())).collect())
}

fn difference(expected: &Expected, found: &[(LicenseId, State)]) -> Option<String> {
    let Expected { line, instance, released, subject } = expected;
    let right = if *released { State::Released } else { State::Active };
    let [(id, state)] = found else {
        return Some(format!("{line}: instance {instance} should be one license, not {}", found.len()));
    };
    if *state != right {
        return Some(format!("{line}: license {id} should be {}, not {}", right.as_str(), state.as_str()));
    }
    let other = (*subject).filter(|subject| subject != id)?;
    Some(format!("{line}: the code answered for license {id} is for license {other}"))
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
