//! What a plan says of machines: `lease`, `machine` and `versions` of `[[product.plan]]`.

use semver::VersionReq;
use signet_verify::machine::MatchRule;

use crate::{
    base::limits,
    license::plan::{LeaseRule, MachineRule},
};

use super::{
    form,
    problem::Report,
    reader::{Entry, Section},
};

/// Days of a lease, a loan or grace.
const DAYS: u16 = 366;
/// Days of what a machine without network gets: nobody can take it back meanwhile.
const OFFLINE_DAYS: u16 = 1_830;
/// Minutes of a lease that is shorter than a day.
const MINUTES: std::ops::RangeInclusive<u16> = 5..=1_440;
/// Characters of a range of versions.
const VERSIONS_CHARS: usize = 100;

/// `{ days = 7, minutes, grace_days = 7, floating = false, borrow_days = 0, file_days = 90, offline_days = 90 }`
pub(super) fn lease(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<LeaseRule> {
    let mut section = entry.section(report)?;
    let (days, minutes) = (section.get("days"), section.get("minutes"));
    let (grace, borrow) = (section.get("grace_days"), section.get("borrow_days"));
    let floating = section.get("floating").and_then(|entry| entry.flag(report)).unwrap_or_default();
    let default = LeaseRule::default();
    let file_days = number(&mut section, "file_days", default.file_days, report);
    let offline_days = number(&mut section, "offline_days", default.offline_days, report);
    section.finish(report);
    if days.is_some()
        && let Some(minutes) = &minutes
    {
        minutes.refuse("stands beside `days`: a lease has one length, write either", report);
    }
    let minutes = minutes.and_then(|entry| entry.small(MINUTES, report));
    let days = days.and_then(|entry| entry.small(1..=DAYS, report));
    let rule = LeaseRule {
        days: if minutes.is_some() { 0 } else { days.unwrap_or(default.days) },
        minutes,
        grace_days: grace_days(grace.as_ref(), floating, report),
        floating,
        borrow_days: borrow_days(borrow.as_ref(), floating, report),
        file_days,
        offline_days,
    };
    Some(rule)
}

fn number(section: &mut Section<'_>, key: &'static str, default: u16, report: &mut Report<'_>) -> u16 {
    section.get(key).and_then(|entry| entry.small(1..=OFFLINE_DAYS, report)).unwrap_or(default)
}

fn grace_days(entry: Option<&Entry<'_>>, floating: bool, report: &mut Report<'_>) -> u16 {
    let default = if floating { 0 } else { LeaseRule::default().grace_days };
    let days = entry.and_then(|entry| entry.small(0..=DAYS, report)).unwrap_or(default);
    if let Some(entry) = entry.filter(|_| floating && days > 0) {
        let why = "when the lease is over, the seat may already be somebody else's";
        entry.refuse(format!("is {days}, but a floating plan has no grace: {why}; write 0 or leave it out"), report);
    }
    days
}

fn borrow_days(entry: Option<&Entry<'_>>, floating: bool, report: &mut Report<'_>) -> u16 {
    let days = entry.and_then(|entry| entry.small(0..=DAYS, report)).unwrap_or_default();
    if let Some(entry) = entry.filter(|_| !floating && days > 0) {
        entry.refuse("is for floating plans: add `floating = true`, or give the lease more `days`", report);
    }
    days
}

/// `{ match = "most", new_per_day = 20 }`
pub(super) fn machine(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<MachineRule> {
    let mut section = entry.section(report)?;
    let rules = [MatchRule::Any, MatchRule::Two, MatchRule::Most, MatchRule::All].map(|rule| (rule.as_str(), rule));
    let rule = section.get("match").and_then(|entry| form::one_of(&entry, &rules, report));
    let new_per_day = section.get("new_per_day").and_then(|entry| entry.number(1..=limits::MACHINES, report));
    section.finish(report);
    let default = MachineRule::default();
    Some(MachineRule { rule: rule.unwrap_or_default(), new_per_day: new_per_day.unwrap_or(default.new_per_day) })
}

/// `"<3"`, `">=2.4, <3"`
pub(super) fn versions(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<VersionReq> {
    let text = entry.line(VERSIONS_CHARS, report)?;
    match VersionReq::parse(&text) {
        Ok(versions) => Some(versions),
        Err(error) => {
            let forms = "\"<3\", \"^2.4\" or \">=2.4, <3\"";
            entry.refuse(format!("`{text}` names no versions ({error}): write {forms}"), report);
            None
        }
    }
}
