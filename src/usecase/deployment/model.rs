//! A deployment, and the moves that everything about it is made of.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    base::{
        ids::DeploymentId,
        text::{Language, Wording},
        time::Time,
    },
    license::{
        activation::{Claim, Reason, objection},
        model::License,
    },
    provision::{
        plan::{Cloud, Plan},
        provider::{Accepted, CloudError, Removal, ServerState, Trouble},
        run::{Goal, LineSource, Position, Stage, Status},
    },
    store::{DeploymentRecord, StageRecord, Tx},
};

use super::{
    super::{Context, Done, Failure, change, verdict},
    log,
};

/// A deployment as it is stored, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The row.
    pub record: DeploymentRecord,
    /// What was chosen.
    pub plan: Plan,
}

/// Why a deployment does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// The stage it happened in.
    pub stage: Stage,
    /// A stable name: of a [`crate::provision::provider::Trouble`], `deadline`, `license`, `password`, `machine`.
    pub kind: String,
    /// What happened.
    pub message: Wording,
    /// The cloud's code, or the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// By which the cloud's support finds the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What a look at the cloud found of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When.
    pub at: Time,
    /// What the server does; `None`: the look found out nothing.
    pub state: Option<ServerState>,
    /// Its address.
    pub address: Option<String>,
    /// Why nothing was found out.
    pub obstacle: Option<Obstacle>,
}

impl Obstacle {
    /// An obstacle without a code.
    pub fn new(stage: Stage, kind: &str, message: impl Into<Wording>) -> Self {
        Self { stage, kind: kind.to_owned(), message: message.into(), code: None, request_id: None }
    }

    /// What to do next.
    pub fn advice(&self, language: Language) -> &'static str {
        if let Some(trouble) = Trouble::ALL.into_iter().find(|it| it.as_str() == self.kind) {
            return trouble.advice(language);
        }
        let (zh, en) = match self.kind.as_str() {
            "deadline" => (
                "这一步用时过长。请查看日志后继续，或删除。",
                "A stage took too long. Look at the log, then resume or remove.",
            ),
            "password" => ("请删除，然后重新部署。", "Remove it, then deploy anew."),
            "license" => ("请查看许可证的状态，之后继续。", "See how the license stands, then resume."),
            _ => ("请查看日志后继续，或删除。", "Look at the log, then resume or remove."),
        };
        match language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    /// What a cloud said.
    pub fn cloud(stage: Stage, error: &CloudError) -> Self {
        Self {
            stage,
            kind: error.trouble.as_str().to_owned(),
            message: error.message.clone(),
            code: error.code.clone(),
            request_id: error.request_id.clone(),
        }
    }
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        self.request_id.as_ref().map_or(Ok(()), |id| write!(f, " [request {id}]"))
    }
}

impl Deployment {
    /// The deployment with this id.
    ///
    /// # Errors
    /// The database's; [`Failure::Missing`] when its plan cannot be read.
    pub fn load(tx: &mut Tx, id: DeploymentId) -> Done<Option<Self>> {
        tx.deployment_find(id)?.map(Self::of).transpose()
    }

    /// Takes a row apart.
    ///
    /// # Errors
    /// [`Failure::Missing`] when its plan cannot be read.
    pub fn of(record: DeploymentRecord) -> Done<Self> {
        let plan = serde_json::from_value(record.plan.clone()).map_err(|error| {
            Failure::Missing(format!("the plan of deployment {} cannot be read: {error}", record.id))
        })?;
        Ok(Self { record, plan })
    }

    /// Its goal and status.
    pub fn position(&self) -> Position {
        Position { goal: self.record.goal, status: self.record.status }
    }

    /// What the cloud answered to the order.
    ///
    /// # Errors
    /// [`Failure::Missing`] when it cannot be read.
    pub fn accepted(&self) -> Done<Option<Accepted>> {
        self.read(self.record.accepted.as_deref())
    }

    /// What the cloud answered to the removal.
    ///
    /// # Errors
    /// [`Failure::Missing`] when it cannot be read.
    pub fn removal(&self) -> Done<Option<Removal>> {
        self.read(self.record.removal.as_deref())
    }

    /// Why it does not go on.
    ///
    /// # Errors
    /// [`Failure::Missing`] when it cannot be read.
    pub fn obstacle(&self) -> Done<Option<Obstacle>> {
        self.read(self.record.trouble.as_deref())
    }

    /// What the last look that somebody asked for found.
    ///
    /// # Errors
    /// [`Failure::Missing`] when it cannot be read.
    pub fn sighting(&self) -> Done<Option<Sighting>> {
        self.read(self.record.sighting.as_deref())
    }

    /// The cloud's id of the server, where one is known.
    ///
    /// # Errors
    /// [`Failure::Missing`] when it cannot be read.
    pub fn server(&self) -> Done<Option<String>> {
        Ok(self.accepted()?.and_then(|accepted| accepted.server))
    }

    /// A column that holds JSON.
    ///
    /// # Errors
    /// [`Failure::Missing`] when it cannot be read.
    pub fn read<T: for<'a> Deserialize<'a>>(&self, text: Option<&str>) -> Done<Option<T>> {
        text.map(serde_json::from_str).transpose().map_err(|error| {
            Failure::Missing(format!("what is stored of deployment {} cannot be read: {error}", self.record.id))
        })
    }

    /// Whether it works on `stage`.
    pub fn is_at(&self, stage: Stage) -> bool {
        self.is_deploying() && self.record.stage == stage
    }

    /// Whether it is on its way to software that runs.
    pub fn is_deploying(&self) -> bool {
        self.position() == Position::START
    }

    /// Whether it is on its way to be removed.
    pub fn is_removing(&self) -> bool {
        self.position() == Position { goal: Goal::Remove, status: Status::Running }
    }

    /// Whether somebody asked for a look at the cloud, which is not done yet: only that lets a worker see to a deployment
    /// that is at rest.
    pub fn is_checking(&self) -> bool {
        self.record.status != Status::Running && self.record.next_at.is_some()
    }

    /// Begins `stage`; those before it have ended. One that was passed over, because a machine was faster than its cloud or
    /// said two things at once, began and ended now: all of them are to be seen.
    ///
    /// # Errors
    /// The database's.
    pub fn enter(&mut self, tx: &mut Tx, ctx: Context, stage: Stage) -> Done<()> {
        if self.record.stage != stage {
            tx.stage_end(self.record.id, self.record.stage, ctx.now)?;
        }
        let mut passed = self.record.stage.next();
        // A server that exists is never ordered.
        let own = self.plan.place.cloud == Cloud::Own;
        while let Some(between) = passed.filter(|between| *between < stage && !own) {
            let (id, now) = (self.record.id, ctx.now);
            tx.stage_save(&StageRecord {
                deployment_id: id,
                stage: between,
                started_at: now,
                deadline_at: now,
                ended_at: Some(now),
            })?;
            passed = between.next();
        }
        let deadline_at = ctx.now.saturating_add(self.plan.allowed(stage));
        let began =
            StageRecord { deployment_id: self.record.id, stage, started_at: ctx.now, deadline_at, ended_at: None };
        tx.stage_save(&began)?;
        self.record.stage = stage;
        self.record.deadline_at = Some(deadline_at);
        // A worker that was to look at the end of a longer stage must not miss the end of this one.
        self.record.next_at = self.record.next_at.map(|next| next.min(deadline_at));
        Ok(())
    }

    /// Stops, because of `obstacle`.
    ///
    /// # Errors
    /// The database's.
    pub fn stop(&mut self, tx: &mut Tx, ctx: Context, status: Status, obstacle: &Obstacle) -> Done<()> {
        self.say(tx, ctx, LineSource::Signet, &obstacle.to_string())?;
        self.record.trouble = Some(json!(obstacle).to_string());
        self.settle(ctx, status);
        let detail = json!({ "deployment": self.record.id, "stage": obstacle.stage, "reason": obstacle.kind });
        self.tell(tx, ctx, if status == Status::Gone { "deployment_gone" } else { "deployment_stopped" }, detail)
    }

    /// Comes to rest: nothing happens any more unless somebody asks for it, and the credentials are forgotten.
    pub fn settle(&mut self, ctx: Context, status: Status) {
        self.record.status = status;
        self.record.ended_at = Some(ctx.now);
        self.rest();
    }

    /// Leaves it as it stands: no worker sees to it, and the credentials are forgotten.
    pub fn rest(&mut self) {
        self.record.credentials = None;
        self.record.worker = None;
        self.record.next_at = None;
        self.record.deadline_at = None;
        self.record.absences = 0;
    }

    /// A line of its log.
    ///
    /// # Errors
    /// The database's.
    pub fn say(&self, tx: &mut Tx, ctx: Context, source: LineSource, text: &str) -> Done<()> {
        log::add(tx, ctx, self.record.id, self.record.stage, source, log::clean(text))
    }

    /// A line of the license's history.
    ///
    /// # Errors
    /// The database's.
    pub fn tell(&self, tx: &mut Tx, ctx: Context, event: &str, detail: serde_json::Value) -> Done<()> {
        match tx.license_find(self.record.license_id)? {
            Some(license) => change::record(tx, ctx, &license, event, detail),
            None => Ok(()),
        }
    }

    /// Stores it.
    ///
    /// # Errors
    /// The database's; [`Failure::Missing`] when it was changed since it was read, which a transaction rules out.
    pub fn save(&mut self, tx: &mut Tx, ctx: Context) -> Done<()> {
        self.record.updated_at = ctx.now;
        if !tx.deployment_update(&self.record)? {
            return Err(Failure::Missing(format!("deployment {} changed meanwhile", self.record.id)));
        }
        self.record.version += 1;
        Ok(())
    }

    /// When a worker looks at it next: after `seconds`, but not later than its deadline. Whoever is on it now has no say in
    /// that any more.
    pub fn look_again(&mut self, now: Time, seconds: i64) {
        let next = now.saturating_add(jiff::SignedDuration::from_secs(seconds));
        self.record.worker = None;
        self.record.next_at = Some(self.record.deadline_at.map_or(next, |deadline| next.min(deadline.max(now))));
    }
}

/// Why the license permits no deployment now; `None`: it does.
pub fn refusal(ctx: Context, license: &License) -> Option<Reason> {
    let nothing = signet_verify::claims::Components::default();
    let claim = Claim { product: None, version: None, feature: None, components: &nothing, code_revoked: false };
    objection(license, &verdict::rules(ctx, license), &claim, ctx.now)
}
