//! Letters: what people are told by mail, in words, as text and as HTML. Pure: nothing is sent here.
//!
//! [`words`] says it in both languages; the templates in `templates/mail` are the sheet on which it stands.

mod words;

use askama::Template;

use crate::base::{
    text::{Language, Localized},
    time::Time,
};

/// What a letter is about. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A license is there.
    LicenseDelivered,
    /// A license ends soon.
    LicenseExpiring,
    /// A license was renewed.
    LicenseRenewed,
    /// A license ended for good.
    LicenseReleased,
    /// The software runs.
    DeploymentDone,
    /// To the merchant: calls from or to a marketplace fail.
    CallFailing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::LicenseDelivered,
        Self::LicenseExpiring,
        Self::LicenseRenewed,
        Self::LicenseReleased,
        Self::DeploymentDone,
        Self::CallFailing,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LicenseDelivered => "license_delivered",
            Self::LicenseExpiring => "license_expiring",
            Self::LicenseRenewed => "license_renewed",
            Self::LicenseReleased => "license_released",
            Self::DeploymentDone => "deployment_done",
            Self::CallFailing => "call_failing",
        }
    }

    /// Whether it goes to the merchant, not to the holder of a license.
    pub fn is_to_the_merchant(self) -> bool {
        self == Self::CallFailing
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("`{text}` is no mail; there are {}", known.join(", "))
        })
    }
}

/// What a letter tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The product's name.
    pub product: Localized,
    /// The plan's name.
    pub plan: Localized,
    /// The license's id.
    pub license: String,
    /// When it ends.
    pub expires_at: Option<Time>,
    /// Whole days until then, the begun one included.
    pub days_left: i64,
    /// Where its holder sees it.
    pub page: String,
    /// Where help is to be had: an address for mail, a telephone number or a page.
    pub support: Option<String>,
    /// What fails: the alert's kind, the channel, the order, and why.
    pub trouble: Vec<(String, String)>,
}

/// A letter, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its subject: one line.
    pub subject: String,
    /// As text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

/// What stands on the sheet.
#[derive(Debug, Clone)]
struct Sheet {
    language: Language,
    subject: String,
    paragraphs: Vec<String>,
    rows: Vec<(&'static str, String)>,
    link: Option<(&'static str, String)>,
    closing: String,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    it: &'a Sheet,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    it: &'a Sheet,
    code: &'static str,
}

/// Writes the letter.
///
/// # Errors
/// When a template fails, which writing into memory does not.
pub fn write(kind: Kind, language: Language, facts: &Facts) -> Result<Letter, askama::Error> {
    let it = &words::sheet(kind, language, facts);
    let code = match it.language {
        Language::Zh => "zh-CN",
        Language::En => "en",
    };
    // A name with a line break would begin another header.
    let subject = it.subject.split(char::is_control).collect::<Vec<_>>().join(" ");
    Ok(Letter { subject, text: Text { it }.render()?, html: Html { it, code }.render()? })
}

#[cfg(test)]
mod tests;
