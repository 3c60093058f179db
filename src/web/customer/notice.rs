//! What the page says about what has just happened.

use std::borrow::Cow;

use crate::{
    base::{limits, text::Language},
    usecase::license_file::Declined,
    web::html::Words,
};

/// Something that happened, or why nothing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A seat was freed.
    Freed,
    /// There is no such machine.
    NoSuchMachine,
    /// There is no license file.
    NoFile(Declined),
    /// The form belongs to another session, or is none of ours.
    StaleForm,
}

impl Notice {
    /// What `?done=` stands for.
    pub fn from_done(done: &str) -> Option<Self> {
        match done {
            "freed" => Some(Self::Freed),
            _ => None,
        }
    }

    /// Whether something went wrong.
    pub fn is_problem(&self) -> bool {
        !matches!(self, Self::Freed)
    }

    /// In words.
    pub fn words(&self, t: Words) -> Cow<'static, str> {
        match self {
            Self::Freed => {
                t.pick("名额已释放，另一台机器可以使用它。", "The seat is free. Another machine can take it.").into()
            }
            Self::NoSuchMachine => t
                .pick(
                    "没有这台机器。它可能已经被移除。",
                    "There is no such machine. It may have been removed meanwhile.",
                )
                .into(),
            Self::NoFile(declined) => no_file(t, *declined),
            Self::StaleForm => t
                .pick(
                    "这个表单已过期，没有执行任何操作。请重试。",
                    "This form is out of date, so nothing was done. Try again.",
                )
                .into(),
        }
    }
}

fn no_file(t: Words, declined: Declined) -> Cow<'static, str> {
    match declined {
        Declined::Standing(_) => t
            .pick(
                "许可证当前无效，所以没有许可证文件。请看下面的状态和下一步。",
                "The license does not hold at present, so there is no license file. See below how it stands and what to do.",
            )
            .into(),
        Declined::NoMachine | Declined::NoSeat(_) => t
            .pick(
                "许可证文件与机器绑定，而现在没有机器占用名额。请先激活一台机器。",
                "A license file is bound to machines, and none has a seat now. Activate one first.",
            )
            .into(),
        Declined::TooMany => match t.0 {
            Language::Zh => format!("一个许可证文件最多包含 {} 台机器。请联系卖方分批获取。", limits::FILE_MACHINES).into(),
            Language::En => format!(
                "A license file names at most {} machines. Ask the seller for several files.",
                limits::FILE_MACHINES
            )
            .into(),
        },
    }
}
