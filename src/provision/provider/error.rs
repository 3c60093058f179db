//! What can go wrong at a cloud: what happened, the cloud's own code, its request id, and what to do next.

use crate::base::{
    limits,
    text::{Language, Wording},
};

/// Characters of a cloud's own words that are kept.
const MESSAGE_CHARS: usize = 500;

/// Why the token of temporary credentials was not sent.
pub const SESSION_TOKENS: (&str, &str) = (
    "除非在终端节点旁边明确同意（`session_tokens`），否则不会把临时凭证发送到自填的终端节点：在那里应答的人可以使用它们。",
    "Temporary credentials are not sent to an endpoint of one's own unless that is confirmed beside it (`session_tokens`): \
     whoever answers there could use them.",
);

/// Nobody answered within the time that is given.
pub const TOO_LONG: (&str, &str) = ("云端应答的时间太长", "the cloud took too long to answer");
/// Not who was asked for, but nobody.
pub(super) const NOBODY: (&str, &str) =
    ("云端没有说明这些凭证属于谁。", "The cloud does not say whose credentials these are.");
/// No account is that large: somebody else answers.
pub(super) const TOO_MUCH: (&str, &str) =
    ("云端返回的列表比任何云都长。", "The cloud's list is longer than any cloud's.");
/// Characters that would break a header.
pub(super) const UNSENDABLE: (&str, &str) =
    ("访问密钥或令牌含有无法发送的字符。", "The access key or the token has characters that cannot be sent.");

/// A script that no cloud takes.
pub(super) fn script_too_long(script: &str) -> CloudError {
    let (bytes, most) = (script.len(), limits::USER_DATA_BYTES);
    let message = Wording::both(
        format!("服务器的启动脚本有 {bytes} 字节，最多 {most} 字节。"),
        format!("The server's start script has {bytes} bytes; {most} are allowed."),
    );
    CloudError::new(Trouble::Choice, message)
}

/// A call that failed. Nothing of it holds a secret: providers scrub before they build one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{trouble:?}: {message}{}{}", code_in_brackets(code.as_deref()), id_in_brackets(request_id.as_deref()))]
pub struct CloudError {
    /// What it means.
    pub trouble: Trouble,
    /// The cloud's code, such as `Ecs.0018` or `InsufficientInstanceCapacity`.
    pub code: Option<String>,
    /// The cloud's own words, or ours where it had none.
    pub message: Wording,
    /// By which the cloud's support finds the call.
    pub request_id: Option<String>,
}

/// What an error means for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Wrong access key or secret.
    Credentials,
    /// Temporary credentials that are over.
    Expired,
    /// An agency that is not there or does not trust the merchant's account.
    Agency,
    /// A right that the credentials lack.
    Permission,
    /// The clocks of this service and the cloud differ.
    Clock,
    /// The account's quota is used up.
    Quota,
    /// Sold out or no capacity.
    Capacity,
    /// Balance, payment method, or real-name check.
    Payment,
    /// Something that was chosen does not exist (any more) or does not fit together.
    Choice,
    /// A name or id that the cloud does not know.
    NotFound,
    /// Too many calls.
    Throttled,
    /// The attempt was made before with other contents, or is too old.
    Attempt,
    /// The cloud did not answer, or with an error of its own.
    Unavailable,
    /// The cloud may have carried out the call, but its answer was lost.
    Unknown,
    /// The endpoint is not allowed.
    Endpoint,
    /// Parts of a failed order could not be undone and are paid for.
    Leftover,
    /// An answer that nobody foresaw.
    Unexpected,
}

fn code_in_brackets(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

fn id_in_brackets(id: Option<&str>) -> String {
    id.map(|id| format!(" [request {id}]")).unwrap_or_default()
}

impl CloudError {
    /// An error in the cloud's words or in Signet's own (a pair: Chinese, English), cut to 500 characters.
    pub fn new(trouble: Trouble, message: impl Into<Wording>) -> Self {
        Self { trouble, code: None, message: message.into().truncated(MESSAGE_CHARS), request_id: None }
    }

    /// What may be said of an address that a customer named: what a cloud says with a code of its own. Everything else
    /// would tell strangers which addresses this service reaches, and what stands there (server-side request forgery); it
    /// goes into the log, for the operator.
    #[must_use]
    pub fn of_unlisted(self) -> Self {
        if self.code.is_some() || matches!(self.trouble, Trouble::Clock) {
            return self;
        }
        tracing::warn!("an endpoint in no list: {self}");
        let trouble = if self.trouble == Trouble::Endpoint { Trouble::Unavailable } else { self.trouble };
        let message = (
            "该终端节点未被允许、无法访问，或者应答的不是云服务：软件商可以在服务日志中查到原因。",
            "The endpoint is not allowed, cannot be reached, or does not answer as a cloud: the merchant finds the reason in \
             the service's log.",
        );
        Self::new(trouble, message)
    }

    /// With the cloud's code and request id.
    #[must_use]
    pub fn with(self, code: Option<String>, request_id: Option<String>) -> Self {
        Self { code, request_id, ..self }
    }
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Credentials,
        Self::Expired,
        Self::Agency,
        Self::Permission,
        Self::Clock,
        Self::Quota,
        Self::Capacity,
        Self::Payment,
        Self::Choice,
        Self::NotFound,
        Self::Throttled,
        Self::Attempt,
        Self::Unavailable,
        Self::Unknown,
        Self::Endpoint,
        Self::Leftover,
        Self::Unexpected,
    ];

    /// Whether the same call may succeed in a moment.
    pub fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Whether other credentials would help.
    pub fn wants_credentials(self) -> bool {
        matches!(self, Self::Credentials | Self::Expired | Self::Agency)
    }

    /// The name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Expired => "expired",
            Self::Agency => "agency",
            Self::Permission => "permission",
            Self::Clock => "clock",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::Payment => "payment",
            Self::Choice => "choice",
            Self::NotFound => "not_found",
            Self::Throttled => "throttled",
            Self::Attempt => "attempt",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::Endpoint => "endpoint",
            Self::Leftover => "leftover",
            Self::Unexpected => "unexpected",
        }
    }

    /// What to do next.
    pub fn advice(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::Credentials => (
                "请检查访问密钥（AK）和密钥（SK）是否完整、是否属于该云和区域，然后重新填写。",
                "Check that access key and secret are complete and belong to this cloud, then enter them again.",
            ),
            Self::Expired => (
                "临时凭证已过期，请重新获取并填写，部署会从中断处继续。",
                "The temporary credentials are over. Get new ones and enter them: the deployment goes on where it stopped.",
            ),
            Self::Agency => (
                "请按页面上的步骤检查委托：被委托的账号、外部 ID 或委托名称必须与页面一致，然后重新填写。",
                "Compare the agency with the page's steps: delegated account, external id or name must be exactly those \
                 shown. Then enter it again.",
            ),
            Self::Permission => (
                "请为该用户授予向导中列出的最小权限策略，然后继续。",
                "Give the user the policy that the wizard shows, then resume.",
            ),
            Self::Clock => (
                "服务端时钟与云端不一致，请联系软件商校准服务器时间。",
                "This service's clock is wrong. Ask the merchant to set it.",
            ),
            Self::Quota => (
                "账号配额不足：请在云控制台申请提升配额，或释放不用的资源后继续。",
                "The account's quota is used up: ask the cloud for more, or delete what you no longer need, then resume.",
            ),
            Self::Capacity => (
                "该规格在此可用区已售罄：请换一个规格或可用区重新部署。",
                "This flavor is sold out in this zone: deploy again with another flavor or zone.",
            ),
            Self::Payment => (
                "请在云控制台检查余额、支付方式和实名认证，然后继续。",
                "Check balance, payment method and real-name verification in the cloud's console, then resume.",
            ),
            Self::Choice => (
                "所选资源不存在或不匹配：请重新选择后再部署。",
                "Something you chose does not exist any more or does not fit: choose again and deploy anew.",
            ),
            Self::NotFound => {
                ("云端找不到该资源，可能已被删除。", "The cloud does not know it: it may have been deleted.")
            }
            Self::Throttled => {
                ("云端请求过于频繁，稍后会自动重试。", "The cloud asks for fewer calls; it is tried again by itself.")
            }
            Self::Attempt => ("请点击“继续”，系统会以新的请求重新下单。", "Resume: the server is ordered anew."),
            Self::Unavailable => (
                "云端暂时无法访问，稍后会自动重试；如持续出现请点击“继续”。",
                "The cloud cannot be reached; it is tried again by itself. Resume when it is back.",
            ),
            Self::Unknown => (
                "未收到云端答复，系统会先查找是否已创建，再决定是否重试。",
                "The answer was lost: what was made is looked up before anything is tried again.",
            ),
            Self::Endpoint => (
                "该终端节点（或向它发送安全令牌）未被允许：请按提示确认，或联系软件商在设置中放行。",
                "Not allowed at this endpoint. Confirm what the message names, or ask the merchant, whose settings allow endpoints.",
            ),
            Self::Leftover => (
                "云端回滚失败，可能有资源残留并计费：请在“资源清单”中清理，或到云控制台删除。",
                "The cloud could not undo a failed order: something may be left and paid for. Clean up here or in its console.",
            ),
            Self::Unexpected => {
                ("请把错误码和请求 ID 发给软件商的技术支持。", "Send code and request id to the merchant's support.")
            }
        };
        match language {
            Language::Zh => zh,
            Language::En => en,
        }
    }
}
