//! Text in the product's two languages.

use serde::{Deserialize, Serialize};

/// A language Signet speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 简体中文
    Zh,
    /// English
    En,
}

/// The same text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Localized {
    /// 简体中文
    pub zh: String,
    /// English
    pub en: String,
}

impl Localized {
    /// The text in `language`.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// Words for people: in both languages where they are Signet's own, in one where a cloud or a machine said them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wording {
    /// Whoever said it said it in one language.
    Plain(String),
    /// Signet's own words.
    Both(Localized),
}

impl Wording {
    /// The same words in both languages.
    pub fn both(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Both(Localized { zh: zh.into(), en: en.into() })
    }

    /// The words in `language`, or in the only one there is.
    pub fn get(&self, language: Language) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Both(texts) => texts.get(language),
        }
    }

    /// The same, each cut to at most `max` characters.
    #[must_use]
    pub fn truncated(&self, max: usize) -> Self {
        self.map(|text| truncate(text, max))
    }

    /// The same with each text replaced by what `change` makes of it.
    #[must_use]
    pub fn map(&self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Plain(text) => Self::Plain(change(text)),
            Self::Both(texts) => Self::both(change(&texts.zh), change(&texts.en)),
        }
    }
}

/// In English: for logs, and for those who did not say what they read.
impl std::fmt::Display for Wording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.get(Language::En))
    }
}

impl From<&str> for Wording {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Wording {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<(&str, &str)> for Wording {
    fn from((zh, en): (&str, &str)) -> Self {
        Self::both(zh, en)
    }
}

/// `text` cut to at most `max` characters (not bytes), the last an ellipsis when something was cut.
pub fn truncate(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}
