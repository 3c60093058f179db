//! The steps of the wizard and their order.

use crate::web::html::Words;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Cloud and region.
    Where,
    /// What opens the account.
    Credentials,
    /// Zone and size.
    Server,
    /// Image, disk, name.
    System,
    /// Subnet, security group, public address.
    Network,
    /// Password or key pair, and what the software asks.
    Access,
    /// Everything once more.
    Review,
}

impl Step {
    const ALL: [Self; 7] =
        [Self::Where, Self::Credentials, Self::Server, Self::System, Self::Network, Self::Access, Self::Review];

    /// The steps in their order. A server that exists needs few.
    pub fn all(own: bool, asks: bool) -> Vec<Self> {
        let needed = |step: &Self| match step {
            Self::Where | Self::Review => true,
            Self::Access => !own || asks,
            _ => !own,
        };
        Self::ALL.into_iter().filter(needed).collect()
    }

    /// The name in the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Where => "where",
            Self::Credentials => "credentials",
            Self::Server => "server",
            Self::System => "system",
            Self::Network => "network",
            Self::Access => "access",
            Self::Review => "review",
        }
    }

    /// The step of that name; the first for every other text.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|step| step.as_str() == name).unwrap_or(Self::Where)
    }

    /// What it asks, in a word.
    pub fn label(self, t: Words) -> &'static str {
        match self {
            Self::Where => t.pick("位置", "Place"),
            Self::Credentials => t.pick("凭证", "Credentials"),
            Self::Server => t.pick("规格", "Server"),
            Self::System => t.pick("系统", "System"),
            Self::Network => t.pick("网络", "Network"),
            Self::Access => t.pick("登录", "Login"),
            Self::Review => t.pick("确认", "Review"),
        }
    }

    /// What it asks, as a heading.
    pub fn title(self, t: Words) -> &'static str {
        match self {
            Self::Where => t.pick("部署到哪里？", "Where should it run?"),
            Self::Credentials => t.pick("打开您的云账号", "Open your cloud account"),
            Self::Server => t.pick("选择服务器规格", "Choose a server"),
            Self::System => t.pick("选择系统与磁盘", "Choose the system and its disk"),
            Self::Network => t.pick("选择网络", "Choose the network"),
            Self::Access => t.pick("登录方式与软件设置", "How to log in, and the software's settings"),
            Self::Review => t.pick("确认后开始", "Check, then go"),
        }
    }

    /// The fields it shows. All others travel hidden.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Where => &["cloud", "region-huawei", "region-ec2", "region-simulated", "endpoint", "endpoint_tokens"],
            Self::Credentials => &["way", "access_key", "agency_urn", "agency_account"],
            Self::Server => &["zone", "flavor"],
            Self::System => &["image", "disk", "name"],
            Self::Network => &["subnet", "group", "public", "mbit"],
            Self::Access => &["login", "key_pair"],
            Self::Review => &["id"],
        }
    }
}
