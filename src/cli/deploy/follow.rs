//! Watches a deployment: a bar over its stages with the log above it, or plain lines where nobody watches.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{base::ids::DeploymentId, cli::terminal::errln, provision::run::Stage};

use super::{
    Outcome,
    api::{Service, Silent, Whole},
    show,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Looks in a row that may go unanswered before watching ends: the deployment itself does not mind. A service that does
/// not answer at all takes some seconds for each.
const PATIENCE: u32 = 120;

/// Watches until nothing more happens by itself, then shows the result.
///
/// # Errors
/// The service's, once it has been silent for long.
pub async fn follow(service: &Service, id: DeploymentId) -> anyhow::Result<Outcome> {
    let mut watch = Watch::new();
    loop {
        let whole: Whole = match service.get(&format!("/{id}?after={}", watch.after)).await {
            Ok(whole) => whole,
            Err(error) if error.is::<Silent>() && watch.silent < PATIENCE => {
                watch.silence(&error);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let more = watch.news(&whole);
        if Outcome::of(&whole) != Outcome::Running && !more {
            watch.bar.finish_and_clear();
            show::print(&whole);
            return Ok(Outcome::of(&whole));
        }
        if !more {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What was shown so far.
struct Watch {
    bar: ProgressBar,
    /// Number of the last line.
    after: u64,
    /// The stage that was named last, and the goal.
    stage: (String, String),
    /// Looks in a row without an answer.
    silent: u32,
}

impl Watch {
    fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(Stage::ALL.len() as u64)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        Self { bar, after: 0, stage: Default::default(), silent: 0 }
    }

    /// Shows what is new; says whether there was a line, after which more may wait.
    fn news(&mut self, whole: &Whole) -> bool {
        self.silent = 0;
        let stage = (whole.goal.clone(), whole.stage.clone());
        if stage != self.stage {
            let expected = whole.stages.iter().rev().find(|it| it.stage == whole.stage).map(|it| it.expected_seconds);
            let usually = expected.map(|seconds| format!(", usually {seconds} s")).unwrap_or_default();
            let what = if whole.goal == "remove" { "removing".to_owned() } else { whole.stage.replace('_', " ") };
            if self.bar.is_hidden() {
                errln!("== {what}{usually}");
            }
            self.bar.set_message(format!("{what}{usually}"));
            self.stage = stage;
        }
        self.bar.set_position(done(whole));
        let before = self.after;
        for line in &whole.lines {
            self.say(&format!("{} {:7} {}", line.at, line.source, line.text));
            self.after = self.after.max(line.number);
        }
        self.after > before
    }

    fn silence(&mut self, error: &anyhow::Error) {
        self.silent += 1;
        if self.silent == 1 {
            self.say(&format!("signet: {error}; asking again, the deployment goes on meanwhile"));
        }
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            errln!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

/// Stages that ended.
fn done(whole: &Whole) -> u64 {
    let reached = Stage::ALL.iter().position(|stage| stage.as_str() == whole.stage).unwrap_or(0);
    (reached + usize::from(whole.status == "healthy")) as u64
}
