//! The life of one deployment: its stages, how long each may take, and what may follow what. Pure.
//!
//! A deployment has a goal (to deploy, or to remove again) and a status. Towards [`Goal::Deploy`] it walks through the
//! stages in their order; a stage is what is being worked on, and it ends with the milestone it is named after. What a
//! person may ask of it ([`Wish`]) depends on status and goal alone: [`Position::after`] is the whole table.

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::provider::error::SESSION_TOKENS;

/// What a deployment works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// License, seat, credentials, rights, quota, stock and network are checked before anything is paid for.
    Preflight,
    /// The order is sent; ends when the cloud accepts it.
    Accepted,
    /// The cloud makes the server; ends when it runs.
    ServerCreated,
    /// The server starts; ends with the first call of its bootstrap.
    BootstrapCalled,
    /// The machine downloads and checks the package.
    Downloading,
    /// The machine installs it.
    Installing,
    /// The machine takes its seat of the license.
    Activating,
    /// The software's health is asked for; ends when it is healthy.
    Healthy,
}

impl Stage {
    /// All, in their order.
    pub const ALL: [Self; 8] = [
        Self::Preflight,
        Self::Accepted,
        Self::ServerCreated,
        Self::BootstrapCalled,
        Self::Downloading,
        Self::Installing,
        Self::Activating,
        Self::Healthy,
    ];

    /// The one after it.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| *stage > self)
    }

    /// Whether the machine works on it, and tells by its reports; the others are this service's.
    pub fn is_on_the_machine(self) -> bool {
        self >= Self::BootstrapCalled
    }

    /// How long it usually takes.
    pub fn expected(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::Preflight | Self::Accepted | Self::Activating => 5,
            Self::ServerCreated => 90,
            Self::BootstrapCalled => 60,
            Self::Downloading => 30,
            Self::Installing => 60,
            Self::Healthy => 15,
        })
    }

    /// How long it may take before the reaper ends it. Installation and health have the recipe's limits instead.
    pub fn allowed(self) -> SignedDuration {
        SignedDuration::from_mins(match self {
            Self::Preflight | Self::Accepted | Self::Activating => 5,
            Self::ServerCreated => 20,
            Self::BootstrapCalled => 15,
            Self::Downloading | Self::Installing => 30,
            Self::Healthy => 10,
        })
    }
}

/// What a deployment is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Software that runs.
    Deploy,
    /// Nothing left of what it made.
    Remove,
}

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is being worked on.
    Running,
    /// It waits for credentials: they are over, wrong or forgotten.
    NeedsCredentials,
    /// Something went wrong; it waits for a wish.
    Failed,
    /// It failed and is left as it is, to be looked at.
    Kept,
    /// The software runs.
    Healthy,
    /// The server is no longer at the cloud, and this service did not remove it.
    Gone,
    /// All that it made is removed.
    Removed,
}

/// What a person asks of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Go on where it stopped, with new credentials if some are given.
    Resume,
    /// Leave what is there, to be looked at.
    Keep,
    /// Remove what it made: cancel, clean up, or uninstall.
    Remove,
    /// Look at the cloud whether its server is still there; it stays as it is meanwhile.
    Check,
}

/// Where a deployment stands: its goal and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// What it is to come to.
    pub goal: Goal,
    /// How it stands.
    pub status: Status,
}

/// A wish that has no meaning now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// It stands otherwise.
    #[error("a deployment that is {status} cannot {wish}")]
    Stands {
        /// How it stands.
        status: Status,
        /// What was asked.
        wish: Wish,
    },
    /// There is nothing to look at.
    #[error("this deployment has no server at a cloud: there is nothing to look at")]
    NoServer,
    /// A look needs them, and changes nothing while it waits.
    #[error("credentials are needed to look at the cloud: the earlier ones were forgotten")]
    Credentials,
    /// The token of temporary credentials must not go where the deployment is.
    #[error("{}", SESSION_TOKENS.1)]
    SessionTokens,
}

impl Position {
    /// The beginning.
    pub const START: Self = Self { goal: Goal::Deploy, status: Status::Running };

    /// The position after a wish. A wish that is granted already is granted again.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn after(self, wish: Wish) -> Result<Self, NotNow> {
        use Status::{Failed, Gone, Healthy, Kept, NeedsCredentials, Removed, Running};
        let running = |goal| Ok(Self { goal, status: Running });
        match (wish, self.goal, self.status) {
            // What is removed stays removed, and asking again does no harm.
            (Wish::Remove, _, Removed) => Ok(self),
            (Wish::Remove, Goal::Remove, Running) => Ok(self),
            (Wish::Remove, _, _) => running(Goal::Remove),
            (Wish::Resume, goal, Failed | NeedsCredentials | Kept) => running(goal),
            (Wish::Resume, _, Running) => Ok(self),
            (Wish::Keep, goal, Failed | NeedsCredentials | Kept) => Ok(Self { goal, status: Kept }),
            (Wish::Check, _, Healthy | Failed | Kept | Gone) => Ok(self),
            (wish, _, status @ (Running | NeedsCredentials | Healthy | Gone | Removed)) => {
                Err(NotNow::Stands { status, wish })
            }
        }
    }
}

/// Who says a line of a deployment's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineSource {
    /// This service.
    Signet,
    /// The cloud: its console log.
    Cloud,
    /// The machine, by its bootstrap.
    Machine,
}

macro_rules! names {
    ($type:ident, $what:literal: $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// The name in the database, in answers and in logs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(format!("`{text}` is no {} of a deployment", $what)),
                }
            }
        }
    };
}

names!(Stage, "stage": Preflight = "preflight", Accepted = "accepted", ServerCreated = "server_created",
    BootstrapCalled = "bootstrap_called", Downloading = "downloading", Installing = "installing",
    Activating = "activating", Healthy = "healthy");
names!(Goal, "goal": Deploy = "deploy", Remove = "remove");
names!(Status, "status": Running = "running", NeedsCredentials = "needs_credentials", Failed = "failed",
    Kept = "kept", Healthy = "healthy", Gone = "gone", Removed = "removed");
names!(LineSource, "source": Signet = "signet", Cloud = "cloud", Machine = "machine");
names!(Wish, "wish": Resume = "resume", Keep = "keep", Remove = "remove", Check = "check");

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [Status; 7] = [
        Status::Running,
        Status::NeedsCredentials,
        Status::Failed,
        Status::Kept,
        Status::Healthy,
        Status::Gone,
        Status::Removed,
    ];

    /// The whole table, a line a wish: what comes of each status, in the order of [`STATUSES`].
    #[test]
    fn wishes_follow_the_table() {
        let table = [
            (Wish::Resume, Goal::Deploy, "deploy/running deploy/running deploy/running deploy/running - - -"),
            (Wish::Resume, Goal::Remove, "remove/running remove/running remove/running remove/running - - -"),
            (Wish::Keep, Goal::Deploy, "- deploy/kept deploy/kept deploy/kept - - -"),
            (Wish::Keep, Goal::Remove, "- remove/kept remove/kept remove/kept - - -"),
            (Wish::Check, Goal::Deploy, "- - deploy/failed deploy/kept deploy/healthy deploy/gone -"),
            (Wish::Check, Goal::Remove, "- - remove/failed remove/kept remove/healthy remove/gone -"),
            (
                Wish::Remove,
                Goal::Deploy,
                "remove/running remove/running remove/running remove/running remove/running remove/running \
                 deploy/removed",
            ),
            (
                Wish::Remove,
                Goal::Remove,
                "remove/running remove/running remove/running remove/running remove/running remove/running \
                 remove/removed",
            ),
        ];
        for (wish, goal, expected) in table {
            let outcome = |status| match (Position { goal, status }).after(wish) {
                Ok(after) => format!("{}/{}", after.goal, after.status),
                Err(_) => "-".to_owned(),
            };
            assert_eq!(STATUSES.map(outcome).join(" "), expected, "{wish} towards {goal}");
        }
    }

    #[test]
    fn stages_follow_one_another_to_the_end() {
        let mut stage = Stage::Preflight;
        let mut seen = vec![stage];
        while let Some(next) = stage.next() {
            stage = next;
            seen.push(stage);
        }
        assert_eq!(seen, Stage::ALL);
        assert!(Stage::ALL.iter().all(|stage| stage.expected() < stage.allowed()));
        assert!(Stage::ALL.iter().all(|stage| stage.as_str().parse() == Ok(*stage)));
    }

    #[test]
    fn a_wish_that_is_refused_says_why() {
        let refused = Position { goal: Goal::Deploy, status: Status::Healthy }.after(Wish::Keep).unwrap_err();
        assert_eq!(refused.to_string(), "a deployment that is healthy cannot keep");
    }
}
