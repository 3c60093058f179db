//! Verdicts, steps and soak reports as plain text. Colour only when it is asked for; nothing here prints.

use std::fmt::Write as _;

use crate::{
    play::StepReport,
    reply::Reply,
    soak::SoakReport,
    verdict::{Outcome, RuleResult, Verdict},
};

/// How a report looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours; for terminals.
    pub colour: bool,
    /// Passed rules too; otherwise only what needs attention.
    pub verbose: bool,
}

impl Style {
    fn paint(self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Pass => "32",
            Outcome::Note => "33",
            Outcome::Fail => "31",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Note => "note",
        Outcome::Fail => "FAIL",
    }
}

fn worst(verdict: &Verdict) -> Outcome {
    verdict.rules.iter().map(|result| result.outcome).max().unwrap_or(Outcome::Pass)
}

/// Every rule of a verdict (in brief: those that did not pass) on its own line, with advice below.
pub fn verdict(verdict: &Verdict, style: Style) -> String {
    let shown = verdict.rules.iter().filter(|result| style.verbose || result.outcome != Outcome::Pass);
    shown.map(|result| rule(result, style)).collect()
}

fn rule(result: &RuleResult, style: Style) -> String {
    let mark = style.paint(result.outcome, word(result.outcome));
    let name = result.rule.name();
    if result.outcome == Outcome::Pass {
        return format!("    {mark}  {name:<17} {}\n", result.seen);
    }
    let mut out = format!("    {mark}  {name:<17} expected {}\n", result.expected);
    let seen = if result.seen.is_empty() { "nothing" } else { &result.seen };
    let _ = writeln!(out, "    {:<24}seen     {seen}", "");
    if !result.advice.is_empty() {
        let _ = writeln!(out, "    {:<24}do       {}", "", result.advice);
    }
    out
}

/// The columns' titles of [`step`].
pub fn step_header() -> String {
    format!("{:<5} {:<12} {:<40} {:<23} {:<6} {:>7}\n", "", "line", "step", "activity", "code", "ms")
}

/// One step on one line, followed by what did not pass.
pub fn step(step: &StepReport, style: Style) -> String {
    let outcome = worst(&step.verdict);
    let mark = style.paint(outcome, word(outcome));
    let code = step.answer.as_ref().ok().and_then(Reply::code).unwrap_or_else(|| "—".to_owned());
    let code: String = code.chars().filter(|c| !c.is_control()).take(6).collect();
    let time = step.answer.as_ref().map_or_else(|_| "—".to_owned(), |reply| reply.elapsed.as_millis().to_string());
    let activity: String = step.activity.chars().filter(|c| !c.is_control()).take(23).collect();
    let mut out = format!("{mark}  {:<12} {:<40} {activity:<23} {code:<6} {time:>7}\n", step.line, step.title);
    if style.verbose && !step.request.is_empty() {
        let _ = writeln!(out, "    {}", step.request);
    }
    out.push_str(&verdict(&step.verdict, style));
    out
}

/// A table of steps with a closing sentence.
pub fn steps(steps: &[StepReport], style: Style) -> String {
    let mut out = step_header();
    for one in steps {
        out.push_str(&step(one, style));
    }
    out.push_str(&summary(steps, style));
    out
}

/// How many steps passed, in one sentence.
pub fn summary(steps: &[StepReport], style: Style) -> String {
    let failed = steps.iter().filter(|step| !step.passed()).count();
    let (outcome, text) = match (steps.len(), failed) {
        (0, _) => (Outcome::Note, "No step was played.".to_owned()),
        (all, 0) => (Outcome::Pass, format!("All {all} steps were answered as the marketplace asks.")),
        (all, failed) => (Outcome::Fail, format!("{failed} of {all} steps would not be accepted by the marketplace.")),
    };
    format!("{}\n", style.paint(outcome, &text))
}

/// A soak's counts and violations.
pub fn soak(report: &SoakReport, style: Style) -> String {
    let outcome = if report.passed() { Outcome::Pass } else { Outcome::Fail };
    format!("{report}{}\n", style.paint(outcome, if report.passed() { "PASSED" } else { "FAILED" }))
}
