//! What went wrong in a step: what happened, the cloud's code and request id, and what to do.

use axum::http::StatusCode;

use crate::{
    provision::provider::CloudError,
    usecase::deployment::start::Refusal,
    web::{deployment::Denied, html::Words, problem::Problem},
};

use super::{
    step::Step,
    words::{self, sentence},
};

/// Something that went wrong.
#[derive(Debug)]
pub struct Fault {
    /// The answer's status.
    pub status: StatusCode,
    /// In a few words.
    pub title: &'static str,
    /// What happened, perhaps in the cloud's own words.
    pub message: Box<str>,
    /// The cloud's code.
    pub code: Option<Box<str>>,
    /// By which the cloud's support finds the call.
    pub request_id: Option<Box<str>>,
    /// What to do.
    pub advice: &'static str,
    /// The field it is about.
    pub field: &'static str,
    /// The step where it can be mended, when that is another than where it happened.
    pub step: Option<Step>,
}

impl Fault {
    /// Something typed that will not do.
    pub fn typed(t: Words, field: &'static str, message: impl Into<Box<str>>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: t.pick("请检查填写的内容", "Please look at this again"),
            message: message.into(),
            code: None,
            request_id: None,
            advice: "",
            field,
            step: None,
        }
    }

    /// The form was sent by another session, or did not arrive whole.
    pub fn stale(t: Words) -> Self {
        let message = t.pick(
            "这个表单已过期，没有执行任何操作。请重试。",
            "This form is out of date, so nothing was done. Try again.",
        );
        Self { status: StatusCode::FORBIDDEN, ..Self::typed(t, "", message) }
    }

    /// Too many questions within a minute.
    pub fn too_many(t: Words) -> Self {
        let message = t.pick(
            "一分钟之内的请求太多，没有执行任何操作。请等一分钟再试。",
            "There were too many requests for this license within a minute, so nothing was done. Wait a minute, then \
             try again.",
        );
        let title = t.pick("请稍等", "A moment, please");
        Self { status: StatusCode::TOO_MANY_REQUESTS, title, ..Self::typed(t, "", message) }
    }

    /// Secrets that are over are typed anew; all else is kept.
    pub fn forgotten(t: Words, step: Step) -> Self {
        let (title, message, field) = match step {
            Step::Access => (
                t.pick("请重新输入密码", "Enter the password again"),
                t.pick(
                    "为了安全，密码最多保留 30 分钟。其他选择都还在。",
                    "To be safe, a password is kept for 30 minutes only. Everything else you chose is still there.",
                ),
                "password",
            ),
            _ => (
                t.pick("请重新输入云凭证", "Enter the credentials again"),
                t.pick(
                    "为了安全，云凭证最多保留 30 分钟。其他选择都还在。",
                    "To be safe, credentials are kept for 30 minutes only. Everything else you chose is still there.",
                ),
                "access_key",
            ),
        };
        Self { title, step: Some(step), ..Self::typed(t, field, message) }
    }

    /// What a cloud said.
    pub fn cloud(t: Words, error: &CloudError) -> Self {
        let step = error.trouble.wants_credentials().then_some(Step::Credentials);
        Self {
            // Not a server's error: those pages say that this service is in trouble.
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: t.pick("云端拒绝了请求", "The cloud refused"),
            message: sentence(error.message.get(t.0)).into(),
            code: error.code.as_deref().map(Box::from),
            request_id: error.request_id.as_deref().map(Box::from),
            advice: error.trouble.advice(t.0),
            field: if step.is_some() { "access_key" } else { "" },
            step,
        }
    }

    /// What the rules say.
    pub fn refused(t: Words, refusal: &Refusal) -> Self {
        let title = t.pick("现在不能部署", "This cannot be deployed now");
        let step = match refusal {
            Refusal::Answer { .. } => Some(Step::Access),
            Refusal::Unfit(_) => Some(Step::Server),
            _ => None,
        };
        Self { title, step, status: StatusCode::CONFLICT, ..Self::typed(t, "", words::refusal(t, refusal)) }
    }

    /// Why a deployment does not begin.
    ///
    /// # Errors
    /// What is no fault of anybody here.
    pub fn denied(t: Words, denied: Denied) -> Result<Self, Problem> {
        match denied {
            Denied::Cloud(error) => Ok(Self::cloud(t, &error)),
            Denied::Refused(refusal) => Ok(Self::refused(t, &refusal)),
            Denied::Password(error) => Ok(Self::typed(t, "password", words::password(t, error))),
            Denied::Failed(failure) => Err(failure.into()),
        }
    }
}
