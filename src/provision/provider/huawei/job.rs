//! Jobs: what became of an order or a removal.

use serde_json::Value;

use crate::{
    base::{percent::encode, text::Wording},
    provision::provider::{
        Answer,
        error::{CloudError, Trouble},
        made::*,
    },
};

use super::{
    Huawei,
    call::Call,
    endpoint::Service,
    json::{list, text},
    refusal::by_code,
};

/// A job as it is now.
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    /// What it does.
    pub state: JobState,
    /// The server it makes, as soon as there is one: while it is still running.
    pub server: Option<String>,
    /// Why it failed: the innermost code and reason.
    failure: (Option<String>, Option<String>),
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Under way.
    Running,
    /// Waits for money and never goes on by itself.
    Unpaid,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

impl Job {
    /// Reads an answer; `None` for a state that nobody foresaw.
    fn read(answer: &Value) -> Option<Self> {
        let state = match text(answer, "/status")? {
            "INIT" | "RUNNING" => JobState::Running,
            "PENDING_PAYMENT" => JobState::Unpaid,
            "SUCCESS" => JobState::Done,
            "FAIL" => JobState::Failed,
            _ => return None,
        };
        let steps = list(answer, "/entities/sub_jobs");
        let server = steps.iter().find_map(|step| text(step, "/entities/server_id"));
        let server = server.or_else(|| text(answer, "/entities/server_id")).map(str::to_owned);
        // That something could not be undone outweighs what went wrong first.
        let all: Vec<&Value> = steps.iter().chain([answer]).filter(|step| code(step).is_some()).collect();
        let leaks = |step: &&&Value| code(step).and_then(|code| by_code(code, "")) == Some(Trouble::Leftover);
        let told = all.iter().find(leaks).or(all.first()).copied();
        let reason =
            |step: &Value| text(step, "/fail_reason").or(text(step, "/entities/errorcode_message")).map(str::to_owned);
        let failure = (told.and_then(code).map(str::to_owned), told.and_then(reason));
        Some(Self { state, server, failure })
    }

    /// Why it failed.
    pub fn error(&self) -> CloudError {
        let (code, reason) = &self.failure;
        let trouble = match self.state {
            JobState::Unpaid => Trouble::Payment,
            _ => code.as_deref().and_then(|code| by_code(code, "")).unwrap_or(Trouble::Unexpected),
        };
        let reason = reason.as_deref().unwrap_or(match self.state {
            JobState::Unpaid => "The order waits for a payment.",
            _ => "The cloud gave up without a reason.",
        });
        CloudError::new(trouble, reason).with(code.clone(), None)
    }
}

fn code(step: &Value) -> Option<&str> {
    text(step, "/error_code")
}

/// A server of which no more than the id is known.
fn bare(id: &str) -> Resource {
    Resource { kind: ResourceKind::Server, id: id.to_owned(), name: None }
}

impl Huawei {
    pub(super) async fn job(&self, id: &str) -> Answer<Job> {
        let path = format!("/v1/{}/jobs/{}", self.project().await?, encode(id.as_bytes()));
        let answer = self.call(&Call::get(Service::Ecs, path)).await?;
        Job::read(&answer).ok_or_else(|| {
            let state = text(&answer, "/status").unwrap_or("none");
            let message = Wording::both(
                format!("云端任务的状态未知：{state}。"),
                format!("The cloud's job has an unknown state: {state}."),
            );
            CloudError::new(Trouble::Unexpected, message)
        })
    }

    pub(super) async fn order_progress(&self, accepted: &Accepted) -> Answer<Progress> {
        let Some(id) = &accepted.job else {
            return self.found_progress(accepted.server.as_deref()).await;
        };
        let job = self.job(id).await?;
        let server = job.server.clone().or_else(|| accepted.server.clone());
        match (job.state, &server) {
            (JobState::Running, _) => Ok(Progress::Pending { server }),
            (JobState::Done, Some(id)) => match self.show(id).await? {
                Some(server) => Ok(Progress::Created(server)),
                // Right after an order the list does not know it yet.
                None => Ok(Progress::Pending { server }),
            },
            (JobState::Done, None) => {
                let message = ("云端任务已完成，但没有给出服务器。", "The cloud's job is done but names no server.");
                Err(CloudError::new(Trouble::Unexpected, message))
            }
            (JobState::Failed | JobState::Unpaid, _) => {
                Ok(Progress::Failed { left: self.left(server.as_deref()).await, error: job.error() })
            }
        }
    }

    /// What a failed order left. Where the cloud does not tell, the server counts as left: deleting it twice does no harm.
    async fn left(&self, server: Option<&str>) -> Vec<Resource> {
        let Some(id) = server else { return Vec::new() };
        match self.show(id).await {
            Ok(None) => Vec::new(),
            Ok(Some(server)) => server.resources,
            Err(_) => vec![bare(id)],
        }
    }

    async fn found_progress(&self, id: Option<&str>) -> Answer<Progress> {
        let Some(id) = id else {
            let message = ("这次下单既没有任务，也没有服务器。", "Neither a job nor a server is known of this order.");
            return Err(CloudError::new(Trouble::Unexpected, message));
        };
        let Some(server) = self.show(id).await? else {
            return Ok(Progress::Pending { server: Some(id.to_owned()) });
        };
        Ok(match server.state {
            ServerState::Building => Progress::Pending { server: Some(server.id) },
            ServerState::Broken | ServerState::Gone => {
                let error = CloudError::new(
                    Trouble::Unexpected,
                    ("云端无法启动服务器。", "The cloud could not start the server."),
                );
                Progress::Failed { error, left: server.resources }
            }
            ServerState::Running | ServerState::Stopped => Progress::Created(server),
        })
    }

    pub(super) async fn removal_progress(&self, removal: &Removal) -> Answer<RemovalProgress> {
        if let Some(id) = &removal.job {
            let job = self.job(id).await?;
            match job.state {
                JobState::Running => return Ok(RemovalProgress::Pending),
                // A success of the server alone: an address that was taken off it meanwhile is left, and paid for.
                JobState::Done => return self.remove_rest(&removal.resources).await,
                JobState::Failed | JobState::Unpaid => {}
            }
            let left = self.still_there(&removal.resources).await?;
            let error = job.error();
            return Ok(if left.is_empty() { RemovalProgress::Done } else { RemovalProgress::Failed { error, left } });
        }
        self.remove_rest(&removal.resources).await
    }

    /// Deletes addresses that outlived their server.
    async fn remove_rest(&self, resources: &[Resource]) -> Answer<RemovalProgress> {
        let left = self.still_there(resources).await?;
        for address in left.iter().filter(|it| it.kind == ResourceKind::Address) {
            self.delete_address(&address.id).await?;
        }
        Ok(if left.is_empty() { RemovalProgress::Done } else { RemovalProgress::Pending })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn huawei_jobs_name_the_server_while_they_run_and_empty_texts_are_nothing() {
        let job = json!({"status": "RUNNING", "error_code": "", "end_time": "", "entities": {"sub_jobs": [
            {"status": "RUNNING", "job_type": "createSingleServer", "error_code": "", "fail_reason": "", "entities": {"server_id": "s-1"}}]}});
        let job = Job::read(&job).unwrap();
        assert_eq!((job.state, job.server.as_deref()), (JobState::Running, Some("s-1")));
        assert_eq!(job.failure, (None, None));
        let first = json!({"status": "INIT", "entities": {}, "error_code": null});
        assert_eq!(Job::read(&first).unwrap().server, None);
        assert_eq!(Job::read(&json!({"status": "ODD"})), None);
    }

    #[test]
    fn huawei_a_failed_rollback_outweighs_what_went_wrong_first() {
        let job = json!({"status": "FAIL", "error_code": "Ecs.0018", "fail_reason": "sold out", "entities": {"sub_jobs": [
            {"status": "FAIL", "error_code": "Ecs.0201", "fail_reason": "port", "entities": {"server_id": ""}},
            {"status": "FAIL", "error_code": "Ecs.0403", "fail_reason": "rollback", "entities": {"server_id": "s-1"}}]}});
        let job = Job::read(&job).unwrap();
        assert_eq!(job.error().trouble, Trouble::Leftover);
        assert_eq!(job.error().code.as_deref(), Some("Ecs.0403"));
        assert_eq!(job.server.as_deref(), Some("s-1"));
    }

    #[test]
    fn huawei_an_unpaid_job_is_about_payment() {
        let job = Job::read(&json!({"status": "PENDING_PAYMENT"})).unwrap();
        assert_eq!(job.error().trouble, Trouble::Payment);
    }
}
