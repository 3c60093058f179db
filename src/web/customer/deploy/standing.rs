//! What the card at the top of a deployment's page says: how it stands, why it does not go on, what a look at the cloud
//! found.

use crate::{
    base::time::Time,
    provision::run::{Goal, Stage, Status},
    usecase::deployment::{Deployment, Obstacle, Sighting, show::Ended},
    web::{customer::state::minute, html::Words},
};

use super::words;

/// Why it does not go on.
pub struct Why {
    /// What happened.
    pub message: String,
    /// The cloud's code, or the machine's.
    pub code: Option<String>,
    /// By which the cloud's support finds the call.
    pub request_id: Option<String>,
    /// What to do.
    pub advice: &'static str,
}

impl Why {
    /// Of what was written down.
    pub fn of(t: Words, it: &Obstacle) -> Self {
        Self {
            message: words::sentence(it.message.get(t.0)),
            code: it.code.clone(),
            request_id: it.request_id.clone(),
            advice: it.advice(t.0),
        }
    }
}

/// What the last look that somebody asked for found.
pub struct Looked {
    /// When.
    pub at: String,
    /// What the server does.
    pub state: &'static str,
    /// Its address.
    pub address: Option<String>,
    /// Why nothing was found out.
    pub why: Option<Why>,
}

impl Looked {
    /// Of what was written down.
    pub fn of(t: Words, it: &Sighting) -> Self {
        Self {
            at: minute(t, it.at),
            state: words::server(t, it.state),
            address: it.address.clone(),
            why: it.obstacle.as_ref().map(|it| Why::of(t, it)),
        }
    }
}

/// The license does not hold any more.
pub struct Over {
    /// Why.
    pub what: &'static str,
    /// When the software stops, or stopped, by its lease.
    pub stops: Option<String>,
    /// Whether it has stopped.
    pub stopped: bool,
}

impl Over {
    /// Of a license that ended.
    pub fn of(t: Words, it: Ended, now: Time) -> Self {
        Self {
            what: words::ended(t, it.reason),
            stops: it.runs_until.map(|at| minute(t, at)),
            stopped: it.runs_until.is_some_and(|at| at <= now),
        }
    }
}

/// What its standing means, and what to do.
pub fn advice(t: Words, it: &Deployment) -> &'static str {
    let own = !it.plan.place.cloud.makes_servers();
    match (it.record.status, it.record.goal) {
        (Status::Running, Goal::Deploy) if own && it.record.stage <= Stage::BootstrapCalled => {
            t.pick("请在服务器上运行下面的命令。", "Run the command below on your server.")
        }
        (Status::Running, Goal::Deploy) => t.pick(
            "通常需要几分钟。您可以关闭这个页面，部署会继续。",
            "It usually takes a few minutes. You may close this page; the deployment goes on.",
        ),
        (Status::Running, Goal::Remove) => {
            t.pick("正在删除它创建的一切。", "Everything that it made is being removed.")
        }
        (Status::NeedsCredentials, _) => t.pick(
            "云凭证已过期或已删除。请重新填写，从中断处继续。",
            "The credentials are over, or were forgotten. Enter them again: it goes on where it stopped.",
        ),
        (Status::Failed, _) => t.pick(
            "您可以继续、保留现场以供检查，或删除。",
            "You can resume it, keep what is there to look at it, or remove it.",
        ),
        (Status::Kept, _) => {
            t.pick("一切保持原样，云服务商可能继续收费。", "Everything stays as it is; the cloud may go on billing it.")
        }
        (Status::Healthy, _) => t.pick("软件已安装、激活，可以使用。", "It is installed, licensed and healthy."),
        (Status::Gone, _) => t.pick(
            "云端已没有这台服务器，而且不是在这里删除的。",
            "The cloud no longer has the server, and it was not removed here.",
        ),
        (Status::Removed, _) => t.pick("它创建的一切都已删除。", "Everything that it made is removed."),
    }
}
