//! What a plan says of machines: how long their leases last, which machine is meant, which versions it covers.

use jiff::SignedDuration;
use semver::{BuildMetadata, Prerelease, Version, VersionReq};
use serde::{Deserialize, Serialize};
use signet_verify::machine::MatchRule;

/// How long a machine may run between two contacts, and whether its seat goes back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaseRule {
    /// Days a lease lasts; 0 where `minutes` count.
    pub days: u16,
    /// Minutes a lease lasts, in place of days: for seats that shall return soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u16>,
    /// Days of grace after it. Floating plans have none: when the lease is over, somebody else may have the seat.
    pub grace_days: u16,
    /// Whether the seat goes back when the lease ends.
    pub floating: bool,
    /// Days for which a floating seat may be borrowed, for a journey without a network. 0: not at all.
    pub borrow_days: u16,
    /// Days that a license file lasts.
    pub file_days: u16,
    /// Days that the lease of a machine without network lasts.
    pub offline_days: u16,
}

impl Default for LeaseRule {
    fn default() -> Self {
        Self { days: 7, minutes: None, grace_days: 7, floating: false, borrow_days: 0, file_days: 90, offline_days: 90 }
    }
}

impl LeaseRule {
    /// How long an ordinary lease lasts.
    pub fn length(&self) -> SignedDuration {
        match self.minutes {
            Some(minutes) => SignedDuration::from_mins(minutes.into()),
            None => SignedDuration::from_hours(i64::from(self.days) * 24),
        }
    }
}

/// Which machine is meant, and how many new ones a license may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MachineRule {
    /// How many fingerprint components must be the same for two fingerprints to mean one machine.
    #[serde(rename = "match")]
    pub rule: MatchRule,
    /// New machines of one license within 24 hours. A license for more machines than this may fill all its seats in
    /// a day: see [`MachineRule::new_per_day`].
    pub new_per_day: u32,
}

impl Default for MachineRule {
    fn default() -> Self {
        Self { rule: MatchRule::default(), new_per_day: 20 }
    }
}

impl MachineRule {
    /// New machines that a license for `machines` may see within 24 hours. Not fewer than it has seats: rolling out
    /// to a thousand machines on one day is no sharing of a license.
    pub fn new_per_day(&self, machines: u32) -> u32 {
        self.new_per_day.max(machines)
    }
}

/// Whether `covered` holds the software's `version`: `3`, `2.4`, `v2.4.1-beta` and `2.4.1.77` are all read. A pre-release
/// counts as the version it leads to, so that `<3` does not cover `3.0.0-rc1`. A text that is no version is never covered.
pub fn covers(covered: &VersionReq, version: &str) -> bool {
    read_version(version).is_some_and(|version| covered.matches(&version))
}

/// The first three numbers of a version; those that are missing are 0.
fn read_version(text: &str) -> Option<Version> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let numbers = text.split(['-', '+', ' ']).next()?;
    let mut parts = [0_u64; 3];
    for (index, part) in numbers.split('.').enumerate() {
        let number = part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        if let Some(place) = parts.get_mut(index) {
            *place = number;
        }
    }
    let [major, minor, patch] = parts;
    Some(Version { major, minor, patch, pre: Prerelease::EMPTY, build: BuildMetadata::EMPTY })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(covered: &str, version: &str) -> bool {
        super::covers(&covered.parse().unwrap(), version)
    }

    #[test]
    fn versions_are_read_as_software_writes_them() {
        for version in ["2", "2.9", "v2.9.9", "2.9.9.1234", "2.9.9-beta.1", "0.1", " 2.0+build", "2.9 (build 7)"] {
            assert!(covers("<3", version), "{version}");
        }
        for version in ["3", "3.0.0-rc1", "v3.0", "10.1", "", "two", "2.x", "2.+1", "-2", "99999999999999999999.0"] {
            assert!(!covers("<3", version), "{version}");
        }
        assert!(covers(">=2.4, <3", "2.4.0") && !covers(">=2.4, <3", "2.3.9"));
    }

    #[test]
    fn stored_rules_of_before_still_load() {
        let rule: LeaseRule = serde_json::from_str(r#"{"days":3,"grace_days":4}"#).unwrap();
        assert_eq!(rule, LeaseRule { days: 3, grace_days: 4, ..LeaseRule::default() });
        assert_eq!(rule.length(), SignedDuration::from_hours(72));
        let minutes = LeaseRule { days: 0, minutes: Some(5), ..LeaseRule::default() };
        assert_eq!(minutes.length(), SignedDuration::from_secs(300));
        assert_eq!(serde_json::from_str::<MachineRule>("{}").unwrap(), MachineRule::default());
    }

    #[test]
    fn a_large_license_may_fill_its_seats_in_a_day() {
        assert_eq!(MachineRule::default().new_per_day(3), 20);
        assert_eq!(MachineRule::default().new_per_day(1_000), 1_000);
    }
}
