//! What the page says about what has just happened.

use std::borrow::Cow;

use signet_verify::request::RequestError;

use crate::{
    base::{limits, text::Language},
    license::activation::Reason,
    usecase::license_file::Declined,
    web::html::Words,
};

/// Something that happened, or why nothing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A seat was freed.
    Freed,
    /// Mail goes to the address that was named.
    MailTo,
    /// No mail is sent any more.
    NoMail,
    /// What was named is no address.
    NoAddress,
    /// There is no such machine.
    NoSuchMachine,
    /// There is no license file.
    NoFile(Declined),
    /// The request text has a mistake.
    Mistyped(RequestError),
    /// The machine got no seat.
    NoSeat(Reason),
    /// The form belongs to another session, or is none of ours.
    StaleForm,
    /// Too many files were asked for within a minute.
    TooMany,
}

impl Notice {
    /// What `?done=` stands for.
    pub fn from_done(done: &str) -> Option<Self> {
        match done {
            "freed" => Some(Self::Freed),
            "mail" => Some(Self::MailTo),
            "no-mail" => Some(Self::NoMail),
            _ => None,
        }
    }

    /// Whether something went wrong.
    pub fn is_problem(&self) -> bool {
        !matches!(self, Self::Freed | Self::MailTo | Self::NoMail)
    }

    /// Whether it belongs beside the request text that was sent.
    pub fn is_about_request(&self) -> bool {
        matches!(self, Self::Mistyped(_) | Self::NoSeat(_) | Self::TooMany)
    }

    /// In words.
    pub fn words(&self, t: Words) -> Cow<'static, str> {
        match self {
            Self::Freed => {
                t.pick("名额已释放，另一台机器可以使用它。", "The seat is free. Another machine can take it.").into()
            }
            Self::MailTo => t.pick("已保存。今后会发邮件通知您。", "Saved. You are told by mail from now on.").into(),
            Self::NoMail => t.pick("已删除邮箱，不再发送邮件。", "The address is taken away. No more mail is sent.").into(),
            Self::NoAddress => t
                .pick("这不是可以收信的邮箱地址，没有保存。", "That is no address to which mail can be sent, so nothing was saved.")
                .into(),
            Self::NoSuchMachine => t
                .pick(
                    "没有这台机器。它可能已经被移除。",
                    "There is no such machine. It may have been removed meanwhile.",
                )
                .into(),
            Self::NoFile(declined) => no_file(t, *declined),
            Self::Mistyped(error) => mistyped(t, error),
            Self::NoSeat(reason) => no_seat(t, *reason).into(),
            Self::StaleForm => t
                .pick(
                    "这个表单已过期，没有执行任何操作。请重试。",
                    "This form is out of date, so nothing was done. Try again.",
                )
                .into(),
            Self::TooMany => t
                .pick(
                    "一分钟之内的请求太多，没有执行任何操作。请等一分钟再试。",
                    "There were too many requests for this license within a minute, so nothing was done. Wait a minute, then try again.",
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

fn mistyped(t: Words, error: &RequestError) -> Cow<'static, str> {
    let zh = match (t.0, error) {
        // The error's own words are English.
        (Language::En, _) => return sentence(&error.to_string()).into(),
        (Language::Zh, RequestError::Symbol { line, position, character }) => {
            format!("第 {line} 行第 {position} 个字符“{character}”不可能出现：只有数字和除 U 以外的字母 A 到 Z。")
        }
        (Language::Zh, RequestError::Length { line, found }) => {
            format!("第 {line} 行有 {found} 个字符（包括行号），数量不对。请与原文对照。")
        }
        (Language::Zh, RequestError::Check { line }) => {
            format!("第 {line} 行有输入错误：某个字符写错了，或两个字符换了位置。请与原文对照。")
        }
        (Language::Zh, RequestError::Order { line, found }) => {
            format!("应该是第 {line} 行的地方是第 {found} 行：有一行缺失、重复或顺序不对。")
        }
        (Language::Zh, RequestError::Incomplete { lines }) => format!("文本不完整：第 {lines} 行之后缺失。"),
        (Language::Zh, RequestError::Empty) => "没有请求文本。请复制它的所有行。".to_owned(),
        (Language::Zh, RequestError::TooLong) => "文本太长，不可能是请求。请只复制请求文本。".to_owned(),
        (Language::Zh, RequestError::Mixed) => "这些行来自两个不同的请求。请使用同一个请求的所有行。".to_owned(),
        (Language::Zh, RequestError::Version { .. }) => {
            "这个请求由较新的软件生成，本服务还读不懂。请联系卖方。".to_owned()
        }
        (Language::Zh, RequestError::Content(_)) => "请求的内容无效。请在机器上重新生成。".to_owned(),
    };
    zh.into()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

fn no_seat(t: Words, reason: Reason) -> &'static str {
    match reason {
        Reason::MachineLimit => t.pick(
            "没有空余名额。请先在上面的机器列表中释放一个，然后再次提交请求。",
            "No seat is left. Free one in the list of machines, then send the request again.",
        ),
        Reason::ActivationCycling => t.pick(
            "一天之内的新机器太多。请稍后再试，或联系卖方。",
            "There were too many new machines within a day. Try again later, or ask the seller.",
        ),
        Reason::ProductMismatch => t.pick(
            "这个请求是为另一个产品生成的。请在机器上为本产品重新生成。",
            "This request is for another product. Make one for this product on the machine.",
        ),
        Reason::DeviceMismatch => {
            t.pick("许可证绑定了另一台设备。请联系卖方。", "The license is bound to another device. Ask the seller.")
        }
        _ => t.pick(
            "许可证当前无效，所以机器没有得到名额。页首说明了状态和下一步。",
            "The license does not hold at present, so the machine got no seat. The top of the page says how it stands and what to do.",
        ),
    }
}
