//! What a soak did, what it found, and what must be true afterwards.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::model::Expected;
use crate::{line::Line, verdict::Verdict};

/// Violations kept in full; more are only counted.
const KEPT: usize = 200;

/// Something the service must never do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The product line.
    pub line: Line,
    /// The purchase's order, or the code.
    pub order_id: String,
    /// What was being done.
    pub step: String,
    /// The rule that was broken.
    pub rule: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, order_id, step, rule, expected, seen } = self;
        write!(f, "{line} {order_id}, {step}: {rule}: expected {expected}, seen {seen}")
    }
}

/// One worker's counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) expectations: Vec<Expected>,
    pub(super) steps: BTreeMap<&'static str, u64>,
    pub(super) calls: u64,
    pub(super) duplicates: u64,
    pub(super) lost: u64,
    pub(super) replays: u64,
    pub(super) retries: u64,
    pub(super) no_answers: u64,
    pub(super) busy: u64,
    pub(super) given_up: u64,
    violation_count: u64,
    violations: Vec<Violation>,
    latencies: Vec<u32>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.expectations.extend(other.expectations);
        for (step, count) in other.steps {
            *self.steps.entry(step).or_default() += count;
        }
        self.calls += other.calls;
        self.duplicates += other.duplicates;
        self.lost += other.lost;
        self.replays += other.replays;
        self.retries += other.retries;
        self.no_answers += other.no_answers;
        self.busy += other.busy;
        self.given_up += other.given_up;
        self.violation_count += other.violation_count;
        let room = KEPT.saturating_sub(self.violations.len());
        self.violations.extend(other.violations.into_iter().take(room));
        self.latencies.extend(other.latencies);
    }

    pub(super) fn violation(&mut self, violation: Violation) {
        self.violation_count += 1;
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        }
    }

    pub(super) fn verdict(&mut self, line: Line, order_id: &str, step: &str, verdict: &Verdict) {
        for failure in verdict.failures() {
            self.violation(Violation {
                line,
                order_id: order_id.to_owned(),
                step: step.to_owned(),
                rule: failure.rule.name().to_owned(),
                expected: failure.expected.clone(),
                seen: failure.seen.clone(),
            });
        }
    }

    pub(super) fn crashed(&mut self, error: &tokio::task::JoinError) {
        self.violation(Violation {
            line: Line::License1,
            order_id: String::new(),
            step: "the simulator itself".to_owned(),
            rule: "finished".to_owned(),
            expected: "every customer's task ends".to_owned(),
            seen: error.to_string(),
        });
    }

    pub(super) fn latency(&mut self, elapsed: Duration) {
        self.latencies.push(u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX));
    }

    pub(super) fn into_report(mut self, seed: u64, run: String, elapsed: Duration) -> SoakReport {
        self.latencies.sort_unstable();
        let at = |permille: usize| {
            let index = self.latencies.len().saturating_sub(1) * permille / 1_000;
            Duration::from_micros(self.latencies.get(index).copied().unwrap_or_default().into())
        };
        SoakReport {
            seed,
            run,
            elapsed,
            steps: self.steps.iter().map(|(step, count)| ((*step).to_owned(), *count)).collect(),
            calls: self.calls,
            duplicates: self.duplicates,
            lost: self.lost,
            replays: self.replays,
            retries: self.retries,
            no_answers: self.no_answers,
            busy: self.busy,
            given_up: self.given_up,
            median: at(500),
            p99: at(990),
            slowest: at(1_000),
            violation_count: self.violation_count,
            violations: self.violations,
            expectations: self.expectations,
        }
    }
}

/// What a soak did, what it found, and what must be true afterwards.
#[derive(Debug, Clone, Serialize)]
pub struct SoakReport {
    /// Repeats the decisions.
    pub seed: u64,
    /// The tag in every order id of this soak.
    pub run: String,
    /// How long it took.
    pub elapsed: Duration,
    /// How often each step was taken.
    pub steps: BTreeMap<String, u64>,
    /// Requests sent, of every kind.
    pub calls: u64,
    /// Of them, parallel duplicates.
    pub duplicates: u64,
    /// Of them, calls whose answer was thrown away.
    pub lost: u64,
    /// Of them, the very same bytes sent again.
    pub replays: u64,
    /// Calls repeated because no acknowledgement came.
    pub retries: u64,
    /// Calls without an answer.
    pub no_answers: u64,
    /// Answers of 000005.
    pub busy: u64,
    /// Calls that were never acknowledged.
    pub given_up: u64,
    /// Half of the answers came within this.
    pub median: Duration,
    /// 99 of 100 answers came within this.
    pub p99: Duration,
    /// The slowest answer.
    pub slowest: Duration,
    /// All violations, also those beyond the list.
    pub violation_count: u64,
    /// The first violations.
    pub violations: Vec<Violation>,
    /// What the service's own records must show: compare all of them.
    pub expectations: Vec<Expected>,
}

impl SoakReport {
    /// No violation was seen. The comparison with the service's records is still to be made.
    pub fn passed(&self) -> bool {
        self.violation_count == 0
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customers = self.expectations.len();
        writeln!(f, "soak: {customers} customers, {} calls in {:.1} s", self.calls, self.elapsed.as_secs_f64())?;
        writeln!(f, "  seed {} (run {})", self.seed, self.run)?;
        for (step, count) in &self.steps {
            writeln!(f, "  {step:<36} {count:>8}")?;
        }
        writeln!(f, "  parallel duplicates {}, lost answers {}, replays {}", self.duplicates, self.lost, self.replays)?;
        let Self { retries, no_answers, busy, given_up, .. } = self;
        writeln!(f, "  retries {retries}, without answer {no_answers}, 000005 {busy}, never acknowledged {given_up}")?;
        let Self { median, p99, slowest, .. } = self;
        writeln!(f, "  answers: median {median:.1?}, p99 {p99:.1?}, slowest {slowest:.1?}")?;
        if self.passed() {
            return writeln!(f, "  no violation");
        }
        writeln!(f, "  {} violations, the first of them:", self.violation_count)?;
        self.violations.iter().take(20).try_for_each(|violation| writeln!(f, "    {violation}"))
    }
}
