//! What the page says about what has just happened.

use crate::{base::text::Language, web::html::Words};

/// Something that happened, or why nothing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A seat was freed.
    Freed,
    /// There is no such machine.
    NoSuchMachine,
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
    pub fn words(&self, t: Words) -> String {
        let (zh, en) = match self {
            Self::Freed => ("名额已释放，另一台机器可以使用它。", "The seat is free. Another machine can take it."),
            Self::NoSuchMachine => {
                ("没有这台机器。它可能已经被移除。", "There is no such machine. It may have been removed meanwhile.")
            }
            Self::StaleForm => (
                "这个表单已过期，没有执行任何操作。请重试。",
                "This form is out of date, so nothing was done. Try again.",
            ),
        };
        match t.0 {
            Language::Zh => zh.to_owned(),
            Language::En => en.to_owned(),
        }
    }
}
